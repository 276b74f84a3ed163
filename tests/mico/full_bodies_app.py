"""The application of bodies_app.py on a full disk: what a body of 100 kB or more is written to takes 1 MB at most."""

import tempfile
from typing import Any

from tests.full_disk import FullFile
from tests.mico.bodies_app import application

__all__ = ["application"]


class Temporary(FullFile):
    def __init__(self, *_arguments: Any, **_options: Any) -> None:
        super().__init__(buffer_size=1024**2)


tempfile.TemporaryFile = Temporary  # type: ignore[assignment]
