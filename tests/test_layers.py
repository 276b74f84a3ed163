"""Imports point one way (docs/architecture.md). They are read from the source, so none hides in a function."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("mico", "realtime", "transcription", "emulator")

# A folder or module of `transcription` imports from the floors below its own, and nothing else.
FLOORS = [
    {"models", "live", "gate", "vendors", "reasons", "room"},
    {"events", "languages"},
    {"service", "people", "sound"},
    {"polling", "words", "sample"},
    {"lifecycle", "snapshot"},
    {"web", "api", "management", "templatetags"},
    {"admin", "apps", "jobs"},
]
FLOOR = {name: number for number, floor in enumerate(FLOORS) for name in floor}

MOST_MODULES = 16  # in one folder; in a longer list a name is hard to find


def imports(path: Path) -> set[str]:
    """Return the full names of the modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join([*package, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def folder(module: str) -> str:
    """`transcription.live.wakeup` → `live`, `transcription.events` → `events`, `transcription` → ``."""
    return [*module.split("."), ""][1]


def files(package: str) -> list[Path]:
    return [p for p in sorted((ROOT / package).rglob("*.py")) if "migrations" not in p.parts]


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("path", files("transcription"), ids=module_of)
def test_inside_transcription_imports_point_downwards(path: Path) -> None:
    here = folder(module_of(path))
    if not here:
        return
    assert here in FLOOR, f"{here} has no place in FLOORS"
    for module in imports(path):
        if module.startswith("transcription.") and (there := folder(module)) != here:
            assert FLOOR[there] < FLOOR[here], f"{module_of(path)} imports {module}, which is not below it"


def test_no_modules_import_each_other_in_a_circle() -> None:
    modules = {module_of(path): path for package in PACKAGES for path in files(package)}
    arrows = {
        name: {module for module in imports(path) if module in modules and module != name}
        - {parent for parent in modules if name.startswith(f"{parent}.")}
        for name, path in modules.items()
    }
    assert len(list(TopologicalSorter(arrows).static_order())) == len(modules)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_folder_has_more_modules_than_a_reader_can_see_at_once(package: str) -> None:
    folders = {path.parent for path in files(package)}
    crowded = {here: len(list(here.glob("*.py"))) - 1 for here in folders}
    assert not {here: count for here, count in crowded.items() if count > MOST_MODULES}


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
    known = {
        f"transcription.{name}"
        for name in ("events", "snapshot", "models", "people.seats", "live.attendance")
    }
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
    assert not [p for package in PACKAGES for p in files(package) if p.stem == "utils"]
