"""RTZR's token: fetched when it is missing, replaced once when it is refused, and never shown."""

import json
import logging

import pytest
import redis

from tests.vendors.scripted import Reply, Vendor, answer, drop, hang
from tests.vendors.talk import parts, signed_in, submit
from transcription.vendors import base
from transcription.vendors.rtzr import Rtzr


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


@pytest.mark.parametrize("refusal", [answer(403, {}), answer(403, b"<html>")])
def test_an_account_that_is_let_in_again_signs_in_anew(vendor: Vendor, ready: Rtzr, refusal: Reply) -> None:
    vendor.will(refusal, signed_in("T2"), answer(200, {"status": "transcribing"}))
    with pytest.raises(base.AuthFailed):
        ready.fetch("J1")
    assert ready.fetch("J1") == base.Running()
    assert vendor.requests[2].headers["Authorization"] == "bearer T2"


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
        (hang, base.VendorUnavailable),
        (drop, base.VendorUnavailable),
        (answer(500, {"code": "E500"}), base.VendorUnavailable),
        (answer(504, b"<html>"), base.VendorUnavailable),
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
    assert isinstance(caught.value, base.VendorUnavailable | base.ProtocolError)
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
