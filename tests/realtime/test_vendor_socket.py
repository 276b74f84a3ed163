"""The console's socket: it admits staff who may view the gate's history, and closes when they no longer may."""
# Channels has no types.
# mypy: disable-error-code="no-untyped-call"

from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Permission, User
from django.test import Client

from mico.asgi import application
from realtime import consumers
from tests.waiting import patient
from transcription import events

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("connections_stay_open")]


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def a_user(name: str, *permissions: str, **fields: Any) -> User:
    user = User.objects.create_user(name, **fields)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return user


def socket(client: Client | None, vendor: str = "rtzr") -> WebsocketCommunicator:
    """Return a console's connection, which is not open yet."""
    headers = [(b"origin", b"http://localhost"), (b"host", b"localhost")]
    if client is not None:
        cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        headers.append((b"cookie", cookie.encode()))
    return WebsocketCommunicator(application, f"/ws/vendors/{vendor}/", headers=headers)


def first_message(client: Client | None, vendor: str = "rtzr") -> dict[str, Any]:
    """Return the first message of a new connection, unparsed."""

    async def run() -> dict[str, Any]:
        console = socket(client, vendor)
        connected, _ = await console.connect(timeout=patient(5))
        assert connected
        message: dict[str, Any] = await console.receive_output(timeout=patient(5))
        await console.disconnect()
        return message

    return async_to_sync(run)()


def test_not_signed_in() -> None:
    assert first_message(None) == {"type": "websocket.close", "code": consumers.NOT_SIGNED_IN}


@pytest.mark.parametrize(
    ("permissions", "fields"),
    [
        ((), {"is_staff": True}),
        (("view_transcription",), {"is_staff": True}),
        (("view_gateevent",), {}),  # not staff
    ],
)
def test_who_may_not_see_the_history_does_not_get_in(
    permissions: tuple[str, ...], fields: dict[str, bool]
) -> None:
    client = signed_in(a_user("somebody", *permissions, **fields))
    assert first_message(client) == {"type": "websocket.close", "code": consumers.NOT_ALLOWED}


def test_no_such_vendor() -> None:
    client = signed_in(User.objects.create_superuser("root"))
    assert first_message(client, "bygone") == {"type": "websocket.close", "code": consumers.NOT_ALLOWED}


@pytest.mark.parametrize("permission", ["view_gateevent", "change_gateevent"])
def test_a_snapshot_and_then_every_change_of_this_vendors_gate_and_nothing_else(permission: str) -> None:
    client = signed_in(a_user("onlooker", permission, is_staff=True))
    delayed = {"type": "stt.delayed", "vendor": "rtzr", "state": "blocked", "version": 9}

    async def run() -> None:
        layer = get_channel_layer()
        console = socket(client)
        await console.connect(timeout=patient(5))
        snapshot = await console.receive_json_from(timeout=patient(5))
        assert (snapshot["type"], snapshot["stt"]["state"]) == ("snapshot", "open")
        await layer.group_send(events.stt_group("another"), delayed | {"vendor": "another"})
        await layer.group_send(events.meeting_group(1), {"type": "recording.changed", "meeting": 1})
        await layer.group_send(events.stt_group("rtzr"), {"type": "recording.changed", "meeting": 1})
        await layer.group_send(events.stt_group("rtzr"), delayed)
        assert await console.receive_json_from(timeout=patient(5)) == delayed
        await console.disconnect()

    async_to_sync(run)()


def test_who_lost_the_permission_is_shown_out_at_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "SNAPSHOT_EVERY", 0)
    user = a_user("onlooker", "view_gateevent", is_staff=True)
    client = signed_in(user)

    async def run() -> None:
        console = socket(client)
        await console.connect(timeout=patient(5))
        await console.receive_json_from(timeout=patient(5))
        await sync_to_async(user.user_permissions.clear)()
        await console.send_json_to({"type": "snapshot"})
        message = await console.receive_output(timeout=patient(5))
        assert message == {"type": "websocket.close", "code": consumers.NOT_ALLOWED}

    async_to_sync(run)()
