"""Reading translation catalogues, and finding the texts that belong in them, without gettext's programs.

A clean machine has no msgfmt and no xgettext, so the tests read .po files and sources themselves.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from django.utils.translation.template import templatize

from tests.settings import BASE_DIR

SOURCES = ("mico", "transcription", "realtime")
# Functions that mark a text; the singular stands for both forms, since Korean has only one.
MARKS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "ngettext": 1, "ngettext_lazy": 1}


def read_po(path: Path) -> dict[str, str]:
    """Return the translations of a .po file by their original. Raises ValueError if an entry is fuzzy."""
    found: dict[str, str] = {}
    for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
        lines = [line for line in block.splitlines() if line.strip()]
        if any(line.startswith("#,") and "fuzzy" in line for line in lines):
            raise ValueError(f"fuzzy: {block}")
        parts: dict[str, str] = {}
        part = ""
        for line in lines:
            if line.startswith("#"):
                continue
            keyword, _, quoted = line.partition(" ") if not line.startswith('"') else (part, "", line)
            part = keyword
            parts[part] = parts.get(part, "") + ast.literal_eval(quoted)
        if parts.get("msgid"):
            found[parts["msgid"]] = parts.get("msgstr", parts.get("msgstr[0]", ""))
    return found


def marked_in_python(source: str) -> Iterator[str]:
    """Yield the texts that Python source marks for translation."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        for argument in node.args[: MARKS.get(name, 0)]:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                yield argument.value


def marked_in_template(source: str) -> Iterator[str]:
    """Yield the texts that a Django template marks. Django itself turns the marks into calls of gettext."""
    for match in re.finditer(
        r"\b(?:n?gettext|_)\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")", templatize(source)
    ):
        yield ast.literal_eval(match[1])


def marked() -> dict[str, set[str]]:
    """Return the marked texts of the whole project, by the file that marks them."""
    found: dict[str, set[str]] = {}
    for folder in SOURCES:
        for path in (BASE_DIR / folder).rglob("*.py"):
            found[str(path.relative_to(BASE_DIR))] = set(marked_in_python(path.read_text(encoding="utf-8")))
    for path in [
        *(BASE_DIR / "templates").rglob("*.html"),
        *(BASE_DIR / "transcription").rglob("templates/**/*.html"),
    ]:
        found[str(path.relative_to(BASE_DIR))] = set(marked_in_template(path.read_text(encoding="utf-8")))
    return {path: texts for path, texts in found.items() if texts}
