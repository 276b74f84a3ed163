"""The console of one vendor: who may look and act, what hold and resume do, and what the page says."""
# Channels has no types.
# mypy: disable-error-code="no-untyped-call"

import html
import re
from collections.abc import Callable
from typing import Any, Literal

import pytest
import redis
from asgiref.sync import async_to_sync, sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from mico.asgi import application
from tests.full_disk import NO_ROOM, find_disk_full
from tests.rows import a_row
from tests.waiting import patient, wait_until
from transcription import room
from transcription.gate import Gate, GateFigures, Ok, Permit, Purpose, Refused, Unavailable
from transcription.live import no_room
from transcription.live.redis_client import redis_client
from transcription.models import GateEvent, Meeting
from transcription.service import reports, traffic
from transcription.service.accounts import gate_of

PAGE = "/admin/transcription/gateevent/vendor/rtzr/"
FETCH = {"X-Requested-With": "fetch"}


def gate() -> Gate:
    return Gate(redis_client(), "rtzr")


def throttled(scope: Literal["all", "submit", "quota", "credentials"], retry_after_s: float = 600.0) -> None:
    """Report a submit as refused by the vendor, as a worker does."""
    permit = gate().acquire(Purpose.SUBMIT)
    assert isinstance(permit, Permit)
    reports.report(gate(), permit, Refused(scope, retry_after_s))


def said(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def raiser(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def act(client: Client, what: str, **data: str) -> Any:
    return client.post(f"{PAGE}{what}/", data, follow=True)


@pytest.fixture
def staff(db: None) -> Client:
    """A member of staff without permissions."""
    client = Client()
    client.force_login(User.objects.create_user("staff", is_staff=True))
    return client


# --- Who may --------------------------------------------------------------------------------------


def test_nobody_looks_without_signing_in(db: None) -> None:
    assert Client().get(PAGE).status_code == 302
    assert Client().get(PAGE, headers=FETCH).status_code == 401
    assert Client().post(f"{PAGE}hold/", {"reason": "x"}).status_code == 302
    assert gate().state().mode == "open"


def test_people_of_meetings_do_not_look(meeting: Meeting) -> None:
    client = Client()
    client.force_login(meeting.owner)
    assert client.get(PAGE).status_code == 302
    assert client.get(PAGE, headers=FETCH).status_code == 401


def test_staff_without_the_permission_neither_look_nor_act(staff: Client) -> None:
    assert staff.get(PAGE).status_code == 403
    assert staff.get(PAGE, headers=FETCH).status_code == 403
    assert staff.post(f"{PAGE}hold/", {"reason": "x"}).status_code == 403
    assert staff.post(f"{PAGE}resume/", {"reason": "x"}).status_code == 403
    assert gate().state().mode == "open"


def test_who_may_only_look_is_offered_no_form_and_cannot_act(onlooker: Client) -> None:
    page = onlooker.get(PAGE)
    assert page.status_code == 200
    assert "<form" not in page.content.decode().split('id="content-main"')[1]
    assert onlooker.post(f"{PAGE}hold/", {"reason": "x"}).status_code == 403
    gate().hold("by somebody else")
    assert onlooker.post(f"{PAGE}resume/", {"reason": "x"}).status_code == 403
    assert gate().state().mode == "held"


def test_staff_with_the_permission_act(staff: Client) -> None:
    user = User.objects.get(username="staff")
    user.user_permissions.add(Permission.objects.get(codename="change_gateevent"))
    assert act(staff, "hold", reason="Maintenance").status_code == 200
    assert gate().state().mode == "held"


def test_acting_needs_a_post_with_a_token(operator: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    assert client.post(f"{PAGE}hold/", {"reason": "x"}).status_code == 403
    assert client.get(f"{PAGE}hold/").status_code == 405
    assert client.get(f"{PAGE}resume/").status_code == 405
    assert gate().state().mode == "open"


def test_a_vendor_that_is_not_in_the_settings_has_no_console(client: Client) -> None:
    assert client.get(PAGE.replace("rtzr", "bygone")).status_code == 404


# --- Hold and resume ------------------------------------------------------------------------------


def test_a_hold_stops_everything_and_is_kept_with_its_reason_and_who_it_was(
    client: Client, operator: User
) -> None:
    response = act(client, "hold", reason="Moving the account")
    assert response.redirect_chain == [(PAGE, 302)]
    assert said(response) == ["Held. Nothing is sent until somebody presses Resume."]
    state = gate().state()
    assert (state.mode, state.note) == ("held", "Moving the account")
    row = GateEvent.objects.get()
    assert (row.kind, row.reason, row.note, row.user) == ("closed", "hold", "Moving the account", operator)


def test_a_resume_opens_and_is_kept_with_its_reason_and_who_it_was(client: Client, operator: User) -> None:
    act(client, "hold", reason="Moving the account")
    assert said(act(client, "resume", reason="Moved")) == ["Resumed. What waited is sent now."]
    assert gate().state().mode == "open"
    row = GateEvent.objects.latest("id")
    assert (row.kind, row.note, row.user) == ("opened", "Moved", operator)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201])
def test_without_a_reason_of_a_length_that_fits_nothing_is_done(client: Client, reason: str) -> None:
    response = client.post(f"{PAGE}hold/", {"reason": reason})
    assert response.status_code == 422
    assert response.context["hold_form"].errors["reason"]
    assert gate().state().mode == "open"
    gate().hold("by somebody else")
    assert client.post(f"{PAGE}resume/", {"reason": reason}).status_code == 422
    assert gate().state().mode == "held"
    assert not GateEvent.objects.exists()


def test_a_pause_of_the_vendors_can_be_ended_early(client: Client) -> None:
    throttled("all")
    act(client, "resume", reason="They raised our limit")
    assert gate().state().mode == "open"


def test_a_used_up_quota_is_resumed_only_once_it_is_confirmed(client: Client) -> None:
    throttled("quota")
    page = client.get(PAGE)
    assert page.context["view_state"] == "closed-quota"
    assert "Quota used up" in page.content.decode()
    refused = client.post(f"{PAGE}resume/", {"reason": "Try"})
    assert refused.status_code == 422
    assert "Confirm that the account has usage again" in refused.content.decode()
    assert re.search(r'name="settled"\s+autofocus', refused.content.decode())
    assert gate().state().reason == "quota"
    act(client, "resume", reason="Bought 100 hours", settled="on")
    assert gate().state().mode == "open"


def test_a_quota_behind_a_hold_has_to_be_confirmed_too(client: Client) -> None:
    throttled("quota")
    act(client, "hold", reason="Calling the vendor")
    assert client.get(PAGE).context["view_state"] == "held-quota"
    assert client.post(f"{PAGE}resume/", {"reason": "Try"}).status_code == 422
    assert gate().state().mode == "held"


def test_a_quota_of_an_earlier_episode_does_not_matter_any_more(client: Client) -> None:
    throttled("quota")
    act(client, "resume", reason="Bought 100 hours", settled="on")
    gate().hold("Maintenance")  # as if the process died before it wrote the history
    assert client.get(PAGE).context["view_state"] == "held"


def test_what_changes_nothing_says_so_and_writes_no_history(client: Client) -> None:
    assert said(act(client, "resume", reason="Why not")) == ["Nothing changed: it was so already."]
    assert not GateEvent.objects.exists()


def test_without_redis_nothing_is_changed_and_the_page_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object, **_options: object) -> None:
        raise redis.ConnectionError("away")

    for name in ("hold", "resume", "state", "figures"):
        monkeypatch.setattr(Gate, name, away)
    monkeypatch.setattr("transcription.service.standing.presence.alive", away)
    for what in ("hold", "resume"):
        response = act(client, what, reason="x")
        assert said(response) == ["Redis does not answer. Nothing was changed."]
    assert response.context["view_state"] == "unknown"
    assert "Not known: Redis does not answer" in response.content.decode()


@pytest.fixture
def socket_of_meeting(meeting: Meeting, connections_stay_open: None) -> Callable[[], WebsocketCommunicator]:
    """The socket that a page of the meeting opens."""
    browser = Client()
    browser.force_login(meeting.owner)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    headers = [(b"origin", b"http://localhost"), (b"host", b"localhost"), (b"cookie", cookie.encode())]
    return lambda: WebsocketCommunicator(application, f"/ws/meetings/{meeting.pk}/", headers=headers)


def test_meetings_see_a_hold_with_its_reason_and_see_it_end(
    client: Client,
    socket_of_meeting: Callable[[], WebsocketCommunicator],
    django_capture_on_commit_callbacks: Any,
) -> None:
    def press(what: str, reason: str) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            client.post(f"{PAGE}{what}/", {"reason": reason})

    async def watch() -> list[dict[str, Any]]:
        page = socket_of_meeting()
        await page.connect(timeout=patient(5))
        await page.receive_json_from(timeout=patient(5))
        await sync_to_async(press)("hold", "Moving the account")
        held = await page.receive_json_from(timeout=patient(5))
        await sync_to_async(press)("resume", "Moved")
        resumed = await page.receive_json_from(timeout=patient(5))
        await page.disconnect()
        return [held, resumed]

    held, resumed = async_to_sync(watch)()
    assert (held["type"], held["state"], held["note"]) == ("stt.delayed", "held", "Moving the account")
    assert (resumed["type"], resumed["state"], resumed["note"]) == ("stt.resumed", "open", "")


# --- What it shows --------------------------------------------------------------------------------


def test_the_part_that_changes_is_fetched_alone(client: Client) -> None:
    throttled("all")
    content = client.get(PAGE, headers=FETCH).content.decode()
    assert "429, too many requests" in content
    assert "<html" not in content
    assert "<form" not in content


@pytest.mark.parametrize(
    ("scope", "words", "state"),
    [
        ("all", "Closed: the vendor answers 429, too many requests", "closed"),
        ("submit", "Closed for new recordings", "closed"),
        ("quota", "Quota used up", "closed-quota"),
        ("credentials", "RTZR_CLIENT_SECRET", "closed"),
    ],
)
def test_each_reason_has_its_words(
    client: Client, scope: Literal["all", "submit", "quota", "credentials"], words: str, state: str
) -> None:
    throttled(scope)
    response = client.get(PAGE)
    assert words in response.content.decode()
    assert response.context["view_state"] == state
    assert response.context["next_try"] is not None


@pytest.mark.parametrize(
    ("scope", "words"), [("quota", "quota is used up"), ("credentials", "refuses this system's credentials")]
)
def test_every_page_of_the_admin_says_that_an_account_needs_somebody(
    client: Client, staff: Client, scope: Literal["quota", "credentials"], words: str
) -> None:
    throttled("all")
    assert 'data-testid="accounts"' not in client.get("/admin/").content.decode()  # waiting helps
    assert gate().resume() is not None
    throttled(scope)
    for page in ("/admin/", reverse("admin:transcription_meeting_changelist")):
        content = client.get(page).content.decode()
        assert words in html.unescape(content)
        assert f'href="{PAGE}"' in content
    content = staff.get("/admin/").content.decode()  # may not see the console, and can tell somebody who may
    assert 'data-testid="accounts"' in content
    assert PAGE not in content
    assert 'data-testid="accounts"' not in Client().get("/admin/login/").content.decode()
    assert gate().resume() is not None
    assert 'data-testid="accounts"' not in client.get("/admin/").content.decode()


@pytest.mark.parametrize("scope", ["quota", "credentials"])
def test_an_account_in_trouble_is_logged_as_an_error_once(
    db: None, caplog: pytest.LogCaptureFixture, scope: Literal["quota", "credentials"]
) -> None:
    permits = [gate().acquire(Purpose.SUBMIT) for _ in range(3)]
    for permit, seconds in zip(permits, (600.0, 1200.0, 1800.0), strict=True):
        assert isinstance(permit, Permit)
        reports.report(gate(), permit, Refused(scope, seconds))
    assert list(GateEvent.objects.order_by("pk").values_list("kind", flat=True)) == [
        "closed",
        "moved",
        "moved",
    ]
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "Resume" in caplog.text


def test_an_episode_leads_to_what_caused_it_and_to_who_ended_it(
    client: Client, operator: User, meeting: Meeting
) -> None:
    row = a_row(meeting, status="queued")
    permit = gate().acquire(Purpose.SUBMIT)
    assert isinstance(permit, Permit)
    reports.report(gate(), permit, Refused("all", 600.0), row)
    assert "still closed" in client.get(PAGE).content.decode()
    act(client, "resume", reason="They raised our limit")
    [shown] = client.get(PAGE).context["episodes"]
    assert not shown.is_now
    content = client.get(PAGE).content.decode()
    assert f'href="{reverse("admin:transcription_transcription_change", args=[row.pk])}"' in content
    assert "operator: They raised our limit" in content


def test_names_of_recordings_are_for_those_who_may_see_them(staff: Client, meeting: Meeting) -> None:
    user = User.objects.get(username="staff")
    user.user_permissions.add(Permission.objects.get(codename="view_gateevent"))
    row = a_row(meeting)
    row.recording.name = "dismissals.wav"
    row.recording.save()
    GateEvent.objects.create(vendor="rtzr", kind="closed", episode=1, transcription=row)
    content = staff.get(PAGE).content.decode()
    assert "dismissals" not in content
    assert f"transcription {row.pk}" in content


def test_the_figures_are_the_gates(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(gate().acquire(Purpose.SUBMIT), Permit)
    figures = client.get(PAGE).context["figures"]
    assert (figures.requests, figures.pace, figures.rate) == (1, None, None)

    learned = GateFigures(pace=1.25, rate=2.0, cap=8, jobs=5, requests=3)
    monkeypatch.setattr(Gate, "figures", lambda *_args, **_options: learned)
    content = client.get(PAGE, headers=FETCH).content.decode()
    assert {"3", "5", "1.25"} < set(re.findall(r"<dd>\s*([\d.]+)\s*</dd>", content))
    assert "at most 8 at once" in content
    assert "to take 2 per second" in content


def disk_shown(client: Client) -> str:
    """Return the words about the disk, with single spaces."""
    found = re.search(r'<div ([^>]*data-testid="disk".*?)</div>', client.get(PAGE, headers=FETCH).text, re.S)
    assert found
    return " ".join(found[1].replace("\xa0", " ").split())


def test_a_full_disk_is_a_warning_as_long_as_something_finds_no_room(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = room.LITTLE_BYTES
    monkeypatch.setattr(room, "free_bytes", lambda: free)
    assert "100.0 MB" in disk_shown(client)
    assert "warning" not in disk_shown(client)
    no_room.note()
    assert "1 time of late something found no room" in disk_shown(client)
    no_room.note()
    assert 'class="warning"' in disk_shown(client)
    assert "2 times of late something found no room" in disk_shown(client)
    redis_client().delete(no_room.KEY)
    free -= 1
    assert 'class="warning"' in disk_shown(client)
    monkeypatch.setattr(room, "free_bytes", find_disk_full)  # any error of the system
    assert "warning" not in disk_shown(client)


def test_a_count_of_no_room_is_forgotten_after_ten_minutes() -> None:
    no_room.note()
    seconds = redis_client().ttl(no_room.KEY)
    assert isinstance(seconds, int)
    assert 590 < seconds <= 600


@pytest.mark.parametrize("what", ["hold", "resume"])
def test_a_redis_that_cannot_write_is_not_taken_for_one_that_is_away(
    client: Client, monkeypatch: pytest.MonkeyPatch, what: Literal["hold", "resume"]
) -> None:
    client.raise_request_exception = False
    monkeypatch.setattr(Gate, what, raiser(redis.ResponseError("MISCONF Errors writing to the AOF file")))
    answer = client.post(f"{PAGE}{what}/", {"reason": "x", "settled": "on"})
    assert answer.status_code == 507
    assert NO_ROOM in answer.text


@pytest.mark.usefixtures("pooled")
def test_each_pool_shows_its_jobs_its_cap_and_who_waits_for_it(client: Client, meeting: Meeting) -> None:
    a_row(meeting, status="queued", language="ko", pool="sommers")
    a_row(meeting, status="queued", language="en", pool="whisper")
    a_row(meeting, status="queued", language="en")  # of the version before
    pooled = gate_of("rtzr")
    first, second = (pooled.acquire(Purpose.SUBMIT, pool="whisper") for _ in range(2))
    assert isinstance(first, Permit)
    assert isinstance(second, Permit)
    reports.report(pooled, first, Ok("job", running=True))
    reports.report(pooled, second, Refused("submit", 600.0))
    response = client.get(PAGE)
    shown = [
        (pool["pool"], pool["jobs"], pool["cap"], pool["waiting"], pool["reason"])
        for pool in response.context["pools"]
    ]
    assert shown == [("sommers", 0, 10, 1, None), ("whisper", 1, 1, 2, "concurrency")]
    content = response.content.decode()
    assert content.count('data-testid="pool"') == 2
    assert "new recordings (whisper)" in content
    [episode] = response.context["episodes"]
    assert episode.is_now
    assert str(episode.lane) == "new recordings (whisper)"
    act(client, "resume", reason="More jobs were bought")
    [episode] = client.get(PAGE).context["episodes"]
    assert not episode.is_now
    assert episode.episode.opened is not None


def test_words_of_people_are_escaped(client: Client) -> None:
    act(client, "hold", reason="<script>alert(1)</script>")
    content = client.get(PAGE).content.decode()
    assert "<script>alert" not in content
    assert "&lt;script&gt;alert(1)" in content


def test_the_charts_have_every_request(client: Client) -> None:
    throttled("all")
    for _ in range(3):
        traffic.count("rtzr", Ok())
    charts = client.get(PAGE).context["charts"]
    for name in ("hour", "day"):
        assert (charts[name].total, charts[name].refused, charts[name].share) == (4, 1, 25.0)
    content = client.get(PAGE).content.decode()
    assert content.count("Requests: 4 · refused with 429: 1 (25 %)") == 2
    assert len(re.findall(r'<rect\s+class="refused"', content)) == 2


def test_nothing_inline_that_the_content_policy_forbids(client: Client) -> None:
    throttled("all")
    body = client.get(PAGE).content.decode().split('id="content-main"')[1].split("<footer")[0]
    assert "style=" not in body
    assert "<style" not in body
    assert "<script" not in body
    assert " on" + "click" not in body


def test_it_costs_as_many_queries_after_many_episodes_as_after_one(client: Client, meeting: Meeting) -> None:
    costs = []
    for first, last in ((1, 2), (2, 40)):
        for n in range(first, last):
            row = a_row(meeting)
            user = User.objects.create_user(f"user{n}")
            GateEvent.objects.create(vendor="rtzr", kind="closed", episode=n, transcription=row)
            GateEvent.objects.create(vendor="rtzr", kind="opened", episode=n, user=user, note="x")
        with CaptureQueriesContext(connection) as queries:
            response = client.get(PAGE, headers=FETCH)
        costs.append(len(queries))
    assert len(response.context["episodes"]) == 20
    assert costs[0] == costs[1] <= 6


def test_the_index_and_the_lists_lead_here(client: Client, staff: Client) -> None:
    way = reverse("admin:transcription_vendor_now")
    assert f'href="{way}"' in client.get("/admin/").content.decode()
    assert way not in staff.get("/admin/").content.decode()
    assert client.get(way).headers["Location"] == PAGE
    assert (
        f'href="{PAGE}"' in client.get(reverse("admin:transcription_gateevent_changelist")).content.decode()
    )


def test_submits_that_are_answered_with_errors_are_told_from_a_vendor_that_is_away(
    admin_client: Client,
) -> None:
    for _ in range(3):
        for purpose, outcome in (Purpose.SUBMIT, Unavailable(unknown=True)), (Purpose.POLL, Ok()):
            permit = wait_until(lambda: p if isinstance(p := gate().acquire(purpose), Permit) else None)  # noqa: B023
            assert permit is not None
            reports.report(gate(), permit, outcome)

    content = admin_client.get(PAGE).text

    assert "Closed for new recordings: the vendor answers them with errors" in content
    assert "charged twice" in content
