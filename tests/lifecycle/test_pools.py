"""Pools from the recording to the vendor: English that waits for whisper holds no Korean up at sommers."""

from datetime import timedelta

import pytest
import redis
from django.utils import timezone
from pytest_django import Settings

from tests.servers import Emulator
from tests.stt import a_meeting, a_recording, make_due, row_of, run_due, run_until
from tests.waiting import wait_until
from transcription.gate import Ok, Permit, Purpose
from transcription.lifecycle import workflow
from transcription.lifecycle.dispatch import Dispatcher, at_the_vendor
from transcription.models import Recording, Transcription
from transcription.people.meetings import set_language
from transcription.service.accounts import gate_of
from transcription.vendors.registry import get_vendor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clean")]

Status = Transcription.Status
SMALLEST_PLAN = {"sommers": 10, "whisper": 2}


@pytest.fixture
def clean(emulator: Emulator, pooled: None, settings: Settings) -> None:
    """RTZR's smallest plan, whose jobs take an hour. Mico has been told of 10 jobs at once, of whatever model."""
    emulator.limits(concurrency_by_model=SMALLEST_PLAN)
    emulator.turnaround(seconds=3600)
    settings.STT_GATES = {"rtzr": {"first_cap": 10, "unnamed_cap": 0}}


def clips(language: str, number: int) -> list[Recording]:
    meeting = a_meeting(language, language=language)
    return [a_recording(meeting, kind="live") for _ in range(number)]


def in_processing(recording: Recording, job: str) -> Transcription:
    row = row_of(recording)
    Transcription.objects.filter(pk=row.pk).update(
        status=Status.PROCESSING, vendor_job_id=job, next_action_at=timezone.now() + timedelta(hours=1)
    )
    return row_of(recording)


def claimed(step: Dispatcher | None = None) -> list[int]:
    """Run one step of the dispatcher. Return the claimed rows in the order of their ids."""
    (step or Dispatcher()).step()
    return list(Transcription.objects.filter(claim__gt=0).order_by("pk").values_list("pk", flat=True))


def at_the_vendors(emulator: Emulator) -> dict[str, int]:
    """Return the jobs that the vendor has of each model."""
    return {model: jobs["transcribing"] for model, jobs in emulator.stats()["jobs_by_model"].items()}


def fill(emulator: Emulator) -> None:
    """Work until the vendor has as many jobs of each model as it takes, and a little longer."""

    def full() -> bool:
        run_due()
        return at_the_vendors(emulator) == SMALLEST_PLAN

    assert wait_until(full, 20)
    run_due()
    assert at_the_vendors(emulator) == SMALLEST_PLAN


def test_ten_english_clips_take_no_place_from_thirty_korean_ones(emulator: Emulator) -> None:
    clips("en", 10)
    clips("ko", 30)
    fill(emulator)
    gate = gate_of("rtzr")
    assert (gate.figures(pool="sommers").cap, gate.figures(pool="whisper").cap) == (10, 2)
    refused = [
        entry for entry in emulator.stats()["log"] if entry["route"] == "submit" and entry["status"] == 429
    ]
    assert len(refused) <= 8  # the English clips that were under way with the first refused one
    assert gate.state("sommers").mode == "open"


def test_with_the_plan_in_the_settings_nothing_is_refused(emulator: Emulator, settings: Settings) -> None:
    settings.STT_GATES = {"rtzr": {"first_caps": SMALLEST_PLAN, "unnamed_cap": 0}}
    clips("en", 5)
    clips("ja", 12)  # sommers, too
    fill(emulator)
    assert emulator.stats()["requests"]["submit"] == {"200": 12}
    pools = Transcription.objects.filter(status=Status.PROCESSING).order_by().values_list("language", "pool")
    assert set(pools) == {("en", "whisper"), ("ja", "sommers")}


def test_a_recording_comes_back_from_its_pool_and_frees_its_place(
    emulator: Emulator, settings: Settings
) -> None:
    settings.STT_GATES = {"rtzr": {"first_caps": {"whisper": 1}, "unnamed_cap": 0}}
    emulator.turnaround(seconds=0)
    for recording in clips("en", 2):
        row = run_until(recording, Status.DONE)
        assert (row.pool, row.language) == ("whisper", "en")
    assert gate_of("rtzr").figures(pool="whisper").jobs == 0


def test_files_fill_half_of_each_pool(settings: Settings) -> None:
    settings.STT_GATES = {"rtzr": {"first_caps": {"sommers": 4, "whisper": 2}, "unnamed_cap": 0}}
    files = {
        language: [row_of(a_recording(a_meeting(language, language=language))).pk for _ in range(4)]
        for language in ("en", "ko")
    }
    assert claimed() == sorted([*files["en"][:1], *files["ko"][:2]])


def test_a_full_pool_holds_only_its_own_rows_back(
    settings: Settings, redis_connection: "redis.Redis"
) -> None:
    settings.STT_GATES = {"rtzr": {"first_caps": {"sommers": 4, "whisper": 2}, "unnamed_cap": 0}}
    for number, recording in enumerate(clips("en", 2)):
        in_processing(recording, f"english {number}")
    waiting, korean = clips("en", 1), clips("ko", 1)
    assert claimed() == [row_of(korean[0]).pk]
    assert row_of(waiting[0]).claim == 0


# Rows of the version before, which wrote no pool, and other settings


def test_a_row_without_a_pool_is_sent_and_fetched_in_the_pool_of_its_language(emulator: Emulator) -> None:
    emulator.turnaround(seconds=0)
    [recording] = clips("ko", 1)
    Transcription.objects.update(pool="")
    row = run_until(recording, Status.DONE)
    assert row.pool == "sommers"


def test_a_job_that_was_sent_before_counts_in_the_pool_of_its_language(emulator: Emulator) -> None:
    for number, recording in enumerate(clips("en", 2)):
        in_processing(recording, f"old {number}")
    Transcription.objects.update(pool="")
    gate_of("rtzr").adopt(["old 0", "old 1"])  # as the version before counted them
    assert at_the_vendor("rtzr") == {"sommers": [], "whisper": ["old 0", "old 1"]}
    Dispatcher().step()
    gate = gate_of("rtzr")
    assert [gate.figures(pool=pool).jobs for pool in ("", "sommers", "whisper")] == [0, 0, 2]


def test_a_poll_of_a_row_without_a_pool_keeps_the_job_in_the_pool_of_its_language(emulator: Emulator) -> None:
    [recording] = clips("en", 1)
    run_until(recording, Status.PROCESSING)
    Transcription.objects.update(pool="", next_action_at=timezone.now())
    row = run_until(recording, Status.PROCESSING)
    polls = row.polls
    make_due()
    run_due()
    assert row_of(recording).polls > polls
    gate = gate_of("rtzr")
    assert [gate.figures(pool=pool).jobs for pool in ("", "whisper")] == [0, 1]


def test_rows_that_waited_in_a_pool_are_sent_when_the_vendor_has_none_any_more(settings: Settings) -> None:
    first, second = clips("en", 2)
    settings.STT_GATES = {"rtzr": {"first_caps": {"whisper": 1}, "unnamed_cap": 0}}
    assert claimed() == [row_of(first).pk]
    account = settings.STT_VENDORS["rtzr"] | {"pooled": False}
    settings.STT_VENDORS = {"rtzr": account}
    get_vendor.cache_clear()
    assert claimed() == [row_of(first).pk, row_of(second).pk]


# By people


def test_a_retry_is_in_the_pool_of_the_language_that_it_is_sent_in() -> None:
    [recording] = clips("en", 1)
    assert row_of(recording).pool == "whisper"
    workflow.cancel(recording)
    set_language(recording.meeting, "ko")
    again = workflow.retry(recording)
    assert again is not None
    assert (again.language, again.pool) == ("ko", "sommers")


def test_a_retry_that_asks_for_the_job_again_stays_in_its_pool() -> None:
    [recording] = clips("en", 1)
    in_processing(recording, "job")
    workflow.cancel(recording)
    set_language(recording.meeting, "ko")
    again = workflow.retry(recording)
    assert again is not None
    assert (again.status, again.vendor_job_id, again.pool) == (Status.PROCESSING, "job", "whisper")


def test_a_vendor_without_pools_has_one_cap_for_all(settings: Settings, emulator: Emulator) -> None:
    settings.STT_VENDORS = {"rtzr": settings.STT_VENDORS["rtzr"] | {"pooled": False}}
    get_vendor.cache_clear()
    [recording] = clips("ko", 1)
    run_until(recording, Status.PROCESSING)
    permit = gate_of("rtzr").acquire(Purpose.SUBMIT)
    assert isinstance(permit, Permit)
    gate_of("rtzr").report(permit, Ok())
    assert (row_of(recording).pool, gate_of("rtzr").figures().jobs) == ("", 1)
