"""The files that the documents name exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = ("mico", "realtime", "transcription", "emulator", "templates", "tests", "benchmarks")
FILES = {
    path.relative_to(ROOT).as_posix()
    for folder in FOLDERS
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".lua", ".js", ".html", ".css"}
}


@pytest.mark.parametrize("document", sorted((ROOT / "docs").glob("*.md")), ids=lambda path: path.name)
def test_a_file_that_a_document_names_is_there(document: Path) -> None:
    named = set(re.findall(r"`([\w./-]+\.(?:py|lua|js|html|css))`", document.read_text()))
    gone = {name for name in named if not any(f"/{file}".endswith(f"/{name}") for file in FILES)}
    assert not gone
