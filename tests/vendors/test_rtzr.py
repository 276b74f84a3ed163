"""RTZR's protocol as its documentation tells it, and everything else that may come instead."""

import email.parser
import io
import json
import logging
import time

import pytest
import redis

from tests.vendors.scripted import (
    Reply,
    Request,
    Vendor,
    answer,
    cut_short,
    drop,
    drop_unread,
    hang,
    refuse_unread,
)
from transcription.vendors import base
from transcription.vendors.rtzr import Rtzr

UTTERANCE = {"start_at": 100, "duration": 2500, "msg": "안녕하세요.", "spk": 0, "lang": "ko"}


def signed_in(token: str = "T1") -> Reply:
    return answer(200, {"access_token": token, "expire_at": time.time() + 21_600})


@pytest.fixture
def rtzr(vendor: Vendor, client: redis.Redis) -> Rtzr:
    return Rtzr(
        client,
        client_id="me",
        client_secret="s3cr3t-of-mine",
        base_url=f"{vendor.url}/",
        connect_timeout_s=0.3,
        read_timeout_s=0.3,
    )


@pytest.fixture
def ready(vendor: Vendor, rtzr: Rtzr) -> Rtzr:
    """Signed in already."""
    vendor.will(signed_in(), answer(200, {"status": "transcribing"}))
    rtzr.fetch("warm")
    vendor.requests.clear()
    return rtzr


def sound(data: bytes = b"RIFFsound") -> base.AudioSource:
    return base.AudioSource(io.BytesIO(data), len(data), "회의.wav", "audio/wav")


def submit(rtzr: Rtzr, options: base.Options | None = None) -> base.Accepted:
    return rtzr.submit(sound(), options or base.Options("ko"))


def parts(request: Request) -> dict[str, bytes]:
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message = email.parser.BytesParser().parsebytes(head + request.body)
    return {
        str(part.get_param("name", header="Content-Disposition")): part.get_payload(decode=True)  # type: ignore[misc]
        for part in message.walk()
        if not part.is_multipart()
    }


# The ordinary way


def test_signing_in_then_submitting_then_polling(vendor: Vendor, rtzr: Rtzr) -> None:
    vendor.will(
        signed_in(),
        answer(200, {"id": "J1", "new_field": 1}),
        answer(200, {"id": "J1", "status": "transcribing"}),
        answer(200, {"id": "J1", "status": "completed", "results": {"utterances": [UTTERANCE]}}),
    )
    assert submit(rtzr) == base.Accepted("J1")
    assert rtzr.fetch("J1") == base.Running()
    said = base.Utterance(100, 2500, "안녕하세요.", "0", "ko")
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
    ("options", "config"),
    [
        (base.Options("ko"), {"model_name": "sommers", "language": "ko"}),
        (base.Options("en"), {"model_name": "whisper", "language": "en"}),
        (base.Options("ja", speaker_count=3), {"model_name": "whisper", "language": "ja"}),
        (
            base.Options("ko", diarization=True, speaker_count=3),
            {
                "model_name": "sommers",
                "language": "ko",
                "use_diarization": True,
                "diarization": {"spk_count": 3},
            },
        ),
        (
            base.Options("ko", diarization=True),
            {
                "model_name": "sommers",
                "language": "ko",
                "use_diarization": True,
                "diarization": {"spk_count": 0},
            },
        ),
        (
            base.Options("ko", keywords=("미코",)),
            {"model_name": "sommers", "language": "ko", "keywords": ["미코"]},
        ),
    ],
)
def test_the_config_says_what_is_wanted(
    vendor: Vendor, ready: Rtzr, options: base.Options, config: dict[str, object]
) -> None:
    vendor.will(answer(200, {"id": "J1"}))
    submit(ready, options)
    assert json.loads(parts(vendor.requests[0])["config"]) == config | {"use_word_timestamp": True}


def test_languages_are_iso_codes(rtzr: Rtzr) -> None:
    assert [rtzr.supports(language) for language in ("ko", "en", "ja", "", "detect", "en-US", "한국")] == [
        *[True] * 3,
        *[False] * 4,
    ]


def test_the_upload_starts_where_the_file_stands_and_tells_its_progress(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(answer(200, {"id": "J1"}))
    file, told = io.BytesIO(b"skipped" + bytes(100_000)), list[int]()
    file.seek(7)
    ready.submit(base.AudioSource(file, 100_000, "a.wav", "audio/wav", told.append), base.Options("ko"))
    assert parts(vendor.requests[0])["file"] == bytes(100_000)
    assert told[-1] == len(vendor.requests[0].body)


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


# Errors with a code


SUBMIT, FETCH = "submit", "fetch"


@pytest.mark.parametrize(
    ("on", "status", "code", "kind", "fields"),
    [
        (SUBMIT, 400, "H0001", base.Rejected, {"reason": "bad_parameters"}),
        (SUBMIT, 400, "H0010", base.Rejected, {"reason": "unsupported_format"}),
        (SUBMIT, 413, "H0005", base.Rejected, {"reason": "too_large"}),
        (SUBMIT, 413, "H0006", base.Rejected, {"reason": "too_long"}),
        (FETCH, 403, "H0003", base.Rejected, {"reason": "forbidden"}),
        (FETCH, 404, "H0004", base.ResultGone, {"reason": "not_found"}),
        (FETCH, 410, "H0007", base.ResultGone, {"reason": "expired"}),
        (SUBMIT, 429, "A0001", base.QuotaExhausted, {"retry_after_s": None}),
        (SUBMIT, 429, "A0002", base.Throttled, {"scope": base.Scope.SUBMIT, "retry_after_s": None}),
        (FETCH, 429, "A0003", base.Throttled, {"scope": base.Scope.ALL, "retry_after_s": None}),
        (SUBMIT, 429, "A0099", base.Throttled, {"scope": base.Scope.ALL}),
        (FETCH, 429, "", base.Throttled, {"scope": base.Scope.ALL}),
        (SUBMIT, 500, "E500", base.Unavailable, {"may_have_arrived": False}),
        (FETCH, 500, "E500", base.Unavailable, {}),
        (SUBMIT, 400, "H0099", base.Rejected, {"reason": "bad_parameters"}),
        (SUBMIT, 403, "", base.AuthFailed, {}),
        (SUBMIT, 404, "", base.ProtocolError, {"may_have_arrived": False}),
    ],
)
def test_a_code_of_the_documentation_means(
    vendor: Vendor,
    ready: Rtzr,
    on: str,
    status: int,
    code: str,
    kind: type[base.VendorError],
    fields: dict[str, object],
) -> None:
    vendor.will(answer(status, {"code": code, "msg": "what it says"} if code else {}))
    with pytest.raises(base.VendorError) as caught:
        submit(ready) if on == SUBMIT else ready.fetch("J1")
    assert type(caught.value) is kind
    assert caught.value.code == code
    assert {name: getattr(caught.value, name) for name in fields} == fields
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("code", ["A0001", "A0002", "A0003", "", "new"])
def test_a_throttle_passes_on_the_wait_that_was_asked_for(vendor: Vendor, ready: Rtzr, code: str) -> None:
    vendor.will(answer(429, {"code": code, "msg": "x"}, {"Retry-After": "17"}))
    with pytest.raises(base.VendorError) as caught:
        submit(ready)
    assert isinstance(caught.value, base.Throttled | base.QuotaExhausted)
    assert caught.value.retry_after_s == 17.0


@pytest.mark.parametrize("body", [b"<html>429 Too Many Requests</html>", b"", b"null", b"[]", b'{"code": 7}'])
def test_a_throttle_is_a_throttle_whatever_its_body(vendor: Vendor, ready: Rtzr, body: bytes) -> None:
    vendor.will(answer(429, body))
    with pytest.raises(base.Throttled) as caught:
        ready.fetch("J1")
    assert (caught.value.scope, caught.value.code) == (base.Scope.ALL, "")


def test_a_refusal_before_the_upload_is_read_is_heard(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(refuse_unread(429, {"code": "A0002", "msg": "Too many concurrent requests"}))
    with pytest.raises(base.Throttled) as caught:
        ready.submit(sound(bytes(20_000_000)), base.Options("ko"))
    assert caught.value.scope is base.Scope.SUBMIT


def test_trouble_in_html_is_trouble(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(answer(502, b"<html>Bad Gateway</html>"), answer(503, b"<html>", {"Retry-After": "5"}))
    with pytest.raises(base.Unavailable) as lost:
        submit(ready)
    with pytest.raises(base.Unavailable) as busy:
        submit(ready)
    assert (lost.value.may_have_arrived, busy.value.may_have_arrived) == (True, False)
    assert busy.value.retry_after_s == 5.0


def test_a_404_that_is_not_the_vendors_own_does_not_end_a_job(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(answer(404, b"<html>no such site</html>"))
    with pytest.raises(base.ProtocolError):
        ready.fetch("J1")


# Garbage


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>hello</html>",
        b"[]",
        b"{}",
        b'{"id": ""}',
        b'{"id": 5}',
        b'{"id": ".."}',
        b'{"id": "a/b"}',
    ],
)
def test_a_submit_that_names_no_job_may_have_arrived(vendor: Vendor, ready: Rtzr, body: bytes) -> None:
    vendor.will(answer(200, body))
    with pytest.raises(base.ProtocolError) as caught:
        submit(ready)
    assert caught.value.may_have_arrived is True
    assert caught.value.excerpt == f"HTTP 200 {body.decode()}".strip()


@pytest.mark.parametrize(
    "results",
    [
        None,
        [],
        {},
        {"utterances": None},
        {"utterances": {}},
        {"utterances": [None]},
        *(
            {"utterances": [UTTERANCE, UTTERANCE | wrong]}
            for wrong in (
                {"start_at": -1},
                {"start_at": "0"},
                {"start_at": 1.5},
                {"start_at": True},
                {"start_at": 10**30},
                {"start_at": None},
                {"duration": -5},
                {"duration": float("nan")},
                {"msg": None},
                {"msg": 5},
            )
        ),
    ],
)
def test_a_malformed_result_is_reported_whole(vendor: Vendor, ready: Rtzr, results: object) -> None:
    vendor.will(answer(200, {"id": "J1", "status": "completed", "results": results}))
    with pytest.raises(base.ProtocolError) as caught:
        ready.fetch("J1")
    assert caught.value.excerpt.startswith('HTTP 200 {"id": "J1"')


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"status": 5}', b'{"status": null}'])
def test_a_poll_that_names_no_state_is_garbage(vendor: Vendor, ready: Rtzr, body: bytes) -> None:
    vendor.will(answer(200, body))
    with pytest.raises(base.ProtocolError):
        ready.fetch("J1")


def test_a_result_survives_malformed_extras(vendor: Vendor, ready: Rtzr) -> None:
    entries = [
        {"start_at": 0, "duration": 1, "msg": "a"},
        {"start_at": 1, "duration": 1, "msg": "b", "spk": None, "lang": 5, "words": [{"text": "b"}]},
        {"start_at": 2, "duration": 1, "msg": "c\x00\ud83d", "spk": "A", "words": "none"},
    ]
    vendor.will(answer(200, {"status": "completed", "results": {"utterances": entries, "verified": True}}))
    finished = ready.fetch("J1")
    assert isinstance(finished, base.Finished)
    assert finished.transcript.utterances == (
        base.Utterance(0, 1, "a"),
        base.Utterance(1, 1, "b"),
        base.Utterance(2, 1, "c?", "A"),
    )


# Lost on the way


@pytest.mark.parametrize(
    ("reply", "arrived"), [(hang, True), (drop, True), (cut_short(200, b'{"id"', 99), True)]
)
def test_a_submit_whose_answer_is_lost_may_have_arrived(
    vendor: Vendor, ready: Rtzr, reply: Reply, arrived: bool
) -> None:
    vendor.will(reply)
    with pytest.raises(base.Unavailable) as caught:
        submit(ready)
    assert caught.value.may_have_arrived is arrived


def test_an_upload_that_breaks_off_did_not_arrive(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(drop_unread)
    with pytest.raises(base.Unavailable) as caught:
        ready.submit(sound(bytes(40_000_000)), base.Options("ko"))
    assert caught.value.may_have_arrived is False


def test_a_vendor_that_is_not_there_got_nothing(client: redis.Redis) -> None:
    away = Rtzr(client, client_id="a", client_secret="b", base_url="http://127.0.0.1:9")
    with pytest.raises(base.Unavailable) as caught:
        submit(away)
    assert caught.value.may_have_arrived is False


def test_a_file_that_ends_early_is_our_own_trouble(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(drop)
    with pytest.raises(OSError, match="bytes early"):
        ready.submit(base.AudioSource(io.BytesIO(b"ab"), 10, "a.wav", "audio/wav"), base.Options("ko"))


# Signing in


def test_an_expired_token_is_replaced_once_and_the_whole_file_sent_again(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(answer(401, {"code": "H0002", "msg": "expired"}), signed_in("T2"), answer(200, {"id": "J1"}))
    assert submit(ready) == base.Accepted("J1")
    assert vendor.paths == ["POST /v1/transcribe", "POST /v1/authenticate", "POST /v1/transcribe"]
    assert vendor.requests[2].headers["Authorization"] == "bearer T2"
    assert parts(vendor.requests[2])["file"] == b"RIFFsound"


def test_a_second_refusal_is_final(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(answer(401, {"code": "H0002"}), signed_in("T2"), answer(401, {"code": "H0002"}))
    with pytest.raises(base.AuthFailed) as caught:
        ready.fetch("J1")
    assert caught.value.code == "H0002"
    assert len(vendor.requests) == 3


@pytest.mark.parametrize(
    ("status", "data"),
    [
        (400, {"code": "H0001", "msg": "client_id missing"}),
        (401, {"code": "H0002", "msg": "invalid credential"}),
        (403, {}),
        (401, b"<html>"),
    ],
)
def test_refused_credentials_are_reported_and_no_audio_is_sent(
    vendor: Vendor, rtzr: Rtzr, status: int, data: object
) -> None:
    vendor.will(answer(status, data))
    with pytest.raises(base.AuthFailed) as caught:
        submit(rtzr)
    assert caught.value.message.startswith("RTZR refuses the client id and secret: ")
    assert vendor.paths == ["POST /v1/authenticate"]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (hang, base.Unavailable),
        (drop, base.Unavailable),
        (answer(500, {"code": "E500"}), base.Unavailable),
        (answer(504, b"<html>"), base.Unavailable),
        (answer(200, b"<html>"), base.ProtocolError),
        (answer(200, {"access_token": "a\nb", "expire_at": 1}), base.ProtocolError),
        (answer(404, b"<html>"), base.ProtocolError),
    ],
)
def test_trouble_with_signing_in_never_means_that_audio_arrived(
    vendor: Vendor, rtzr: Rtzr, reply: Reply, kind: type[base.VendorError]
) -> None:
    vendor.will(reply)
    with pytest.raises(kind) as caught:
        submit(rtzr)
    assert isinstance(caught.value, base.Unavailable | base.ProtocolError)
    assert caught.value.may_have_arrived is False


def test_a_throttle_on_signing_in_holds_everything(vendor: Vendor, rtzr: Rtzr) -> None:
    vendor.will(answer(429, {}, {"Retry-After": "3"}))
    with pytest.raises(base.Throttled) as caught:
        submit(rtzr)
    assert (caught.value.scope, caught.value.retry_after_s) == (base.Scope.ALL, 3.0)


@pytest.mark.parametrize("expire_at", [None, "soon", -1, 10**400, float("nan"), True])
def test_a_token_without_a_sensible_expiry_is_used_all_the_same(
    vendor: Vendor, rtzr: Rtzr, expire_at: object
) -> None:
    body = json.dumps({"access_token": "T", "expire_at": expire_at}).encode()
    vendor.will(answer(200, body), answer(200, {"status": "transcribing"}))
    assert rtzr.fetch("J1") == base.Running()


def test_other_credentials_do_not_use_the_token_of_these(
    vendor: Vendor, ready: Rtzr, client: redis.Redis
) -> None:
    other = Rtzr(client, client_id="me", client_secret="another", base_url=vendor.url)
    vendor.will(signed_in("T9"), answer(200, {"status": "transcribing"}))
    other.fetch("J1")
    assert vendor.requests[1].headers["Authorization"] == "bearer T9"


def test_nothing_shows_the_secret_or_the_token(
    vendor: Vendor, rtzr: Rtzr, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    echo = {"code": "H0001 s3cr3t-of-mine", "msg": "opaque-token s3cr3t-of-mine is wrong"}
    vendor.will(signed_in("opaque-token"), answer(400, echo), answer(200, echo), answer(418, echo))
    shown = [repr(rtzr), str(client.keys("*"))]
    with caplog.at_level(logging.DEBUG):
        for call in (lambda: submit(rtzr), lambda: submit(rtzr), lambda: rtzr.fetch("J1")):
            with pytest.raises(base.VendorError) as caught:
                call()
            shown += [repr(caught.value), caught.value.code, caught.value.message]
            shown.append(getattr(caught.value, "excerpt", ""))
    everything = "\n".join([*shown, caplog.text])
    assert "is wrong" in everything
    assert "s3cr3t-of-mine" not in everything
    assert "opaque-token" not in everything
