"""Two database transactions at once, in a certain order and without waiting for a fixed time."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from tests.waiting import wait_until


def start_beside(act: Callable[[], object]) -> threading.Thread:
    """Start `act` in a thread with a connection of its own, beside the caller's open transaction.

    Return the thread once it waits for that transaction, or has ended without waiting. The caller must have written
    or locked a row, then commits, and joins the thread.
    """
    tries_to_write = threading.Event()

    def watch(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        # SQLite waits in BEGIN IMMEDIATE. PostgreSQL begins without a statement, and waits at the locked row.
        if sql.startswith("BEGIN"):
            tries_to_write.set()
        return execute(sql, *rest)

    def run() -> None:
        try:
            with connection.execute_wrapper(watch):
                act()
        finally:
            connection.close()

    def waits_or_has_ended() -> bool:
        waits = _waits_for_us() if connection.vendor == "postgresql" else tries_to_write.is_set()
        return waits or not thread.is_alive()

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(waits_or_has_ended)
    return thread


def _waits_for_us() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        found: tuple[bool] = cursor.fetchone()
        return found[0]
