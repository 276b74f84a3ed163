"""A real Chromium for tests, with a spoken file as its microphone if need be."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

# Without these it looks up hosts of its own at every start, which no test needs.
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")


@contextmanager
def chromium(path: Path, speech: Path | None = None) -> Iterator[Browser]:
    """A headless browser until the block ends. `speech`: a WAV that its microphone hears once."""
    arguments = ["--no-sandbox", "--disable-gpu", *QUIET]
    if speech is not None:
        arguments += [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={speech}%noloop",
        ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()


def spoken(target: Path, *files: Path, before: float = 0.6, after: float = 8.0) -> float:
    """Writes `files` one after the other, with silence (s) around, as one WAV. Returns where speech ends, s."""
    frames, rate = b"", 16_000  # the rate of every file in tests/audio
    for file in files:
        with wave.open(str(file)) as source:
            frames += source.readframes(source.getnframes())
    with wave.open(str(target), "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(rate)
        made.writeframes(bytes(2 * int(rate * before)) + frames + bytes(2 * int(rate * after)))
    return before + len(frames) / 2 / rate
