"""RTZR's protocol according to its documentation: submit, poll, result."""

import io
import json
import logging

import pytest
from redis import Redis

from tests.vendors.scripted import Vendor, answer
from tests.vendors.talk import UTTERANCE, parts, signed_in, submit
from transcription.vendors import base
from transcription.vendors.rtzr import Rtzr


def test_signing_in_then_submitting_then_polling(vendor: Vendor, rtzr: Rtzr) -> None:
    vendor.will(
        signed_in(),
        answer(200, {"id": "J1", "new_field": 1}),
        answer(200, {"id": "J1", "status": "transcribing"}),
        answer(200, {"id": "J1", "status": "completed", "results": {"utterances": [UTTERANCE]}}),
    )
    assert submit(rtzr) == base.Accepted("J1")
    assert rtzr.fetch("J1") == base.Running()
    said = base.VendorUtterance(100, 2500, "안녕하세요.", "0", "ko")
    assert rtzr.fetch("J1") == base.Finished(base.Transcript((said,)))
    assert vendor.paths == [
        "POST /v1/authenticate",
        "POST /v1/transcribe",
        "GET /v1/transcribe/J1",
        "GET /v1/transcribe/J1",
    ]
    assert vendor.requests[0].body == b"client_id=me&client_secret=s3cr3t-of-mine"
    assert [r.headers.get("Authorization") for r in vendor.requests] == [None, *["bearer T1"] * 3]
    assert parts(vendor.requests[1])["file"] == b"RIFFsound"


@pytest.mark.parametrize(
    ("progress", "done_ms"),
    [
        ({"done_ms": 0, "duration_ms": 9000}, 0),
        ({"done_ms": 9000, "duration_ms": 9000, "new_field": 1}, 9000),
        ({"done_ms": 9001, "duration_ms": 9000}, None),
        ({"done_ms": -1, "duration_ms": 9000}, None),
        ({"done_ms": 10.5, "duration_ms": 9000}, None),
        ({"done_ms": True, "duration_ms": 9000}, None),
        ({"done_ms": 2**31, "duration_ms": 2**31}, None),
        ({"done_ms": 10}, None),
        ([10, 9000], None),
        ("half", None),
        (None, None),
    ],
)
def test_how_far_a_job_is_counts_only_as_whole_milliseconds_within_its_length(
    vendor: Vendor, rtzr: Rtzr, progress: object, done_ms: int | None
) -> None:
    vendor.will(signed_in(), answer(200, {"status": "transcribing", "progress": progress}))
    assert rtzr.fetch("J1") == base.Running(done_ms)


@pytest.mark.parametrize(
    ("options", "config"),
    [
        (base.SubmitOptions("ko"), {"model_name": "sommers", "language": "ko"}),
        (base.SubmitOptions("en"), {"model_name": "whisper", "language": "en"}),
        (base.SubmitOptions("ja", speaker_count=3), {"model_name": "sommers", "language": "ja"}),
        (
            base.SubmitOptions("ko", diarization=True, speaker_count=3),
            {
                "model_name": "sommers",
                "language": "ko",
                "use_diarization": True,
                "diarization": {"spk_count": 3},
            },
        ),
        (
            base.SubmitOptions("ko", diarization=True),
            {
                "model_name": "sommers",
                "language": "ko",
                "use_diarization": True,
                "diarization": {"spk_count": 0},
            },
        ),
        (
            base.SubmitOptions("ko", keywords=("미코",)),
            {"model_name": "sommers", "language": "ko", "keywords": ["미코"]},
        ),
    ],
)
def test_the_config_says_what_is_wanted(
    vendor: Vendor, ready: Rtzr, options: base.SubmitOptions, config: dict[str, object]
) -> None:
    vendor.will(answer(200, {"id": "J1"}))
    submit(ready, options)
    assert json.loads(parts(vendor.requests[0])["config"]) == config | {"use_word_timestamp": True}


CANDIDATES = {"language_candidates": ["ko", "ja", "zh", "en"]}


@pytest.mark.parametrize("mode", ["detect", "multi"])
def test_a_mode_is_for_whisper_and_names_what_it_chooses_from(vendor: Vendor, ready: Rtzr, mode: str) -> None:
    vendor.will(answer(200, {"id": "J1"}))
    submit(ready, base.SubmitOptions(mode))
    expected = {"model_name": "whisper", "language": mode, "use_word_timestamp": True} | CANDIDATES
    assert json.loads(parts(vendor.requests[0])["config"]) == expected
    assert ready.model(mode) == "whisper"


def test_a_service_that_tells_all_languages_apart_is_given_no_candidates(
    vendor: Vendor, client: Redis
) -> None:
    account = Rtzr(client, client_id="me", client_secret="s", base_url=vendor.url, candidates=[])
    vendor.will(signed_in(), answer(200, {"id": "J1"}))
    submit(account, base.SubmitOptions("detect"))
    assert "language_candidates" not in json.loads(parts(vendor.requests[1])["config"])


def test_only_sound_with_a_lead_says_so(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(answer(200, {"id": "J1"}))
    source = base.AudioSource(io.BytesIO(b"RIFF"), 4, "a.wav", "audio/wav", lead_ms=1500)
    ready.submit(source, base.SubmitOptions("ko"))
    config = json.loads(parts(vendor.requests[0])["config"])
    assert config["lead_ms"] == 1500
    assert not {"lead_tail_ms", "tail_ms"} & set(config)


def test_a_sound_that_was_cut_within_a_word_says_how_much_of_it_comes_again(
    vendor: Vendor, ready: Rtzr
) -> None:
    vendor.will(answer(200, {"id": "J1"}))
    source = base.AudioSource(
        io.BytesIO(b"RIFF"), 4, "a.wav", "audio/wav", lead_ms=1500, lead_tail_ms=400, tail_ms=500
    )
    ready.submit(source, base.SubmitOptions("ko"))
    config = json.loads(parts(vendor.requests[0])["config"])
    assert (config["lead_ms"], config["lead_tail_ms"], config["tail_ms"]) == (1500, 400, 500)


def test_its_languages_are_whispers_of_two_letters_and_the_modes(rtzr: Rtzr) -> None:
    assert len(rtzr.languages) == 100
    assert {"ko", "en", "ja", "jw", "detect", "multi"} < set(rtzr.languages)
    assert not {"haw", "yue", "", "en-US"} & set(rtzr.languages)


def test_an_account_may_have_fewer_languages(client: Redis) -> None:
    account = Rtzr(client, client_id="me", client_secret="s", languages=["ko", "detect"])
    assert account.languages == ("ko", "detect")


def test_the_upload_starts_where_the_file_stands(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(answer(200, {"id": "J1"}))
    file = io.BytesIO(b"skipped" + bytes(100_000))
    file.seek(7)
    ready.submit(base.AudioSource(file, 100_000, "a.wav", "audio/wav"), base.SubmitOptions("ko"))
    assert parts(vendor.requests[0])["file"] == bytes(100_000)


def test_words_come_along(vendor: Vendor, ready: Rtzr) -> None:
    words = [
        {"start_at": 100, "duration": 40, "text": "안녕"},
        {"start_at": 150, "duration": 0, "text": "요"},
    ]
    results = {"utterances": [UTTERANCE | {"words": words}]}
    vendor.will(answer(200, {"status": "completed", "results": results}))
    finished = ready.fetch("J1")
    assert isinstance(finished, base.Finished)
    assert finished.transcript.utterances[0].words == (base.Word(100, 40, "안녕"), base.Word(150, 0, "요"))


def test_silence_is_a_transcript_without_utterances(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(answer(200, {"status": "completed", "results": {"utterances": []}}))
    assert ready.fetch("J1") == base.Finished(base.Transcript(()))


def test_a_failed_job_gives_its_reason(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(
        answer(200, {"id": "J1", "status": "failed", "error": {"code": "E9", "message": "no\nspeech"}}),
        answer(200, {"id": "J1", "status": "failed"}),
        answer(200, {"id": "J1", "status": "failed", "error": {"code": 5, "message": None}}),
    )
    assert ready.fetch("J1") == base.JobFailed("E9", "no speech")
    assert ready.fetch("J1") == base.JobFailed("", "RTZR gave no reason.")
    assert ready.fetch("J1") == base.JobFailed("", "RTZR gave no reason.")


def test_an_unknown_state_is_taken_for_running_and_logged_once(
    vendor: Vendor, ready: Rtzr, caplog: pytest.LogCaptureFixture
) -> None:
    vendor.will(*[answer(200, {"status": "rehearsing"})] * 2)
    with caplog.at_level(logging.WARNING):
        assert [ready.fetch("J1"), ready.fetch("J1")] == [base.Running()] * 2
    assert [record.getMessage().count("rehearsing") for record in caplog.records] == [1]


def test_a_job_id_stays_one_part_of_the_path(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(answer(200, {"status": "transcribing"}))
    ready.fetch("../authenticate?x=1#y")
    assert vendor.paths == ["GET /v1/transcribe/..%2Fauthenticate%3Fx%3D1%23y"]
