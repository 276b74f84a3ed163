"""`http.send`: what can go wrong on the way, and whether a submit may have arrived then."""

import gzip
import io
import socket
import threading
from pathlib import Path
from typing import BinaryIO

import pytest
import requests

from tests.vendors.scripted import (
    Reply,
    Vendor,
    answer,
    cut_short,
    drip,
    drop,
    drop_unread,
    hang,
    refuse_unread,
    stop_within_body,
)
from tests.waiting import patient
from transcription.vendors import base, http
from transcription.vendors.multipart import Multipart

USUAL = http.Timeouts(connect_s=patient(5), read_s=patient(5), answer_s=patient(5))
QUICK = http.Timeouts(connect_s=0.3, read_s=0.3, answer_s=0.3)  # for tests in which they expire
MANY_BYTES = 40_000_000  # more than the buffers between two sockets hold


def upload(file: BinaryIO | None = None, size: int = 5) -> Multipart:
    return Multipart(
        {"config": "{}"},
        file_field="file",
        file=file or io.BytesIO(b"sound"),
        size=size,
        filename="a.wav",
        content_type="audio/wav",
    )


class Zeros(io.BytesIO):
    """An endless file that takes no memory."""

    def read(self, n: int | None = -1) -> bytes:
        return bytes(n or 0)


def many_bytes() -> Multipart:
    return upload(Zeros(), MANY_BYTES)


def post(
    session: requests.Session, url: str, body: Multipart | None = None, timeouts: http.Timeouts = USUAL
) -> http.Answer:
    return http.send(session, "POST", url, timeouts=timeouts, body=body or upload())


def test_an_answer_comes_back_whatever_its_status(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(answer(418, {"a": 1}, {"X-Thing": "yes"}))
    result = post(session, vendor.url)
    assert (result.status, result.json(), result.headers["x-thing"]) == (418, {"a": 1}, "yes")


def test_what_is_not_json_reads_as_none(vendor: Vendor, session: requests.Session) -> None:
    for body in (b"<html>Bad Gateway</html>", b"", b"\xff\xfe", b"[" * 100_000, b"9" * 5000):
        vendor.will(answer(200, body))
        assert post(session, vendor.url).json() is None


def test_the_agent_says_who_we_are(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(answer(200, {}))
    post(session, vendor.url)
    assert vendor.requests[0].headers["User-Agent"].startswith("Mico/")


def test_the_body_is_streamed_with_its_length(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(answer(200, {}))
    body = upload()
    post(session, vendor.url, body)
    request = vendor.requests[0]
    assert request.headers["Content-Length"] == str(len(body)) == str(len(request.body))
    assert "Transfer-Encoding" not in request.headers
    assert request.headers["Content-Type"] == body.content_type


def test_requests_share_a_connection(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(answer(200, {}), answer(429, {}), answer(200, b"x" * 100_000), answer(200, {}))
    for _ in range(4):
        post(session, vendor.url)
    assert len({request.connection for request in vendor.requests}) == 1


def test_redirects_are_not_followed(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(answer(302, {}, {"Location": f"{vendor.url}/elsewhere"}))
    assert post(session, f"{vendor.url}/here").status == 302
    assert vendor.paths == ["POST /here"]


def test_cookies_are_not_kept(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(answer(200, {}, {"Set-Cookie": "node=7; Path=/"}), answer(200, {}))
    post(session, vendor.url)
    post(session, vendor.url)
    assert "Cookie" not in vendor.requests[1].headers


def test_a_netrc_does_not_replace_the_token(
    vendor: Vendor, session: requests.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine")
    monkeypatch.setenv("NETRC", str(netrc))
    vendor.will(answer(200, {}))
    http.send(session, "GET", vendor.url, timeouts=USUAL, headers={"Authorization": "bearer T"})
    assert vendor.requests[0].headers["Authorization"] == "bearer T"


def test_a_proxy_is_not_asked_for_this_machine(
    vendor: Vendor, session: requests.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    vendor.will(answer(200, {}))
    assert post(session, vendor.url).status == 200


# What certainly did not arrive


def test_a_refused_connection_did_not_arrive(session: requests.Session) -> None:
    with pytest.raises(base.VendorUnavailable) as caught:
        post(session, "http://127.0.0.1:9")
    assert caught.value.may_have_arrived is False


def test_a_form_to_a_refused_connection_did_not_arrive(session: requests.Session) -> None:
    with pytest.raises(base.VendorUnavailable) as caught:
        http.send(session, "POST", "http://127.0.0.1:9", timeouts=USUAL, form={"a": "b"})
    assert caught.value.may_have_arrived is False


def test_an_unknown_host_did_not_arrive(session: requests.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_host(*args: object, **kwargs: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_host)
    with pytest.raises(base.VendorUnavailable) as caught:
        post(session, "http://vendor.invalid")
    assert caught.value.may_have_arrived is False


def test_a_connect_timeout_did_not_arrive(session: requests.Session) -> None:
    with socket.socket() as deaf, socket.socket() as first, socket.socket() as second:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for other in (first, second):  # fill its backlog, so the next connection gets no answer
            other.setblocking(False)
            other.connect_ex(deaf.getsockname())
        with pytest.raises(base.VendorUnavailable) as caught:
            post(session, f"http://127.0.0.1:{deaf.getsockname()[1]}", timeouts=QUICK)
    assert caught.value.may_have_arrived is False
    assert "0.3 s" in caught.value.message


def test_an_address_that_is_none_did_not_arrive(session: requests.Session) -> None:
    for url in ("http://", "nonsense", "ftp://example.org"):
        with pytest.raises(base.VendorUnavailable) as caught:
            post(session, url)
        assert caught.value.may_have_arrived is False


def test_a_connection_lost_within_the_upload_did_not_arrive(
    vendor: Vendor, session: requests.Session
) -> None:
    vendor.will(drop_unread)
    with pytest.raises(base.VendorUnavailable) as caught:
        post(session, vendor.url, many_bytes())
    assert caught.value.may_have_arrived is False


# What may have arrived


def test_a_read_timeout_may_have_arrived(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(hang)
    with pytest.raises(base.VendorUnavailable) as caught:
        post(session, vendor.url, timeouts=QUICK)
    assert caught.value.may_have_arrived is True
    assert "0.3 s" in caught.value.message


def test_a_connection_lost_after_the_upload_may_have_arrived(
    vendor: Vendor, session: requests.Session
) -> None:
    vendor.will(drop)
    with pytest.raises(base.VendorUnavailable) as caught:
        post(session, vendor.url)
    assert caught.value.may_have_arrived is True


def test_a_success_cut_short_may_have_arrived(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(cut_short(200, b'{"id":', 100))
    with pytest.raises(base.VendorUnavailable) as caught:
        post(session, vendor.url)
    assert caught.value.may_have_arrived is True


def test_a_success_that_stops_in_its_middle_may_have_arrived(
    vendor: Vendor, session: requests.Session
) -> None:
    vendor.will(stop_within_body(200, b'{"id":'))
    with pytest.raises(base.VendorUnavailable) as caught:
        post(session, vendor.url, timeouts=QUICK)
    assert caught.value.may_have_arrived is True


def test_an_answer_that_drips_is_not_waited_for(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(drip)
    with pytest.raises(base.VendorUnavailable) as caught:
        post(session, vendor.url, timeouts=QUICK)
    assert caught.value.may_have_arrived is True
    assert "took longer than 0.3 s" in caught.value.message


# What says enough although it is broken


def test_a_refusal_before_the_upload_is_read_is_heard(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(refuse_unread(413, {"code": "H0005"}))
    result = post(session, vendor.url, many_bytes())
    assert (result.status, result.json()) == (413, {"code": "H0005"})


@pytest.mark.parametrize("reply", [cut_short(429, b"{", 100), stop_within_body(429, b"{")])
def test_a_throttle_with_half_a_body_is_still_a_throttle(
    vendor: Vendor, session: requests.Session, reply: Reply
) -> None:
    vendor.will(reply)
    assert post(session, vendor.url, timeouts=QUICK).status == 429


# Bounds


def test_an_answer_that_is_too_large_is_cut_off(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(answer(200, b"x" * 1001))
    with pytest.raises(base.ProtocolError) as caught:
        http.send(session, "GET", vendor.url, timeouts=USUAL, max_bytes=1000)
    assert caught.value.may_have_arrived is True


def test_a_packed_answer_counts_unpacked(vendor: Vendor, session: requests.Session) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    vendor.will(answer(200, bomb, {"Content-Encoding": "gzip"}))
    with pytest.raises(base.ProtocolError):
        http.send(session, "GET", vendor.url, timeouts=USUAL, max_bytes=1_000_000)


def test_a_packed_answer_is_unpacked(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(answer(200, gzip.compress(b'{"a": 1}'), {"Content-Encoding": "gzip"}))
    assert post(session, vendor.url).json() == {"a": 1}


def test_an_answer_that_cannot_be_unpacked_is_garbage(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(answer(200, b"not gzip at all", {"Content-Encoding": "gzip"}))
    with pytest.raises(base.ProtocolError) as caught:
        post(session, vendor.url)
    assert caught.value.may_have_arrived is True


# Our own fault is not the vendor's


def test_a_file_that_cannot_be_read_is_our_own_trouble(vendor: Vendor, session: requests.Session) -> None:
    class Broken(io.BytesIO):
        def read(self, n: int | None = -1) -> bytes:
            raise OSError("the disk is gone")

    vendor.will(drop)
    with pytest.raises(OSError, match="the disk is gone"):
        post(session, vendor.url, upload(Broken()))


def test_a_file_shorter_than_promised_is_our_own_trouble(vendor: Vendor, session: requests.Session) -> None:
    vendor.will(drop)
    with pytest.raises(OSError, match="ends 95 bytes early"):
        post(session, vendor.url, upload(io.BytesIO(b"sound"), 100))


# Secrets


def test_no_error_shows_what_was_sent(session: requests.Session) -> None:
    with pytest.raises(base.VendorUnavailable) as caught:
        http.send(
            session, "POST", "http://127.0.0.1:9", timeouts=USUAL, headers={"Authorization": "bearer s3cr3t"}
        )
    error: BaseException | None = caught.value
    assert "s3cr3t" not in f"{error!r} {error}"
    assert error is not None
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_an_answer_does_not_show_its_contents() -> None:
    shown = repr(http.Answer(200, {"X": "s3cr3t"}, b"s3cr3t", ("s3cr3t",)))
    assert "s3cr3t" not in shown


def test_an_excerpt_is_short_and_without_secrets() -> None:
    body = b"token abc123def \x00\n " + b"x" * 10_000
    excerpt = http.Answer(200, {}, body, ("abc123def",)).excerpt()
    assert excerpt.startswith("HTTP 200 token [removed] x")
    assert len(excerpt) == 500


# Sessions


def test_each_thread_has_its_own_session() -> None:
    sessions = [http.session(), http.session()]
    thread = threading.Thread(target=lambda: sessions.append(http.session()))
    thread.start()
    thread.join()
    assert sessions[0] is sessions[1]
    assert sessions[2] is not sessions[0]


def test_a_forked_process_gets_a_new_session(monkeypatch: pytest.MonkeyPatch) -> None:
    before = http.session()
    monkeypatch.setattr("os.getpid", lambda: 0)
    assert http.session() is not before
