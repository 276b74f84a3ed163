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
        (500, base.VendorUnavailable, {"may_have_arrived": True}),
        (503, base.VendorUnavailable, {"may_have_arrived": True}),
        (501, base.VendorUnavailable, {"may_have_arrived": False}),
        (521, base.VendorUnavailable, {"may_have_arrived": False}),
        (520, base.VendorUnavailable, {"may_have_arrived": True}),
        (502, base.VendorUnavailable, {"may_have_arrived": True}),
        (504, base.VendorUnavailable, {"may_have_arrived": True}),
        (524, base.VendorUnavailable, {"may_have_arrived": True}),
        (404, base.ProtocolError, {"may_have_arrived": False}),
        (409, base.ProtocolError, {"may_have_arrived": False}),
        (302, base.ProtocolError, {"may_have_arrived": False}),
        (303, base.ProtocolError, {"may_have_arrived": True}),
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


@pytest.mark.parametrize(("status", "may_have_arrived"), [(503, False), (500, True), (502, True)])
def test_only_a_503_that_names_a_time_was_decided_before_the_request_was_begun(
    status: int, may_have_arrived: bool
) -> None:
    error = http.error_of(http.Answer(status, {"Retry-After": "7"}, b""))
    assert isinstance(error, base.VendorUnavailable)
    assert error.may_have_arrived is may_have_arrived


@pytest.mark.parametrize("status", [402, 429, 503])
def test_the_wait_that_was_asked_for_is_passed_on(status: int) -> None:
    error = http.error_of(http.Answer(status, {"Retry-After": "7"}, b""))
    assert isinstance(error, base.Throttled | base.QuotaExhausted | base.VendorUnavailable)
    assert error.retry_after_s == 7.0
