"""The files of the bundled model, put together once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.engines.weights import prepare


@pytest.fixture(scope="session")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the model `base`, which no test changes."""
    return prepare("base", tmp_path_factory.mktemp("models"))
