"""The steps of a transcription: submit, poll, give up, retry, cancel.

Each function takes one step for one row and writes down when the next step is due. Nothing here knows about queues
or HTTP. Waiting is not failing: time at the gate spends no attempt.
"""

import logging
import time
from contextlib import ExitStack
from datetime import datetime, timedelta

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from transcription import events
from transcription.gate import Answered, Gate, Ok, Outcome, Permit, Purpose, Unavailable, Unused, Wait
from transcription.lifecycle import states
from transcription.lifecycle.lease import Lease, lease_length
from transcription.live.wakeup import wake
from transcription.models import Meeting, Recording, Transcription, TurnaroundSample, Utterance
from transcription.polling import plan
from transcription.service.accounts import gate_of, pool_of
from transcription.service.reports import outcome_of, report
from transcription.sound import media
from transcription.sound.formats import AudioError
from transcription.vendors import base as vendor
from transcription.vendors.registry import get_vendor

logger = logging.getLogger(__name__)

Status = Transcription.Status

# After a failure for one of these reasons, the vendor may still have the job that was paid for. A retry asks for that
# job instead of sending the audio a second time. (`vendor_auth`: of rows of earlier versions.)
JOB_MAY_BE_THERE = frozenset({"vendor_auth", "vendor_unavailable", "vendor_protocol", "processing_too_long"})

# Reasons for which an open gate lets a request wait, and the longest time in seconds that it leaves in the row.
BUSY = frozenset({"pace", "jobs"})
BUSY_PAUSE = 1.0

# Seconds between two tries to write down the vendor's answer.
KEEP_PAUSE = 0.5


# --- Submitting -----------------------------------------------------------------------------------


def submit(transcription_id: int, claim: int) -> None:
    """Send a queued transcription's audio to its vendor, if the gate gives a permit.

    Raises NotOurs if `claim` is no longer the row's. Raises redis.RedisError and database errors: the lease then
    runs out, and the row comes due again.
    """
    with Lease(transcription_id, claim) as lease, ExitStack() as files:
        row = lease.row()
        if row.status == Status.SUBMITTING:
            # The worker that was sending it died. RTZR has neither an idempotency key nor a list of jobs to search.
            _send_again(row, "The worker that was sending it ended before the vendor's answer was kept.", 0.0)
            return
        if row.status != Status.QUEUED or _worn_out(row):
            return
        # Checked when the recording came, but the vendor or its account may have changed since.
        if row.language not in get_vendor(row.vendor).languages:
            _fail(row, "language_unsupported", f"{row.vendor} does not transcribe '{row.language}'.")
            return
        try:
            adapter = get_vendor(row.vendor)
            media.prepare(row.recording, adapter)
            source = files.enter_context(media.open_for_vendor(row.recording, adapter))
        except AudioError as error:
            _fail(row, error.code, str(error))
            return
        except FileNotFoundError as error:
            _fail(row, "file_missing", str(error))
            return
        gate, lease_s = gate_of(row.vendor), adapter.submit_limit_s(source.size_bytes)
        permit = gate.acquire(Purpose.SUBMIT, pool=adapter.pool(row.language), lease=lease_s)
        if isinstance(permit, Wait):
            _hand_back(row, permit)
            return
        # A vendor that may be away is asked something that costs nothing, before somebody's audio is used.
        if (permit.away or row.attempts) and not _vendor_answers(row, gate, permit):
            return
        _send(row, source, gate, permit)


def _vendor_answers(row: Transcription, gate: Gate, permit: Permit) -> bool:
    """Ask the vendor something that costs nothing. Return whether the row's audio may be sent with this permit.

    If not, the permit is reported and the row has its next time. It stays in the queue: nothing of it was sent.
    """
    outcome: Outcome = Unavailable()
    try:
        get_vendor(row.vendor).ask()
    except (vendor.Throttled, vendor.QuotaExhausted, vendor.AuthFailed) as error:
        outcome = outcome_of(error)
        states.reschedule(row, timezone.now())  # due at once; the dispatcher waits for the gate
    except vendor.VendorError as error:
        outcome = Unavailable(getattr(error, "retry_after_s", None))  # no submit, so nothing is unknown
        _try_later(row, error, permit, back_to=None)
    except redis.RedisError as error:
        outcome = Unused()
        logger.warning("The vendor was not asked, Redis is unavailable: %s", error)
        states.reschedule(row, timezone.now() + timedelta(seconds=1))
    else:
        if permit.away != "all":
            return True
        # This was the probe of the lane `all`. Whether submits work is found out by the next permit.
        outcome = Answered()
        states.reschedule(row, timezone.now())
    report(gate, permit, outcome, row)
    return False


def _send(row: Transcription, source: vendor.AudioSource, gate: Gate, permit: Permit) -> None:
    adapter = get_vendor(row.vendor)
    outcome: Outcome = Unused()
    kept = False
    try:
        # Written before the POST, so that the row cannot pass for one that was never sent, whatever happens.
        until = timezone.now() + lease_length()
        if not states.transition(
            row, Status.SUBMITTING, next_action_at=until, lead_ms=source.lead_ms, pool=permit.pool
        ):
            return
        outcome = Unavailable()
        answer = adapter.submit(
            source, vendor.SubmitOptions(language=row.language, diarization=_is_upload(row))
        )
    except vendor.VendorError as error:
        outcome = outcome_of(error)
        _not_accepted(row, error, permit)
    except redis.RedisError as error:
        # The vendor's token is in Redis. Without one nothing was sent, so the row simply goes back to the queue.
        outcome = Unused()
        logger.warning("Transcription %s was not sent, Redis is unavailable: %s", row.pk, error)
        states.transition(row, Status.QUEUED, next_action_at=timezone.now() + timedelta(seconds=1))
    except OSError as error:
        # Our own file could not be read to its end, so the request was never whole, and the vendor has no job of it.
        outcome = Unused()
        attempts = row.attempts + 1
        if attempts >= settings.STT_MAX_ATTEMPTS:
            _fail(row, "file_missing", str(error))
        else:
            at = timezone.now() + timedelta(seconds=pause_after(attempts))
            states.transition(row, Status.QUEUED, next_action_at=at, attempts=attempts)
            logger.warning("Transcription %s was not sent, its file cannot be read: %s", row.pk, error)
    else:
        outcome = Ok(answer.job_id, running=True) if isinstance(answer, vendor.Accepted) else Ok()
        kept = _keep(row, answer)
    finally:
        # After the write to the database: losing the vendor's job id would be worse than losing the report.
        report(gate, permit, outcome, row)
        if isinstance(outcome, Ok) and not kept:
            leave(row, outcome.job)


def _send_again(row: Transcription, detail: str, pause_s: float, attempts: int | None = None) -> None:
    """Queue the row again after an unknown outcome, and count the resend. With no resends left, fail the row.

    `pause_s` is the time until then, and `attempts` the row's from now on; None leaves it.
    """
    if row.possible_duplicate >= settings.STT_MAX_RESENDS:
        _fail(row, "outcome_unknown", detail)
        return
    logger.warning("Transcription %s is sent again: %s", row.pk, detail)
    states.transition(
        row,
        Status.QUEUED,
        next_action_at=timezone.now() + timedelta(seconds=pause_s),
        possible_duplicate=row.possible_duplicate + 1,
        attempts=row.attempts if attempts is None else attempts,
    )


def _is_upload(row: Transcription) -> bool:
    """Whether the recording is a file, which may have several speakers. A live recording has one."""
    return row.recording.kind == Recording.Kind.UPLOAD


def _keep(row: Transcription, answer: vendor.Accepted | vendor.Finished) -> bool:
    """Write down what the vendor answered. While the database is away, try for as long as a lease lasts.

    An answer that is not kept is a recording that is paid for twice. Return False if nobody wants it any more. Raises
    the database's error after that time.
    """
    until = time.monotonic() + settings.STT_LEASE_SECONDS
    while True:
        try:
            return _accepted(row, answer)
        except (OperationalError, InterfaceError) as error:
            if time.monotonic() >= until:
                raise
            logger.warning("The answer to transcription %s is not kept yet: %s", row.pk, error)
            connection.close()  # it may be a dead one
            time.sleep(KEEP_PAUSE)
            row = _again(row)
            if row.status != Status.SUBMITTING:  # the write had arrived, or somebody cancelled meanwhile
                _note_job(row, answer)
                return row.status != Status.CANCELLED


def _again(row: Transcription) -> Transcription:
    """Return the row as it is in the database, or as it was if that is away."""
    try:
        return Transcription.objects.select_related("recording", "meeting").get(pk=row.pk)
    except (OperationalError, InterfaceError):
        return row


def _accepted(row: Transcription, answer: vendor.Accepted | vendor.Finished) -> bool:
    """Keep the vendor's answer. Return False if the row has changed since it was read."""
    now = timezone.now()
    if isinstance(answer, vendor.Finished):
        kept = _finish(row, answer.transcript, submitted_at=now)
    else:
        row.submitted_at = now
        first = plan.next_poll(row, now, polls=0)
        kept = states.transition(
            row,
            Status.PROCESSING,
            vendor_job_id=answer.job_id,
            submitted_at=now,
            attempts=0,
            poll_rate=first.rate,
            next_action_at=first.at,
        )
    if not kept:
        # Cancelled meanwhile, or overtaken after a stall longer than the lease: the vendor has a job too many.
        logger.error("Transcription %s changed while it was being sent; unused answer %r", row.pk, answer)
        _note_job(row, answer)
    return kept


def _note_job(row: Transcription, answer: vendor.Accepted | vendor.Finished) -> None:
    """Keep the job of a row that was cancelled while it was sent: a Retry asks for it instead of paying again."""
    if isinstance(answer, vendor.Accepted):
        cancelled = Transcription.objects.filter(pk=row.pk, status=Status.CANCELLED, vendor_job_id="")
        cancelled.update(
            vendor_job_id=answer.job_id,
            submitted_at=timezone.now(),
            lead_ms=row.lead_ms,
            possible_duplicate=row.possible_duplicate,  # not unknown any more, see `cancel`
        )


def leave(row: Transcription, job_id: str) -> None:
    """Tell the gate that nobody asks for this job any more. It keeps its place for as long as such jobs take."""
    if not job_id or row.vendor not in settings.STT_VENDORS:
        return
    try:
        gate_of(row.vendor).leave(job_id, plan.ends_in(row, timezone.now()), pool=row.pool)
    except (redis.RedisError, DatabaseError) as error:
        # The dispatcher tells the gate which jobs the database knows; this place is then free too early.
        logger.warning("The gate was not told that nobody asks for job %s any more: %s", job_id, error)


def _not_accepted(row: Transcription, error: vendor.VendorError, permit: Permit) -> None:
    """Handle the error that a submit ended with: fail the row, or put it back into the queue."""
    match error:
        case vendor.Throttled() if _too_late(
            row, row.created_at, settings.STT_MAX_QUEUED_SECONDS, "waited_too_long"
        ):
            pass
        case vendor.Throttled() | vendor.QuotaExhausted() | vendor.AuthFailed():
            states.transition(row, Status.QUEUED)  # due at once; the dispatcher waits for the gate
        case vendor.Rejected():
            _fail(row, error.reason, str(error))
        case vendor.VendorUnavailable(may_have_arrived=True) | vendor.ProtocolError(may_have_arrived=True):
            # An attempt even of a probe: so the vendor is asked whether it answers before this is sent again.
            _send_again(row, str(error), pause_after(row.attempts + 1), attempts=row.attempts + 1)
        case _:
            _try_later(row, error, permit, back_to=Status.QUEUED)


# --- Polling --------------------------------------------------------------------------------------


def poll(transcription_id: int, claim: int) -> None:
    """Ask the vendor for a job's state or result, if the gate gives a permit. Raises what `submit` raises."""
    with Lease(transcription_id, claim) as lease:
        row = lease.row()
        if row.status != Status.PROCESSING or _worn_out(row):
            return
        gate = gate_of(row.vendor)
        permit = gate.acquire(Purpose.POLL, pool=row.pool or pool_of(row.vendor, row.language))
        if isinstance(permit, Wait):
            _hand_back(row, permit)
            return
        outcome: Outcome = Unavailable()
        asked_at = timezone.now()
        try:
            answer = get_vendor(row.vendor).fetch(row.vendor_job_id)
            outcome = Ok(row.vendor_job_id, running=isinstance(answer, vendor.Running))
            _fetched(row, answer, asked_at)
        except vendor.VendorError as error:
            gone = isinstance(error, vendor.ResultGone | vendor.Rejected)
            outcome = Ok(row.vendor_job_id) if gone else outcome_of(error)
            _not_fetched(row, error, permit, asked_at)
        finally:
            report(gate, permit, outcome, row)


def _fetched(
    row: Transcription, answer: vendor.Running | vendor.Finished | vendor.JobFailed, asked_at: datetime
) -> None:
    polls = row.polls + 1
    match answer:
        case vendor.Running() if _too_late(
            row, row.status_since, settings.STT_MAX_PROCESSING_SECONDS, "processing_too_long"
        ):
            pass
        case vendor.Running(done_ms):
            before_ms = row.progress_ms
            plan.note_progress(row, done_ms, asked_at)
            then = plan.next_poll(row, timezone.now(), polls=polls, asked_at=asked_at)
            written = states.reschedule(
                row,
                then.at,
                polls=polls,
                attempts=0,
                seen_running_at=asked_at,
                poll_rate=then.rate,
                progress_ms=row.progress_ms,
                progress_speed=row.progress_speed,
            )
            if written and row.progress_ms != before_ms:
                events.publish_recording(row)
        case vendor.Finished():
            _finish(row, answer.transcript, plan.sample(row, asked_at), polls=polls)
        case vendor.JobFailed():
            _fail(row, "vendor_failed", f"{answer.code}: {answer.reason}" if answer.code else answer.reason)


def _not_fetched(row: Transcription, error: vendor.VendorError, permit: Permit, asked_at: datetime) -> None:
    """Handle the error that a poll ended with. The audio is not sent again: the vendor has the job."""
    match error:
        case vendor.Throttled(scope=vendor.Scope.ALL) | vendor.AuthFailed():
            states.reschedule(row, timezone.now())  # due at once; the dispatcher waits for the gate
        case vendor.Throttled() | vendor.QuotaExhausted():
            _ask_later(row, asked_at, error.retry_after_s)
        case vendor.ResultGone():
            _fail(row, f"result_{error.reason}", str(error))
        case vendor.Rejected():
            _fail(row, error.reason, str(error))
        case _:
            _try_later(row, error, permit, back_to=None)


def _ask_later(row: Transcription, asked_at: datetime, retry_after_s: float | None) -> None:
    """Schedule the next poll after a refusal that closes the gate for submits only: no gate holds this row back.

    It comes by the schedule, but not before the interval that the vendor advises, or its Retry-After.
    """
    polls = row.polls + 1
    then = plan.next_poll(row, timezone.now(), polls=polls, asked_at=asked_at)
    asked_for = min(retry_after_s or 0.0, settings.STT_RETRY_LONGEST_SECONDS)
    least = asked_at + timedelta(seconds=max(get_vendor(row.vendor).poll_advice_s, asked_for))
    states.reschedule(row, max(then.at, least), polls=polls, poll_rate=then.rate)


# --- Shared by both -------------------------------------------------------------------------------


def _hand_back(row: Transcription, wait: Wait) -> None:
    """Put the row back after the gate gave no permit.

    At a closed gate it stays due. The dispatcher claims it when the gate has room; a time in the row would outlast a
    gate that an administrator opens, or that opens early.
    """
    pause = min(wait.seconds, BUSY_PAUSE) if wait.reason in BUSY else 0.0
    states.reschedule(row, timezone.now() + timedelta(seconds=pause))


def _finish(
    row: Transcription,
    transcript: vendor.Transcript,
    sample: TurnaroundSample | None = None,
    **changes: object,
) -> bool:
    """Store the utterances, the status `done` and the turnaround sample in one transaction.

    Return False if the row has changed since it was read; nothing is stored then.
    """
    lines = [
        Utterance(
            transcription=row,
            position=position,
            start_ms=max(0, said.start_ms - row.lead_ms),
            duration_ms=said.duration_ms,
            speaker=said.speaker,
            language=said.language,
            text=said.text,
            words=[
                {"start_ms": max(0, w.start_ms - row.lead_ms), "duration_ms": w.duration_ms, "text": w.text}
                for w in said.words
            ],
        )
        for position, said in enumerate(sorted(transcript.utterances, key=lambda u: u.start_ms))
    ]
    with transaction.atomic():
        if not states.transition(row, Status.DONE, attempts=0, **changes):
            return False
        Utterance.objects.bulk_create(lines, batch_size=500)
        if sample is not None:
            sample.save()
    return True


def _fail(row: Transcription, code: str, detail: str) -> None:
    logger.warning("Transcription %s failed: %s (%s)", row.pk, code, detail)
    states.transition(row, Status.FAILED, error_code=code[:40], error_detail=detail[:500])


def _try_later(row: Transcription, error: vendor.VendorError, permit: Permit, back_to: Status | None) -> None:
    """Schedule another try after a vendor error that may pass; fail the row at the `STT_MAX_ATTEMPTS`th in a row.

    `back_to` is the status to go back to; None keeps the present one. The gate's probe spends no attempt: it only
    tests the vendor, and chance decided whose row it was.
    """
    attempts = row.attempts + (0 if permit.probe else 1)
    if attempts >= settings.STT_MAX_ATTEMPTS:
        protocol = isinstance(error, vendor.ProtocolError)
        _fail(row, "vendor_protocol" if protocol else "vendor_unavailable", str(error))
        return
    logger.info("Transcription %s, vendor error %s: %s", row.pk, attempts, error)
    at = timezone.now() + timedelta(seconds=pause_after(max(1, attempts)))
    if back_to is None:
        states.reschedule(row, at, attempts=attempts)
    else:
        states.transition(row, back_to, next_action_at=at, attempts=attempts)


def pause_after(attempts: int) -> float:
    """Return the seconds to wait after the vendor error number `attempts` in a row (the first is 1)."""
    pause: float = settings.STT_RETRY_FIRST_SECONDS * 2 ** (attempts - 1)
    return min(pause, settings.STT_RETRY_LONGEST_SECONDS)


def _worn_out(row: Transcription) -> bool:
    """Fail the row if more than `STT_MAX_STARTS` jobs began its step. Return whether it was so."""
    if row.starts <= settings.STT_MAX_STARTS:
        return False
    _fail(row, "internal_error", f"{row.starts} jobs began this step, and none came to its end.")
    return True


def _too_late(row: Transcription, since: datetime, longest_s: float, code: str) -> bool:
    """Fail the row if it has waited for more than `longest_s` seconds since `since`. Return whether it had.

    Asked only when the vendor has just said that it has to wait on: time in which nobody could ask, because the
    account was refused for days, or an administrator held the gate, fails no recording.
    """
    if timezone.now() - since <= timedelta(seconds=longest_s):
        return False
    _fail(row, code, f"Waited for more than {longest_s / 3600:g} h.")
    return True


# --- By people ------------------------------------------------------------------------------------


@transaction.atomic
def retry(recording: Recording) -> Transcription | None:
    """Start a new transcription on the same audio. Return None unless the last one failed or was cancelled.

    If the vendor may still have the last transcription's job, the new one asks for that job, which costs nothing.
    Otherwise it is in the meeting's present language, which may have been put right. It takes over how often the
    recording may have been paid for: once `STT_MAX_RESENDS` is used up, a person decides after each unknown outcome.
    """
    last = Transcription.objects.current().select_for_update().filter(recording=recording).first()
    if last is None or last.status not in {Status.FAILED, Status.CANCELLED}:
        return None
    if not Transcription.objects.current().filter(pk=last.pk).update(is_current=False):
        return None  # another request retried it at the same moment
    resumed = bool(last.vendor_job_id) and (
        last.status == Status.CANCELLED or last.error_code in JOB_MAY_BE_THERE
    )
    language = last.language if resumed else Meeting.objects.get(pk=last.meeting_id).language
    again = Transcription.objects.create(
        recording=recording,
        meeting_id=last.meeting_id,
        vendor=last.vendor,
        language=language,
        pool=last.pool if resumed else pool_of(last.vendor, language),
        version=last.version + 1,
        status=Status.PROCESSING if resumed else Status.QUEUED,
        possible_duplicate=last.possible_duplicate + (last.error_code == "outcome_unknown"),
        vendor_job_id=last.vendor_job_id if resumed else "",
        submitted_at=last.submitted_at if resumed else None,
        seen_running_at=last.seen_running_at if resumed else None,
        lead_ms=last.lead_ms if resumed else 0,
        progress_ms=last.progress_ms if resumed else None,
        progress_speed=last.progress_speed if resumed else None,
    )
    events.publish_recording(again)
    wake()
    return again


def cancel(recording: Recording) -> bool:
    """Cancel the recording's live transcription. Return False if there is none.

    A job that the vendor has accepted goes on there, and is paid for; nobody asks for it any more. While it is being
    sent that is unknown, and counted: a Retry may be paid for a second time.
    """
    row = Transcription.objects.current().select_related("recording").filter(recording=recording).first()
    while row is not None and row.is_live:
        unknown = row.status == Status.SUBMITTING
        if states.transition(row, Status.CANCELLED, possible_duplicate=row.possible_duplicate + unknown):
            leave(row, row.vendor_job_id)
            return True
        row.refresh_from_db()  # it took a step meanwhile
    return False
