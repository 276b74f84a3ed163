"""From the microphone's samples to a file: resampling without artefacts, a valid WAV and a valid archive."""

import base64
import io
import math
import wave
import zipfile
from array import array
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.modules import modules_page, run, unpack
from tests.browser.sounds import noise, rms

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RATES = [48_000, 44_100, 96_000, 32_000, 22_050, 16_000, 8_000]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    shown = modules_page(browser)
    yield shown
    shown.close()


def resample(page: Page, sound: "array[float]", rate: int, piece: int = 1024) -> "array[float]":
    """Return the sound at 16 kHz, resampled in pieces of `piece` samples."""
    made = run(
        page,
        """
        const {Resampler} = await import("/resampler.js");
        const resampler = new Resampler(rate, 16000);
        const parts = [];
        for (let at = 0; at < sound.length; at += piece) parts.push(resampler.push(sound.subarray(at, at + piece)));
        parts.push(resampler.flush());
        return parts.map(encode);
        """,
        sound=sound,
        rate=rate,
        piece=piece,
    )
    return array("f", (sample for part in made for sample in unpack(part)))


def tone(hertz: float, rate: int, seconds: float = 1.0) -> "array[float]":
    return array("f", (0.5 * math.sin(2 * math.pi * hertz * n / rate) for n in range(int(seconds * rate))))


@pytest.mark.parametrize("rate", RATES)
def test_what_is_below_the_limit_stays_as_it_is_and_in_its_place(page: Page, rate: int) -> None:
    hertz = 3000
    made = resample(page, tone(hertz, rate), rate)
    assert abs(len(made) - 16_000) <= 1
    wanted = tone(hertz, 16_000)
    middle = slice(1000, 15_000)  # the filter also sees the silence beyond the ends
    assert rms(a - b for a, b in zip(made[middle], wanted[middle], strict=True)) < 0.001


@pytest.mark.parametrize("rate", [48_000, 44_100, 96_000])
@pytest.mark.parametrize("hertz", [8600, 12_000, 15_000, 19_000])
def test_what_is_above_the_limit_does_not_come_back_as_another_tone(
    page: Page, rate: int, hertz: int
) -> None:
    made = resample(page, tone(hertz, rate), rate)
    assert 20 * math.log10(rms(made[1000:15_000]) / 0.35) < -70


@pytest.mark.parametrize("rate", [48_000, 44_100])
def test_the_samples_are_the_same_however_they_come(page: Page, rate: int) -> None:
    sound = noise("white", 0.5, -20)
    once = resample(page, sound, rate, len(sound))
    assert all(resample(page, sound, rate, piece) == once for piece in (1, 128, 1000))


def test_a_wav_is_what_went_in_and_what_is_too_loud_is_limited(page: Page) -> None:
    encoded = run(
        page,
        """
        const {toPcm, wav} = await import("/wav.js");
        const parts = [toPcm(Float32Array.of(0, 0.5, -0.5)), toPcm(Float32Array.of(1.5, -1.5, 1, -1))];
        const bytes = new Uint8Array(await wav(parts, 16000).arrayBuffer());
        return btoa(String.fromCharCode(...bytes));
        """,
    )
    with wave.open(io.BytesIO(base64.b64decode(encoded))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        pcm = array("h", file.readframes(100))
    assert list(pcm) == [0, 16384, -16383, 32767, -32767, 32767, -32767]


def test_an_archive_is_opened_by_others(page: Page) -> None:
    encoded = run(
        page,
        """
        const {zip} = await import("/zip.js");
        const files = [{name: "주간 0-00-01.wav", blob: new Blob(["first"])}, {name: "b.wav", blob: new Blob([""])}];
        const bytes = new Uint8Array(await (await zip(files)).arrayBuffer());
        return btoa(String.fromCharCode(...bytes));
        """,
    )
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(encoded))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "주간 0-00-01.wav": b"first",
            "b.wav": b"",
        }


def test_a_sample_has_the_time_of_the_least_late_piece_and_a_clock_that_drifts_is_followed(
    page: Page,
) -> None:
    times = run(
        page,
        """
        const {SoundClock} = await import("/sound-clock.js");
        let now = 0;
        const clock = new SoundClock(1000, () => now);
        const piece = (at) => { now = at; clock.arrived(20); };
        piece(5025); piece(5040); piece(5300);  // 20 ms each; the second came at once, the third late
        const first = [clock.at(0), clock.at(1)];
        for (let n = 0; n < 200; n++) piece(6060 + 20 * n + 20);  // after a second in which nothing came
        return [...first, clock.at(0.06)];
        """,
    )
    assert times == [5000, 6000, 6060]
