"""The page's connection when the computer's clock jumps."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, WebSocket

from tests.browser.conftest import Site, connected
from tests.waiting import wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_clock_that_is_set_does_not_keep_the_page_from_looking(
    visit: Callable[..., Page], site: Site, hours: int
) -> None:
    page = visit("/")
    said: list[str] = []

    def opened(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: said.append(str(frame)))

    page.on("websocket", opened)
    page.goto(f"/m/{site.meeting()}/")
    connected(page)
    page.evaluate(
        """(hours) => {
            const real = Date.now.bind(Date);
            Date.now = () => real() + hours * 3600e3;
            document.dispatchEvent(new Event("visibilitychange")); // somebody looks at the page
        }""",
        hours,
    )
    wait_until(lambda: page.evaluate("1") == 1 and any('"snapshot"' in frame for frame in said), timeout=5)
