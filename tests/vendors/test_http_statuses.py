"""What a status means by itself, without a code of the vendor's."""

import pytest

from transcription.vendors import base, http


@pytest.mark.parametrize(
    ("status", "kind", "fields"),
    [
        (429, base.Throttled, {"scope": base.Scope.ALL, "retry_after_s": None}),
        (402, base.QuotaExhausted, {}),
        (401, base.AuthFailed, {}),
        (403, base.AuthFailed, {}),
        (400, base.Rejected, {"reason": "bad_parameters"}),
        (422, base.Rejected, {"reason": "bad_parameters"}),
        (413, base.Rejected, {"reason": "too_large"}),
        (415, base.Rejected, {"reason": "unsupported_format"}),
        (408, base.VendorUnavailable, {"may_have_arrived": False}),
        (500, base.VendorUnavailable, {"may_have_arrived": False}),
        (503, base.VendorUnavailable, {"may_have_arrived": False}),
        (502, base.VendorUnavailable, {"may_have_arrived": True}),
        (504, base.VendorUnavailable, {"may_have_arrived": True}),
        (524, base.VendorUnavailable, {"may_have_arrived": True}),
        (404, base.ProtocolError, {"may_have_arrived": False}),
        (409, base.ProtocolError, {"may_have_arrived": False}),
        (302, base.ProtocolError, {"may_have_arrived": False}),
    ],
)
def test_a_status_alone_says(status: int, kind: type[base.VendorError], fields: dict[str, object]) -> None:
    error = http.error_of(http.Answer(status, {}, b"{}"))
    assert type(error) is kind
    assert {name: getattr(error, name) for name in fields} == fields
    assert error.message


def test_a_bad_request_that_some_gateway_reports_in_html_is_not_the_recordings_fault() -> None:
    error = http.error_of(http.Answer(400, {}, b"<html>Bad Request</html>"))
    assert isinstance(error, base.ProtocolError)
    assert error.excerpt == "HTTP 400 <html>Bad Request</html>"


@pytest.mark.parametrize("status", [402, 429, 503])
def test_the_wait_that_was_asked_for_is_passed_on(status: int) -> None:
    error = http.error_of(http.Answer(status, {"Retry-After": "7"}, b""))
    assert isinstance(error, base.Throttled | base.QuotaExhausted | base.VendorUnavailable)
    assert error.retry_after_s == 7.0
