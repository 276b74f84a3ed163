"""A job's lease on its row while the vendor is slow."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.db import connection
from pytest_django import Settings

from tests.stt import a_meeting, a_recording, row_of, run_due
from tests.vendors.scripted import Handler, Vendor, running_vendor
from tests.vendors.talk import signed_in
from tests.waiting import patient, wait_until
from transcription.gate import Purpose
from transcription.lifecycle.claims import Claim, claim
from transcription.lifecycle.lease import lease_length
from transcription.vendors.registry import get_vendor

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scripted(settings: Settings) -> Iterator[Vendor]:
    """Make the settings' vendor give the answers that the test scripts."""
    with running_vendor() as vendor:
        vendors = settings.STT_VENDORS
        settings.STT_VENDORS = {**vendors, "rtzr": {**vendors["rtzr"], "base_url": vendor.url}}
        get_vendor.cache_clear()
        yield vendor
    get_vendor.cache_clear()


def test_a_post_that_outlasts_its_lease_is_not_sent_a_second_time(
    scripted: Vendor, settings: Settings
) -> None:
    settings.STT_LEASE_SECONDS = patient(0.75)
    recording = a_recording(a_meeting())
    claimed: list[Claim] = []
    renewed_after: list[timedelta] = []

    def leased_until() -> datetime:
        until = row_of(recording).next_action_at
        assert until is not None
        return until

    def answer_slowly(handler: Handler) -> None:
        """Answer once the lease was renewed and would otherwise be over; a dispatcher looks for due rows then."""
        handler.read_body()
        try:
            ends = leased_until()
            renewed_after.append(wait_until(lambda: leased_until() - ends, timeout=2))
            claimed.extend(claim(Purpose.SUBMIT, ends, 1))
        finally:
            connection.close()
        handler.write(200, b'{"id": "J"}')

    scripted.will(signed_in(), answer_slowly)
    run_due()

    row = row_of(recording)
    assert (row.status, row.vendor_job_id, row.possible_duplicate) == ("processing", "J", 0)
    assert claimed == []
    assert renewed_after[0] < lease_length()  # renewed before it ran out
    assert scripted.paths == ["POST /v1/authenticate", "POST /v1/transcribe"]
