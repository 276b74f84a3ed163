"""What is reported to the gate for each error of a vendor."""

import pytest

from transcription.gate import Ok, Outcome, Refused, Unavailable
from transcription.service.reports import outcome_of
from transcription.vendors import base as vendor

OUTCOMES: list[tuple[vendor.VendorError, Outcome]] = [
    (vendor.Throttled(vendor.Scope.ALL, 7), Refused("all", 7)),
    (vendor.Throttled(vendor.Scope.SUBMIT), Refused("submit")),
    (vendor.QuotaExhausted(30), Refused("quota", 30)),
    (vendor.VendorUnavailable(may_have_arrived=False, retry_after_s=5), Unavailable(5)),
    (vendor.ProtocolError("not JSON", may_have_arrived=True), Unavailable(unknown=True)),
    (vendor.VendorUnavailable(may_have_arrived=True), Unavailable(unknown=True)),
    (vendor.AuthFailed(), Refused("credentials")),
    (vendor.Rejected("too_large"), Ok()),
    (vendor.ResultGone("not_found"), Ok()),
]


@pytest.mark.parametrize(("error", "outcome"), OUTCOMES)
def test_only_errors_about_the_way_to_the_vendor_count_against_it(
    error: vendor.VendorError, outcome: Outcome
) -> None:
    assert outcome_of(error) == outcome
