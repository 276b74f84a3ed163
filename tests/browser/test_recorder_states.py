"""The recorder's table of states and its template name the same states. It needs no browser: it reads the source."""

import re
from html.parser import HTMLParser
from types import SimpleNamespace

from django.template.loader import render_to_string

from tests.browser.modules import STATIC


class Recorder(HTMLParser):
    """The states that the recorder's template names, in the button (by its text) and in the sentences."""

    def __init__(self) -> None:
        super().__init__()
        self.button: dict[str, list[str]] = {}
        self.sentences: list[str] = []
        self._open: list[str] = []
        self._within = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"button", "p"}:
            self._within = tag
        self._open = (given.get("data-when") or "").split()
        if self._within == "p":
            self.sentences += self._open

    def handle_data(self, data: str) -> None:
        if self._within == "button" and self._open:
            self.button[data.strip()] = self._open
            self._open = []


def test_the_recorders_template_has_a_sentence_and_a_button_for_each_state() -> None:
    table = re.findall(
        r'^  "?([a-z-]+)"?: \{ press: ([a-z"]+), busy: (true|false) \}',
        (STATIC / "recorder-states.js").read_text(),
        re.M,
    )
    template = Recorder()
    template.feed(render_to_string("meetings/meeting/_recorder.html", {"meeting": SimpleNamespace(pk=1)}))

    assert template.sentences == [state for state, _, _ in table]
    assert template.button == {
        "Record": [state for state, _, busy in table if busy == "false"],
        "Stop": [state for state, _, busy in table if busy == "true"],
    }
    assert len(table) == 13
