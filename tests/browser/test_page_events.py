"""The list in page-events.js is what the modules dispatch and listen to. It needs no browser: it reads the source."""

import re
from pathlib import Path

from tests.servers import BASE_DIR

STATIC = [BASE_DIR / "transcription/static/transcription", BASE_DIR / "realtime/static/realtime"]
MODULES = {path.stem: path.read_text() for folder in STATIC for path in folder.glob("*.js")}
EVENTS = MODULES["page-events"]
# The one name that is computed: the socket's messages.
FROM_SOCKET = "`mico:${message.type}`"


def listed() -> dict[str, tuple[set[str], set[str]]]:
    """Return (dispatchers, listeners) of each event, from the comment of page-events.js."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    comment = EVENTS[: EVENTS.index("/**")]
    for names, who in re.findall(
        r"^//   (mico:[^ ]+(?:, mico:[^ ]+)*): .*\n((?://     .*\n)+)", comment, re.M
    ):
        dispatchers, listeners = " ".join(who.replace("//", "").split()).split(" → ")
        for name in names.split(", "):
            found[name] = ({*dispatchers.split(", ")} - {"scripts outside"}, {*listeners.split(", ")})
    return found


def of_socket() -> set[str]:
    """Return the events that carry a message of the socket."""
    comment = EVENTS[: EVENTS.index("// The page's own:")]
    return {name for name in listed() if f"{name}:" in comment or f"{name}," in comment}


def called() -> dict[str, tuple[set[str], set[str]]]:
    """Return (dispatchers, listeners) of each event, from the calls of `dispatch` and `on`."""
    found: dict[str, tuple[set[str], set[str]]] = {}
    gate = set(re.findall(r'"(mico:[^"]+)"', EVENTS[EVENTS.index("GATE_EVENTS =") :].split(";")[0]))
    for module, text in MODULES.items():
        if module == "page-events":
            continue
        says = set(re.findall(r'\bdispatch\("(mico:[^"]+)"', text)) | (
            of_socket() if FROM_SOCKET in text else set()
        )
        hears = set(re.findall(r'\bon\("(mico:[^"]+)"', text)) | (gate if "of GATE_EVENTS" in text else set())
        for side, names in enumerate((says, hears)):
            for name in names:
                found.setdefault(name, (set(), set()))[side].add(module)
    return found


def test_the_list_of_the_pages_events_is_what_the_modules_do() -> None:
    assert listed() == called()
    assert list(re.findall(r'^ \*   "(mico:[^"]+)":', EVENTS, re.M)) == list(listed())


def test_no_module_goes_round_the_list_of_events() -> None:
    direct = re.compile(r"""(CustomEvent|addEventListener)\(\s*["'`]mico:""")
    assert [name for name, text in MODULES.items() if direct.search(text)] == []


def test_the_sockets_events_are_those_that_the_server_sends() -> None:
    source = "".join(path.read_text() for path in Path(BASE_DIR / "transcription").rglob("*.py"))
    sent = set(re.findall(r'^    type: Literal\["([^"]+)"\]', source, re.M))
    assert of_socket() == {f"mico:{name}" for name in sent}
