"""The command line of the accuracy benchmark: runs, prints, and writes benchmarks/results/accuracy.json."""

import argparse
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy import measures, sounds, stretches
from benchmarks.accuracy.material import CACHE, Material, Recording, gather
from benchmarks.accuracy.measures import Tally
from benchmarks.accuracy.speech_service import POCKETSPHINX, SpeechService, a_service
from benchmarks.results import write
from emulator.engines.weights import BUNDLED, prepare

PARTS = ("whole", "live", "worse", "cuts", "clips", "sounds", "windows")
CUTS = (20.0, 12.0, 8.0, 5.0, 3.0)
TRIES = 20
MINUTES = 40.0
# Those that are also made worse and cut; the others are compared whole.
STUDIED = ("two_cities", "jm kumo")


def arguments(words: Sequence[str]) -> argparse.Namespace:
    """Parse the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy")
    parser.add_argument(
        "--model",
        action="append",
        default=[],
        metavar="FOLDER",
        help=f"of Whisper, beside {BUNDLED} and WHISPER_MODEL",
    )
    parser.add_argument(
        "--engine", action="append", help=f"only this: {POCKETSPHINX}, or a model's name (all)"
    )
    parser.add_argument("--part", action="append", choices=PARTS, help="only this (all)")
    parser.add_argument("--recording", action="append", help="only this one (all)")
    parser.add_argument("--sound", action="append", help="only this one of those without speech (all)")
    parser.add_argument("--cut", action="append", type=float, help=f"seconds of a clip ({CUTS})")
    parser.add_argument(
        "--tries", type=int, default=TRIES, help=f"clips whose time is taken, at least 2 ({TRIES})"
    )
    parser.add_argument(
        "--minutes", type=float, default=MINUTES, help=f"of the file beside them ({MINUTES:.0f})"
    )
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="keeps packages and models there (var/benchmarks)"
    )
    parser.add_argument("--no-download", action="store_true", help="only what is on this machine")
    asked = parser.parse_args(words)
    asked.part, asked.cut = asked.part or PARTS, asked.cut or CUTS
    return asked


def main(words: Sequence[str] = ()) -> None:
    """Run the benchmark. `words`: the options of the command line."""
    asked = arguments(words)
    began, load = time.monotonic(), [os.getloadavg()[0]]
    material = gather(asked.cache, download=not asked.no_download)
    recordings = [one for one in material.recordings if one.name in (asked.recording or [one.name])]
    if not recordings:
        raise SystemExit(
            f"No such recording: there are {', '.join(one.name for one in material.recordings)}."
        )
    if "live" in asked.part and not stretches.can_cut():
        material.left_out.append("live: no Chromium, whose page cuts the stretches")
    print(*(f"left out: {line}" for line in material.left_out), sep="\n")
    own = os.environ.get("WHISPER_MODEL")
    models = list(dict.fromkeys([BUNDLED, *asked.model, *([own] if own else [])]))
    figures: dict[str, Any] = {
        "recordings": {
            one.name: {"language": one.language, "by": one.by, "seconds": round(one.seconds, 1)}
            for one in recordings
        },
        "left_out": material.left_out,
        "engines": {},
    }
    for engine in (POCKETSPHINX, *models):
        if Path(engine).name not in (asked.engine or [Path(engine).name]):
            continue
        with a_service(engine, asked.cache / "models") as service:
            figures["engines"][Path(engine).name] = _engine(service, asked, material, recordings)
    if "windows" in asked.part:
        figures["windows"] = {
            Path(model).name: _windows(prepare(model, asked.cache / "models"), _studied(recordings))
            for model in models
        }
    load.append(os.getloadavg()[0])
    figures["load_average"] = load
    print(
        f"\nin {time.monotonic() - began:.0f} s, load average {load[0]:.1f} … {load[1]:.1f} on {os.cpu_count()} cores"
    )
    write("accuracy", figures)


def _studied(recordings: Sequence[Recording]) -> list[Recording]:
    return [one for one in recordings if one.name in STUDIED] or list(recordings)


def _engine(
    service: SpeechService, asked: argparse.Namespace, material: Material, recordings: Sequence[Recording]
) -> dict[str, Any]:
    recordings = [one for one in recordings if service.knows(one.language)]
    found: dict[str, Any] = {"rows": {}}
    name = Path(service.engine).name
    print(f"\n{name}: wrong words or syllables, processor / real time for each second of audio")
    if not recordings:
        print("no recording in a language that it knows")
        return found
    first = recordings[0]
    found["first_clip_s"] = round(measures.clip_times(service, first, 2)["p95"], 2)  # it loads the model
    for row, tally in _rows(service, asked, recordings):
        found["rows"][row] = tally.figures()
        print(_line(row, tally), flush=True)
    found["peak_mb"] = service.peak_mb()
    if "sounds" in asked.part:
        every = {name: sounds.without_speech(name) for name in sounds.WITHOUT_SPEECH} | material.signals
        chosen = {name: samples for name, samples in every.items() if name in (asked.sound or every)}
        found["out_of_nothing"] = _sounds(measures.out_of_nothing(service, chosen))
    if "clips" in asked.part:
        found["clips_s"] = {
            "idle": measures.clip_times(service, first, asked.tries),
            "beside a file": measures.beside_a_file(service, first, recordings, asked.minutes, asked.tries),
        }
        for when, times in found["clips_s"].items():
            print(f"a clip of 5 s, {when}: p50 {times['p50']:.2f} s, p95 {times['p95']:.2f} s")
        found["peak_mb_with_a_file"] = service.peak_mb()
    print(f"the recogniser's most memory: {service.peak_mb():.0f} MB")
    return found


def _rows(
    service: SpeechService, asked: argparse.Namespace, recordings: Sequence[Recording]
) -> Iterator[tuple[str, Tally]]:
    """Yield the rows of one engine, each with its name."""
    if "whole" in asked.part:
        groups: dict[str, Tally] = {}
        for one in recordings:
            tally, text = measures.whole(service, one)
            yield f"{one.language}, {one.name}", tally
            if tally.wrong > tally.units / 2:
                print(f"    heard: {text[:300]}")
            groups.setdefault(f"{one.language}, all {one.by}", Tally()).add(tally)
        yield from groups.items()
    # PocketSphinx knows no lead.
    if "live" in asked.part and service.engine != POCKETSPHINX and stretches.can_cut():
        yield from _live(service, recordings)
    studied = _studied(recordings)
    for language in dict.fromkeys(one.language for one in studied):
        own = [one for one in studied if one.language == language]
        if "worse" in asked.part:
            for how, worsen in measures.WORSE.items():
                yield (
                    f"{language}, {how}",
                    _sum(measures.whole(service, one, worsen(one.samples))[0] for one in own),
                )
        if "cuts" in asked.part:
            yield f"{language}, in one piece", _sum(measures.whole(service, one)[0] for one in own)
            for seconds in asked.cut:
                yield (
                    f"{language}, cut every {seconds:g} s",
                    _sum(measures.cut(service, one, seconds) for one in own),
                )
            if service.engine != POCKETSPHINX:
                lead, seconds = measures.LEAD_SECONDS, min(asked.cut, key=lambda cut: abs(cut - 5))
                yield (
                    f"{language}, cut every {seconds:g} s, with {lead:g} s before",
                    _sum(measures.cut(service, one, seconds, lead) for one in own),
                )


def _live(service: SpeechService, recordings: Sequence[Recording]) -> Iterator[tuple[str, Tally]]:
    groups: dict[str, Tally] = {}
    with stretches.detector() as cut:
        for one in recordings:
            found = cut(one.samples)
            in_speech = sum(stretch.goes_on for stretch in found)
            tally = measures.live(service, one, found)
            yield f"{one.language}, {one.name}, live, {in_speech} of {len(found)} cut in speech", tally
            groups.setdefault(f"{one.language}, all {one.by}, live", Tally()).add(tally)
    yield from groups.items()


def _sum(tallies: Iterator[Tally]) -> Tally:
    total = Tally()
    for tally in tallies:
        total.add(tally)
    return total


def _line(row: str, tally: Tally) -> str:
    rates = tally.figures()
    wrong = f"{tally.wrong} of {tally.units} {rates['wrong_percent']:5.1f} %"
    return f"{row:40} {wrong:>22}  {rates['cpu_factor']:.2f} / {rates['real_time_factor']:.2f}"


def _sounds(written: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    words = {sound: sum(len(text.split()) for text in texts.values()) for sound, texts in written.items()}
    print(f"words out of {len(written)} sounds without speech: {sum(words.values())}")
    for sound, count in words.items():
        if count:
            print(f"    {sound}: {dict(written[sound])}")
    return {
        "words": words,
        "written": {sound: dict(written[sound]) for sound, count in words.items() if count},
    }


def _windows(model: Path, recordings: Sequence[Recording]) -> dict[str, Any]:
    print(f"\n{model.name}, its window")
    found = {}
    for window, seconds, tally in measures.windows(model, recordings):
        row = f"{window}, clips of {seconds:g} s"
        found[row] = tally.figures()
        print(_line(row, tally), flush=True)
    return found
