"""Modules of the page by themselves, for moments that a test of the whole page cannot bring about."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.modules import modules_page, run
from tests.browser.sounds import talk

pytestmark = [pytest.mark.browser, pytest.mark.slow]

# An Audio without sound, which a test can bring to its end.
SILENT = """
globalThis.Audio = class extends EventTarget {
    currentTime = 0;
    readyState = 4;
    play() { return Promise.resolve(); }
    pause() {}
    load() {}
    removeAttribute() {}
};
const problems = [];
addEventListener("error", ({message}) => problems.push(message));
"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = modules_page(browser)
    yield page
    page.close()


def test_the_next_recording_may_begin_in_the_moment_in_which_one_ends(page: Page) -> None:
    played = run(
        page,
        SILENT
        + """
        const {Playback} = await import("/playback.js");
        const {Timeline} = await import("/timeline.js");
        const timeline = new Timeline();
        const row = (recording, at_ms) => ({recording, at_ms, duration_ms: 1000, version: 1, lines: []});
        timeline.put([row(1, 0), row(2, 1000), row(3, 60000)]);
        const playback = new Playback(timeline, () => "");
        playback.play();
        const [first] = playback.voices;
        first.audio.currentTime = 1;
        first.audio.dispatchEvent(new Event("ended"));
        const sounding = playback.voices.map(({row}) => row.recording);
        playback.close();
        return [sounding, problems];
        """,
    )
    assert played == [[2], []]


def test_what_cannot_be_written_does_not_keep_the_rest_from_being_written(page: Page) -> None:
    written = run(
        page,
        """
        crypto.randomUUID ??= () => "one"; // which only secure pages have
        const {Take} = await import("/take.js");
        const microphone = Object.assign(new EventTarget(), {rate: 48000});
        const take = new Take({microphone, outbox: null, about: {}, now: () => 0});
        const written = [];
        take.write(() => Promise.reject(new Error("the disk is full")));
        take.write(async () => written.push("next"));
        await take.writing;
        return written;
        """,
    )
    assert written == ["next"]


TAKE = """
crypto.randomUUID ??= () => "one"; // which only secure pages have
const {Take} = await import("/take.js");
const written = [];
const outbox = {
    add: async () => {},
    drop: async () => {},
    finish: async ({offsetMs}, samples) => written.push([offsetMs, samples.length / 16]),
};
const microphone = Object.assign(new EventTarget(), {rate: 16000});
let now = 0;
let lengths = () => ({soonestMs: 3000, latestMs: 7000});
const take = new Take({microphone, outbox, about: {}, now: () => now, lengths: () => lengths()});
// `late`: how many ms after its last sample a piece arrives.
const hear = (samples, late) => {
    for (let at = 0, end = now; at < samples.length; at += 320) {
        end += 20;
        now = end + late(end);
        microphone.dispatchEvent(new CustomEvent("sound", {detail: samples.slice(at, at + 320)}));
        now = end;
    }
};
const stop = async () => {
    take.follow(take.detector.flush());
    await take.writing;
    return written;
};
"""


def test_the_stretch_that_a_cut_one_promises_is_in_the_outbox_before_it(page: Page) -> None:
    kept = run(
        page,
        TAKE
        + """
        let id = 0;
        crypto.randomUUID = () => String(id++);
        const kept = [];
        outbox.add = async ({id, state}, number) => number === 0 && kept.push(["begun", id, state]);
        outbox.finish = async ({id, goesOn}) => kept.push(["complete", id, goesOn]);
        hear(sound, () => 0);
        await stop();
        return kept;
        """,
        sound=talk(8),
    )
    assert kept == [
        ["begun", "0", "open"],
        ["begun", "1", "open"],
        ["complete", "0", True],
        ["complete", "1", False],
    ]


def test_a_stretch_promises_nothing_if_the_browser_cannot_keep_the_next_one(page: Page) -> None:
    promised = run(
        page,
        TAKE
        + """
        const promised = [];
        outbox.add = () => Promise.reject(new Error("the disk is full"));
        outbox.finish = async ({goesOn}) => promised.push(goesOn);
        hear(sound, () => 0);
        await stop();
        return promised;
        """,
        sound=talk(8),
    )
    assert promised == [False, False]


def test_what_was_cut_within_a_word_is_joined_however_the_clock_is_corrected(page: Page) -> None:
    written = run(
        page,
        TAKE
        + """
        hear(sound, (end) => end > 6000 ? 3000 : 0);
        return await stop();
        """,
        sound=talk(8),
    )
    (offset, lasts), (following, _) = written
    assert offset + lasts == following


def test_where_speech_goes_on_a_stretch_begins_in_the_moment_in_which_the_last_one_ended(page: Page) -> None:
    written = run(
        page,
        TAKE
        + """
        hear(sound, (end) => (end * 7919) % 50 + (end > 9000 ? 100 : 0));
        return await stop();
        """,
        sound=talk(20),
    )
    assert len(written) >= 3
    assert all(2900 <= lasts <= 7000 for _, lasts in written[:-1])
    assert all(offset + lasts == following for (offset, lasts), (following, _) in pairwise(written))


def test_stretches_grow_while_words_do_not_come_as_fast_as_people_speak(page: Page) -> None:
    found = run(
        page,
        """
        const {StretchLengths} = await import("/stretch-lengths.js");
        const lengths = new StretchLengths(4000, 8000);
        const tell = (recording, status) => {
            lengths.changed({recording, status});
            const {soonestMs, latestMs} = lengths.now();
            return [soonestMs, latestMs];
        };
        const found = [1, 2, 3, 3, 4, 5].map((recording) => tell(recording, "queued"));
        found.push(tell(1, "processing"), tell(1, "done"), tell(2, "failed"));
        for (let n = 10; n < 30; n++) tell(n, "queued");
        found.push(tell(30, "submitting"));
        lengths.forget();
        found.push(tell(3, "cancelled"));
        const long = new StretchLengths(16000, 20000);
        for (let n = 0; n < 30; n++) long.changed({recording: n, status: "queued"});
        found.push([long.now().soonestMs, long.now().latestMs]);
        return found;
        """,
    )
    usual = [4000, 8000]
    assert found == [
        *[usual] * 4,
        [6000, 10_000],
        [8000, 12_000],
        [8000, 12_000],
        [6000, 10_000],
        usual,
        [16_000, 20_000],
        usual,
        [16_000, 20_000],
    ]


def test_how_long_a_stretch_may_be_is_asked_when_it_begins(page: Page) -> None:
    written = run(
        page,
        TAKE
        + """
        const answers = [[10000, 12000], [4000, 6000]];
        lengths = () => {
            const [soonestMs, latestMs] = answers.length > 1 ? answers.shift() : answers[0];
            return {soonestMs, latestMs};
        };
        hear(sound, () => 0);
        return await stop();
        """,
        sound=talk(30),
    )
    (_, first), (_, second), *_ = written
    assert 9900 <= first <= 12_000
    assert 3900 <= second <= 6000


def test_what_is_said_after_the_computer_slept_is_not_joined_to_what_was_said_before(page: Page) -> None:
    written = run(
        page,
        TAKE
        + """
        hear(sound, () => 0);
        take.follow(take.detector.interrupt());
        now += 60000;
        hear(sound, () => 0);
        return await stop();
        """,
        sound=talk(2.5),
    )
    assert written == [[0, 2500], [62_500, 2500]]


def test_of_two_words_that_begin_alike_the_longer_one_is_found(page: Page) -> None:
    found = run(
        page,
        """
        const {wordPattern} = await import("/word-pattern.js");
        return ["Cart, car.", "a.b aXb"].map((text) =>
            [...text.matchAll(wordPattern(["car", "a.b", "cart"]))].map(({0: word}) => word));
        """,
    )
    assert found == [["Cart", "car"], ["a.b"]]


def test_pauses_grow_to_their_longest_and_are_spread_over_half_of_it(page: Page) -> None:
    pauses = run(
        page,
        """
        const {Backoff} = await import("/backoff.js");
        const backoff = new Backoff(1000, 3000);
        const next = (random) => {
            Math.random = () => random;
            return backoff.next();
        };
        const grown = [next(1), next(0), next(1), next(0)];
        backoff.reset();
        return [...grown, next(1)];
        """,
    )
    assert pauses == [1000, 1000, 3000, 1500, 1000]


def test_what_changes_while_it_is_asked_for_is_asked_for_again(page: Page) -> None:
    found = run(
        page,
        """
        const {NewerVersions} = await import("/newer-versions.js");
        const newer = new NewerVersions((recording) => (recording === 1 ? 5 : -1));
        const wanted = [newer.want(1, 5), newer.want(1, 6), newer.want(2, 0), newer.want(3, 0)];
        const asked = newer.next(2);
        newer.want(1, 7);
        newer.answered(asked);
        return [wanted, [...asked], [...newer.next(9)]];
        """,
    )
    assert found == [[False, True, True, True], [[1, 6], [2, 0]], [[1, 7], [3, 0]]]
