"""Imports point one way (docs/architecture.md). Read from the source, so a cycle cannot hide in a function."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A part imports what stands in a line above its own, and nothing else.
LAYERS = [
    {"turnaround"},
    {"models", "redis_client", "audio", "schedule", "reasons", "vendors", "gate"},
    {"accounts", "channel_layer"},
    {"presence", "attendance", "wakeup", "tokens", "ranges", "transcript", "timeline", "traffic", "episodes"}
    | {"plan", "seats", "names"},
    {"estimate"},
    {"events"},
    {"states", "reports", "lease", "media", "meetings", "speakers", "standing", "lines", "export"},
    {"search", "editing"},
    {"workflow", "intake", "joining"},
    {"jobs", "worker", "sample", "uploads", "deletion"},
    {"dispatch"},
]
HEIGHT = {name: height for height, layer in enumerate(LAYERS) for name in layer}
EDGES = {
    "api",
    "views",
    "people_views",
    "guards",
    "search_views",
    "forms",
    "urls",
    "admin",
    "apps",
    "management",
    "templatetags",
    "migrations",
}


def imports(path: Path) -> set[str]:
    """Every module that a file imports, with full names, wherever in the file the import stands."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.level:
                continue  # inside the same package
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FOLDERS = {"lifecycle", "polling", "service", "sound", "words", "people", "live", "web"}


def part(module: str) -> str:
    """`transcription.gate.gate` → `gate`, `transcription.live.wakeup` → `wakeup`."""
    names = [*module.split("."), "", ""]
    return names[2] if names[1] in FOLDERS else names[1]


def files(package: str) -> list[Path]:
    return [p for p in sorted((ROOT / package).rglob("*.py")) if "migrations" not in p.parts]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", files("transcription"), ids=module_of)
def test_inside_transcription_imports_point_downwards(path: Path) -> None:
    here = part(module_of(path))
    if here in EDGES | {"", "jobs"}:
        return
    assert here in HEIGHT, f"{here} has no place in LAYERS"
    for module in imports(path):
        if module.startswith("transcription.") and (there := part(module)) not in (here, ""):
            assert there not in EDGES, f"{here} imports the edge {there}"
            assert HEIGHT[there] < HEIGHT[here], f"{here} imports {there}, which is not below it"


@pytest.mark.parametrize(
    ("package", "never"),
    [
        ("transcription", ("realtime", "emulator", "mico")),
        ("realtime", ("emulator", "mico")),
        ("emulator", ("transcription", "realtime", "mico", "django")),
        ("transcription/gate", ("django",)),
        ("transcription/vendors", ("django.db", "transcription.models", "transcription.gate")),
        ("mico", ("emulator",)),
    ],
)
def test_what_a_part_never_imports(package: str, never: tuple[str, ...]) -> None:
    for path in files(package):
        for module in imports(path):
            assert not any(module == name or module.startswith(f"{name}.") for name in never), (
                f"{path}: {module}"
            )


def test_realtime_knows_only_events_and_who_may_hear_them() -> None:
    known = {"transcription.events", "transcription.models", "transcription.people.seats"}
    known |= {"transcription.live.attendance"}
    for path in files("realtime"):
        used = {m for m in imports(path) if m.startswith("transcription.")}
        assert all(any(m == name or m.startswith(f"{name}.") for name in known) for m in used), path


def test_the_audio_reader_knows_no_django() -> None:
    assert not any(m.startswith("django") for m in imports(ROOT / "transcription" / "sound" / "audio.py"))


def test_the_environment_is_read_in_the_settings_and_by_the_launcher_only() -> None:
    for package in "mico", "transcription", "realtime":
        for path in files(package):
            if path.name == "settings.py" or "run" in path.parts:
                continue
            source = path.read_text()
            assert "os.environ[" not in source, path
            assert "os.environ.get" not in source, path
            assert "getenv" not in source, path


def test_no_module_is_called_utils() -> None:
    assert not [
        p
        for package in ("mico", "transcription", "realtime", "emulator")
        for p in files(package)
        if p.stem == "utils"
    ]
