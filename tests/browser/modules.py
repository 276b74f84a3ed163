"""The page's modules in a real browser without a server: tests pass in samples and read results."""

import base64
import struct
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route

from tests.servers import BASE_DIR

STATIC = BASE_DIR / "transcription" / "static" / "transcription"
ADDRESS = "http://modules.test/"

# Samples travel as base64 of 32-bit floats; the rest as JSON.
TOOLS = """
const decode = (text) => new Float32Array(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);
const encode = (samples) => {
    const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
    let text = "";
    for (let n = 0; n < bytes.length; n += 30000) text += String.fromCharCode(...bytes.subarray(n, n + 30000));
    return btoa(text);
};
"""


def modules_page(browser: Browser) -> Page:
    """Return a page on which the modules can be imported by their names."""
    page = browser.new_page()

    def serve(route: Route) -> None:
        name = route.request.url.removeprefix(ADDRESS)
        if name:
            route.fulfill(path=STATIC / name, content_type="text/javascript")
        else:
            route.fulfill(body=f"<!doctype html><script>{TOOLS}</script>", content_type="text/html")

    page.route(f"{ADDRESS}**", serve)
    page.goto(ADDRESS)
    return page


def run(page: Page, body: str, **values: Any) -> Any:
    """Run the body of an async function. `values` are its variables; samples arrive as Float32Array."""
    packed = {name: pack(value) if isinstance(value, array) else value for name, value in values.items()}
    takes = ", ".join(packed)
    samples = "; ".join(
        f"{name} = decode({name})" for name, value in values.items() if isinstance(value, array)
    )
    return page.evaluate(f"async ({{{takes}}}) => {{ {samples}; {body} }}", packed)


def pack(samples: Sequence[float]) -> str:
    """Encode samples for the page."""
    return base64.b64encode(struct.pack(f"<{len(samples)}f", *samples)).decode()


def unpack(text: str) -> "array[float]":
    """Decode samples from the page."""
    return array("f", base64.b64decode(text))


def read(name: str) -> "array[float]":
    """Return the samples of a file of tests/audio, between -1 and 1."""
    return read_wav(BASE_DIR / "tests" / "audio" / name)


def read_wav(path: Path) -> "array[float]":
    """Read a 16-bit mono WAV."""
    with wave.open(str(path)) as file:
        pcm = array("h", file.readframes(file.getnframes()))
    return array("f", (sample / 32768 for sample in pcm))
