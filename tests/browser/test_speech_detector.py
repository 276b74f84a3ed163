"""The speech detector, fed with samples: it cuts off no speech, and takes nothing else for speech."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.modules import modules_page, read, run, unpack
from tests.browser.sounds import RATE, join, mix, noise, scaled, silence, spoken_part, talk
from tests.stt import SPOKEN

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PRE_ROLL = 400 * RATE // 1000
HANG_OVER = 800 * RATE // 1000
FRAME = RATE // 50
FILES = sorted(SPOKEN)
SHORT = {"soonestMs": 3000, "latestMs": 7000}


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    shown = modules_page(browser)
    yield shown
    shown.close()


@dataclass
class Stretch:
    """A stretch: its samples, and the index in the sound of the first one and of the one after the last."""

    start: int
    samples: "array[float]"
    goes_on: bool

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


def detect(page: Page, sound: "array[float]", piece: int = 1000, **options: Any) -> list[Stretch]:
    """Return what the detector finds in `sound`, fed in pieces of `piece` samples."""
    found = run(
        page,
        """
        const {SpeechDetector} = await import("/speech-detector.js");
        const detector = new SpeechDetector(options);
        const ended = [];
        for (let at = 0; at < sound.length; at += piece) ended.push(...detector.push(sound.subarray(at, at + piece)));
        ended.push(...detector.flush());
        return ended.map(({start, samples, goesOn}) => ({start, samples: encode(samples), goesOn}));
        """,
        sound=sound,
        piece=piece,
        options=options,
    )
    return [Stretch(one["start"], unpack(one["samples"]), one["goesOn"]) for one in found]


def is_part_of(stretch: Stretch, sound: "array[float]") -> bool:
    """Return whether the stretch is an exact copy of its part of the sound."""
    return stretch.samples == sound[stretch.start : stretch.end]


@pytest.mark.parametrize("kind", ["white", "pink", "fan"])
@pytest.mark.parametrize("snr_db", [30, 10, 5])
def test_a_sentence_in_noise_is_found_whole(page: Page, kind: str, snr_db: int) -> None:
    for name in FILES:
        speech = read(name)
        first, last = spoken_part(speech)
        before = 5 * RATE
        level = -30.0
        sound = mix(
            join(silence(5), scaled(speech, level), silence(2)),
            noise(kind, 7 + len(speech) / RATE, level - snr_db),
        )
        [stretch] = detect(page, sound)
        assert stretch.start <= before + first, name
        assert stretch.end >= before + last, name
        assert len(stretch.samples) < last - first + 2 * RATE, name
        assert is_part_of(stretch, sound)


@pytest.mark.parametrize("level_db", [-20, -50])
def test_loud_or_quiet_it_is_found(page: Page, level_db: int) -> None:
    speech = scaled(read(FILES[0]), level_db)
    sound = mix(join(silence(3), speech, silence(2)), noise("pink", 5 + len(speech) / RATE, level_db - 20))
    assert len(detect(page, sound)) == 1


def test_who_speaks_at_once_is_heard_from_the_first_sample(page: Page) -> None:
    speech = read("speech_slt_1.wav")
    first, last = spoken_part(speech)
    [stretch] = detect(page, join(speech[first:], silence(2)))
    assert stretch.start == 0
    assert stretch.end >= last - first


def test_silence_gives_nothing(page: Page) -> None:
    assert detect(page, silence(10)) == []
    assert detect(page, noise("white", 10, -75)) == []


@pytest.mark.parametrize("kind", ["white", "pink", "fan"])
@pytest.mark.parametrize("level_db", [-55, -35, -20])
def test_a_steady_noise_gives_nothing(page: Page, kind: str, level_db: int) -> None:
    assert detect(page, noise(kind, 20, level_db)) == []


def test_a_fan_that_is_switched_on_and_off_gives_nothing_and_speech_after_it_is_found(page: Page) -> None:
    quiet, loud = noise("fan", 8, -55), noise("fan", 8, -35)
    assert detect(page, join(quiet, loud, quiet)) == []

    speech = scaled(read("speech_rms_1.wav"), -25)
    first, last = spoken_part(speech)
    for room in (loud, quiet):  # after the noise became louder, and after it became quieter
        other = quiet if room is loud else loud
        talk = mix(join(silence(4.5), speech, silence(3.5 - len(speech) / RATE)), room)
        sound = join(other, talk, room)
        [stretch] = detect(page, sound)
        assert stretch.start <= int(12.5 * RATE) + first
        assert stretch.end >= int(12.5 * RATE) + last
        assert len(stretch.samples) < 6 * RATE


def test_keys_that_are_pressed_give_nothing(page: Page) -> None:
    sound = noise("pink", 12, -60)
    click = noise("white", 0.03, -20)
    for at in range(RATE, 11 * RATE, RATE * 3 // 10):
        for n, sample in enumerate(click):
            sound[at + n] += sample
    assert detect(page, sound) == []


def test_the_pre_roll_and_the_hang_over_are_exact(page: Page) -> None:
    tone = noise("white", 1.6, -20)  # its ends are those of frames
    sound = join(silence(2), tone, silence(3))
    [stretch] = detect(page, sound)
    assert stretch.start == 2 * RATE - PRE_ROLL
    # The spectrum covers the last 32 ms, so one frame after the end still contains sound.
    assert stretch.end == 2 * RATE + len(tone) + FRAME + HANG_OVER
    [shorter] = detect(page, sound, preRollMs=100, hangOverMs=300)
    assert (shorter.start, shorter.end) == (
        2 * RATE - RATE // 10,
        2 * RATE + len(tone) + FRAME + 3 * RATE // 10,
    )


def test_a_short_word_comes_with_its_surroundings(page: Page) -> None:
    word = noise("white", 0.2, -20)
    sound = join(silence(2), word, silence(3))
    [stretch] = detect(page, sound, preRollMs=100, hangOverMs=200)
    assert len(stretch.samples) == 1.2 * RATE
    [other] = detect(page, sound, preRollMs=100, hangOverMs=200, shortestMs=2000)
    assert len(other.samples) == 2 * RATE
    assert stretch.start == other.start == 2 * RATE - RATE // 10


def test_a_pause_for_breath_ends_nothing_and_a_longer_one_does(page: Page) -> None:
    word = read("speech_slt_1.wav")
    assert len(detect(page, join(silence(1), word, silence(0.4), word, silence(2)))) == 1
    assert len(detect(page, join(silence(1), word, silence(1.5), word, silence(2)))) == 2


def test_what_is_too_long_is_cut_in_its_quietest_moment_without_losing_a_sample(page: Page) -> None:
    words = [read(name) for name in FILES]
    words = [word[slice(*spoken_part(word))] for word in words]
    sound = mix(join(silence(3), *words * 4, silence(2)), noise("pink", 60, -60))
    stretches = detect(page, sound)
    assert len(stretches) >= 2
    for one, following in pairwise(stretches):
        assert one.end == following.start
    assert all(len(one.samples) <= 20 * RATE for one in stretches)
    assert all(len(one.samples) >= 16 * RATE for one in stretches[:-1])
    assert join(*(one.samples for one in stretches)) == sound[stretches[0].start : stretches[-1].end]
    assert stretches[-1].end >= len(sound) - 2 * RATE


def test_the_cut_is_where_it_is_quietest(page: Page) -> None:
    first, *_ = detect(page, join(silence(1), talk(30, dip=18), silence(2)))
    assert 19 * RATE <= first.end <= 19.15 * RATE
    first, *_ = detect(page, join(silence(1), talk(12, dip=5), silence(2)), **SHORT)
    assert 6 * RATE <= first.end <= 6.15 * RATE


def test_without_a_pause_each_sample_is_in_one_stretch_and_none_is_longer_than_the_latest(page: Page) -> None:
    words = [read(name) for name in FILES]
    words = [word[slice(*spoken_part(word))] for word in words]
    sound = mix(join(silence(1), *words * 3, silence(2)), noise("pink", 60, -60))
    stretches = detect(page, sound, **SHORT)
    assert len(stretches) >= 4
    for one, following in pairwise(stretches):
        assert one.end == following.start
    assert all(len(one.samples) <= 7 * RATE for one in stretches)
    # The cut is in the middle of a pause, which may have begun before the soonest.
    assert all(len(one.samples) >= 2.9 * RATE for one in stretches[:-1])
    assert join(*(one.samples for one in stretches)) == sound[stretches[0].start : stretches[-1].end]
    assert stretches[0].start <= RATE
    assert stretches[-1].end >= len(sound) - 2 * RATE


def test_a_pause_between_words_ends_what_is_long_enough(page: Page) -> None:
    # The stretch begins at 0.6 s, so the first pause is in its second second.
    sound = join(silence(1), talk(12, pauses=[(1.48, 0.3), (4.08, 0.3), (5.08, 0.3)]), silence(2))
    first, second, *_ = detect(page, sound, **SHORT)
    # In the middle of the 200 ms that were waited for.
    assert first.end == pytest.approx(5.2 * RATE, abs=2 * FRAME)
    assert second.start == first.end


def test_the_longer_a_stretch_is_the_shorter_a_pause_ends_it(page: Page) -> None:
    sound = join(silence(1), talk(12, pauses=[(3.08, 0.16), (5.68, 0.16), (6.28, 0.16)]), silence(2))
    first, *_ = detect(page, sound, **SHORT)
    assert 6.68 * RATE < first.end < 6.84 * RATE


def test_what_is_long_enough_ends_with_the_speech_and_a_key_that_is_pressed_then_is_no_stretch(
    page: Page,
) -> None:
    sound = join(silence(1), talk(4.14), silence(0.5), noise("white", 0.03, -20), silence(4))
    [stretch] = detect(page, sound, **SHORT)
    assert 5.14 * RATE <= stretch.end <= 5.34 * RATE


def test_it_is_the_same_however_the_samples_come(page: Page) -> None:
    sound = mix(
        join(silence(2), read("speech_slt_1.wav"), silence(2), read("speech_rms_2.wav"), silence(2)),
        noise("pink", 10, -50),
    )
    pieces = [detect(page, sound, piece) for piece in (160, 341, 1000, 50_000)]
    assert len(pieces[0]) == 2
    assert all(found == pieces[0] for found in pieces)


def test_stop_in_the_middle_of_a_word_keeps_its_last_sample(page: Page) -> None:
    sound = join(silence(1), read("speech_slt_1.wav"))[: int(2.01 * RATE) + 7]
    [stretch] = detect(page, sound)
    assert stretch.end == len(sound)
    assert is_part_of(stretch, sound)


def test_a_cut_in_no_pause_is_told_from_an_end_and_from_a_cut_in_a_pause(page: Page) -> None:
    spoken = detect(page, join(silence(1), talk(16), silence(2)), **SHORT)
    assert [one.goes_on for one in spoken] == [True, True, False]
    at_a_pause = detect(page, join(silence(1), talk(8, pauses=[(4, 0.3)]), silence(2)), **SHORT)
    assert [one.goes_on for one in at_a_pause] == [False, False]


def test_where_only_silence_has_followed_a_cut_speech_does_not_go_on(page: Page) -> None:
    # 80 ms after the last sound it is at its latest, and cut in them.
    [stretch] = detect(page, join(silence(1), talk(6.52), silence(2)), **SHORT)
    assert 6.9 * RATE <= len(stretch.samples) <= 7 * RATE
    assert not stretch.goes_on


def test_the_next_stretch_comes_even_if_nothing_in_it_was_speech(page: Page) -> None:
    # What is left of the talk after the cut is nothing beside the hum that is switched on.
    hum = noise("white", 0.02, -5) * 250
    sound = join(silence(1), talk(7), hum, silence(2))
    *cut, last = detect(page, sound, **SHORT)
    assert cut
    assert all(one.goes_on for one in cut)
    assert cut[-1].end == last.start
    assert is_part_of(last, sound)
