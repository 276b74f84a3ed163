"""RTZR's refusals, malformed answers and lost connections, and the error that each becomes."""

import io

import pytest
import redis

from tests.vendors.scripted import (
    Reply,
    Vendor,
    answer,
    cut_short,
    drop,
    drop_unread,
    hang,
    late,
    refuse_unread,
)
from tests.vendors.talk import UTTERANCE, signed_in, sound, submit
from tests.waiting import patient
from transcription.vendors import base
from transcription.vendors.rtzr import Rtzr

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
        (SUBMIT, 500, "E500", base.VendorUnavailable, {"may_have_arrived": True}),
        (FETCH, 500, "E500", base.VendorUnavailable, {}),
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


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("invalid parameter: Language xx is not available", "language_unsupported"),
        ("invalid parameter: keywords", "bad_parameters"),
    ],
)
def test_a_refused_language_is_told_from_other_parameters(
    vendor: Vendor, ready: Rtzr, message: str, reason: str
) -> None:
    vendor.will(answer(400, {"code": "H0001", "msg": message}))
    with pytest.raises(base.Rejected) as caught:
        submit(ready)
    assert caught.value.reason == reason


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
        ready.submit(sound(bytes(20_000_000)), base.SubmitOptions("ko"))
    assert caught.value.scope is base.Scope.SUBMIT


def test_trouble_in_html_is_trouble(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(answer(502, b"<html>Bad Gateway</html>"), answer(503, b"<html>", {"Retry-After": "5"}))
    with pytest.raises(base.VendorUnavailable) as lost:
        submit(ready)
    with pytest.raises(base.VendorUnavailable) as busy:
        submit(ready)
    assert (lost.value.may_have_arrived, busy.value.may_have_arrived) == (True, False)
    assert busy.value.retry_after_s == 5.0


def test_a_404_that_is_not_the_vendors_own_does_not_end_a_job(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(answer(404, b"<html>no such site</html>"))
    with pytest.raises(base.ProtocolError):
        ready.fetch("J1")


@pytest.mark.parametrize("status", [404, 410, 403])
def test_asking_is_answered_by_a_refusal_of_the_vendors_own(vendor: Vendor, ready: Rtzr, status: int) -> None:
    code = {404: "H0004", 410: "H0007", 403: "H0003"}[status]
    vendor.will(answer(status, {"code": code, "msg": "no such result"}))
    ready.ask()
    assert vendor.paths == ["GET /v1/transcribe/none"]


@pytest.mark.parametrize(
    ("status", "body"), [(500, {"code": "E500"}), (404, b"<html>"), (429, {"code": "A0003"}), (502, b"")]
)
def test_asking_is_not_answered_by_trouble(vendor: Vendor, ready: Rtzr, status: int, body: object) -> None:
    vendor.will(answer(status, body))
    with pytest.raises(base.VendorError):
        ready.ask()


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
        base.VendorUtterance(0, 1, "a"),
        base.VendorUtterance(1, 1, "b"),
        base.VendorUtterance(2, 1, "c?", "A"),
    )


# Lost on the way


@pytest.mark.parametrize(
    ("reply", "arrived"), [(hang, True), (drop, True), (cut_short(200, b'{"id"', 99), True)]
)
def test_a_submit_whose_answer_is_lost_may_have_arrived(
    vendor: Vendor, ready: Rtzr, reply: Reply, arrived: bool
) -> None:
    vendor.will(reply)
    with pytest.raises(base.VendorUnavailable) as caught:
        submit(ready)
    assert caught.value.may_have_arrived is arrived


def test_the_answer_to_a_submit_may_take_longer_than_that_to_a_poll(
    vendor: Vendor, client: redis.Redis
) -> None:
    short = patient(0.1)
    rtzr = Rtzr(
        client,
        client_id="a",
        client_secret="b",
        base_url=vendor.url,
        read_timeout_s=short,
        submit_timeout_s=20 * short,
    )
    vendor.will(
        signed_in(), late(2 * short, 200, {"id": "J1"}), late(2 * short, 200, {"status": "transcribing"})
    )

    assert submit(rtzr) == base.Accepted("J1")
    with pytest.raises(base.VendorUnavailable):
        rtzr.fetch("J1")


def test_a_large_file_is_given_more_time(client: redis.Redis) -> None:
    rtzr = Rtzr(client, client_id="a", client_secret="b", submit_timeout_s=60)

    small, large = rtzr.submit_limit_s(100_000), rtzr.submit_limit_s(2_000_000_000)

    assert 60 < small <= 120.5  # the gate's permit of a small one, which a dead worker leaves behind
    assert large >= 60 + 200 + 4000  # to store it, and to send it


def test_an_upload_that_breaks_off_did_not_arrive(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(drop_unread)
    with pytest.raises(base.VendorUnavailable) as caught:
        ready.submit(sound(bytes(40_000_000)), base.SubmitOptions("ko"))
    assert caught.value.may_have_arrived is False


def test_a_vendor_that_is_not_there_got_nothing(client: redis.Redis) -> None:
    away = Rtzr(client, client_id="a", client_secret="b", base_url="http://127.0.0.1:9")
    with pytest.raises(base.VendorUnavailable) as caught:
        submit(away)
    assert caught.value.may_have_arrived is False


def test_a_file_that_ends_early_is_our_own_trouble(vendor: Vendor, ready: Rtzr) -> None:
    vendor.will(drop)
    with pytest.raises(OSError, match="bytes early"):
        ready.submit(base.AudioSource(io.BytesIO(b"ab"), 10, "a.wav", "audio/wav"), base.SubmitOptions("ko"))
