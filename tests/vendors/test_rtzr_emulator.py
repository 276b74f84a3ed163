"""The adapter against the emulator. Each was written from RTZR's documentation, not from the other."""

import io

import pytest

from emulator.engines.languages import languages_of
from mico import settings as mico_settings
from tests.emulator.sounds import wav
from tests.servers import Emulator
from tests.waiting import wait_until
from transcription.vendors import base
from transcription.vendors.languages import MODES
from transcription.vendors.registry import get_vendor


def submit(seconds: float = 1.0, level: int = 1, language: str = "ko") -> base.Accepted | base.Finished:
    data = wav(seconds, level=level)
    audio = base.AudioSource(io.BytesIO(data), len(data), "회의 1.wav", "audio/wav")
    return get_vendor("rtzr").submit(audio, base.SubmitOptions(language, diarization=True, speaker_count=2))


def accepted(level: int = 1) -> str:
    answer = submit(level=level)
    assert isinstance(answer, base.Accepted)
    return answer.job_id


def finished(job_id: str) -> base.Finished | None:
    answer = get_vendor("rtzr").fetch(job_id)
    assert isinstance(answer, base.Finished | base.Running)
    return answer if isinstance(answer, base.Finished) else None


def test_the_local_service_takes_what_is_sent_in_each_of_its_languages(emulator: Emulator) -> None:
    emulator.turnaround(seconds=0)
    offered = mico_settings.vendor_languages()["languages"]
    assert languages_of("base") >= set(offered) - set(MODES)
    for number, language in enumerate(offered):
        assert isinstance(submit(level=number, language=language), base.Accepted), language


@pytest.mark.parametrize("language", ["ko", "ja", "en", "detect", "multi"])
def test_audio_goes_in_and_words_come_out(emulator: Emulator, language: str) -> None:
    emulator.turnaround(seconds=0)
    answer = submit(language=language)
    assert isinstance(answer, base.Accepted)
    result = wait_until(lambda: finished(answer.job_id))
    assert result is not None
    (utterance,) = result.transcript.utterances
    assert utterance.text.startswith("echo ")
    assert 0 < utterance.start_ms + utterance.duration_ms <= 1000


def test_a_job_that_is_not_ready_is_running(emulator: Emulator) -> None:
    emulator.turnaround(seconds=3600)
    assert get_vendor("rtzr").fetch(accepted()) == base.Running()


def test_too_many_jobs_hold_submits_only(emulator: Emulator) -> None:
    emulator.turnaround(seconds=3600)
    emulator.limits(concurrency=1)
    job_id = accepted(level=1)
    with pytest.raises(base.Throttled) as caught:
        submit(level=2)
    assert (caught.value.scope, caught.value.code) == (base.Scope.SUBMIT, "A0002")
    assert get_vendor("rtzr").fetch(job_id) == base.Running()


def test_a_throttled_poll_holds_everything_for_as_long_as_it_says(emulator: Emulator) -> None:
    job_id = accepted()
    emulator.throttle(60, code="A0003", on="poll", retry_after=7)
    with pytest.raises(base.Throttled) as caught:
        get_vendor("rtzr").fetch(job_id)
    assert (caught.value.scope, caught.value.retry_after_s) == (base.Scope.ALL, 7.0)


def test_a_used_up_quota_is_told_apart(emulator: Emulator) -> None:
    emulator.throttle(60, code="A0001", on="submit")
    with pytest.raises(base.QuotaExhausted) as caught:
        submit()
    assert caught.value.code == "A0001"


def test_a_job_that_never_was_is_gone(emulator: Emulator) -> None:
    with pytest.raises(base.ResultGone) as caught:
        get_vendor("rtzr").fetch("nobody")
    assert (caught.value.reason, caught.value.code) == ("not_found", "H0004")


def test_what_is_not_audio_is_rejected(emulator: Emulator) -> None:
    text = b"these are no sounds at all"
    audio = base.AudioSource(io.BytesIO(text), len(text), "a.wav", "audio/wav")
    with pytest.raises(base.Rejected) as caught:
        get_vendor("rtzr").submit(audio, base.SubmitOptions("ko"))
    assert caught.value.reason == "unsupported_format"


def test_a_lost_token_is_replaced_without_anybody_noticing(emulator: Emulator) -> None:
    accepted(level=1)
    emulator.reset(tokens=True)
    accepted(level=2)


@pytest.mark.parametrize(
    ("kind", "error", "arrived"),
    [
        ("500", base.VendorUnavailable, True),
        ("503", base.VendorUnavailable, True),
        ("garbage", base.ProtocolError, True),
        ("drop", base.VendorUnavailable, True),
    ],
)
def test_a_fault_on_a_submit_is_told_honestly(
    emulator: Emulator, kind: str, error: type[base.VendorError], arrived: bool
) -> None:
    accepted(level=1)  # signs in
    emulator.faults(kind, on="submit", count=1)
    with pytest.raises(error) as caught:
        submit(level=2)
    assert isinstance(caught.value, base.VendorUnavailable | base.ProtocolError)
    assert caught.value.may_have_arrived is arrived
