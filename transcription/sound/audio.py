"""Decodes untrusted audio files: how long they are, and their sound as FLAC.

All tracks that sound are mixed into one channel, each moment at its place in time (tracks.py, mixdown.py). This runs
in a process of its own (sandbox.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from typing import BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import InputContainer

from transcription.sound import mp3, riff
from transcription.sound.formats import AudioError, audio_streams, format_name, open_container
from transcription.sound.mixdown import Mixdown, Samples
from transcription.sound.tracks import SAMPLE_RATE, Track

# In ms. Where the header and what was decoded differ by at most this much, plus this part, they agree.
_TOLERANCE_MS = 500
_TOLERANCE = 0.01
# Formats whose length FFmpeg guesses from the size, so that it tells nothing about what was cut off.
_GUESSED = frozenset({"aac", "ac3", "eac3", "amr", "amrnb", "amrwb", "mpegts", "mpeg", "dss"})
# Tracks beyond this number are not heard: no recorder makes them, and each is decoded at the same time.
_MOST_TRACKS = 16


@dataclass(frozen=True, slots=True)
class Decoded:
    """What decoding found.

    `codec` is that of the first track, as FFmpeg names it. `duration_ms` is the length of the result. Of the
    `whole_ms` that the file should have, `read_ms` could be read: the rest did not decode, and is silence in the
    result, or was cut off at the end. `plain` means that the file as it is would be heard by anybody as the result:
    one track, in place, whole, and as long as it says.
    """

    codec: str
    duration_ms: int
    read_ms: int
    whole_ms: int
    plain: bool

    @property
    def is_partial(self) -> bool:
        """Whether so much is missing that people should know."""
        return self.whole_ms - self.read_ms > _allowed_ms(self.whole_ms)


def decode(opener: Callable[[], BinaryIO], target: BinaryIO | None, longest_ms: int) -> Decoded:
    """Decode a file, and write its sound to `target` as FLAC, 16 kHz, mono, 16 bit.

    `opener` returns the file, seekable and with a position of its own, once for each track. Everything that decodes
    is kept: of a recording that was cut off, the beginning is still worth having. Raises AudioError; the content of
    `target` is then of no use.
    """
    with ExitStack() as files:

        def opened() -> InputContainer:
            return files.enter_context(open_container(files.enter_context(opener())))

        containers = [opened()]
        number = min(len(audio_streams(containers[0])), _MOST_TRACKS)
        containers += [opened() for _ in range(1, number)]
        tracks = [
            Track(container, audio_streams(container)[at], longest_ms)
            for at, container in enumerate(containers)
        ]
        blocks = _together(tracks)
        if target is None:
            for _block in blocks:
                pass
        else:
            _write_flac(blocks, target)
        return _result(tracks, containers[0], opener)


def _together(tracks: list[Track]) -> Iterator[Samples]:
    """Mix the tracks block by block. Where one has ended, it is silent."""
    if len(tracks) == 1:
        yield from tracks[0]
        return
    mixdown = Mixdown(len(tracks))
    for blocks in zip_longest(*tracks):
        length = max(len(block) for block in blocks if block is not None)
        together = np.zeros((len(tracks), length), np.float32)
        for row, block in zip(together, blocks, strict=True):
            if block is not None:
                row[: len(block)] = block
        yield mixdown.mix(together)


def _write_flac(blocks: Iterator[Samples], target: BinaryIO) -> None:
    # Closed only on success: closing writes too, and its error would hide the first one.
    out = av.open(target, "w", format="flac")
    flac = out.add_stream("flac", rate=SAMPLE_RATE, layout="mono", format="s16")
    written = 0
    try:
        for block in blocks:
            whole = np.clip(np.rint(block * 32768), -32768, 32767).astype(np.int16)
            frame = AudioFrame.from_ndarray(whole.reshape(1, -1), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, written, Fraction(1, SAMPLE_RATE)
            written += len(block)
            out.mux(flac.encode(frame))
        out.mux(flac.encode(None))
        out.close()
    except av.FFmpegError as error:
        raise AudioError("unreadable", str(error)) from None


def _result(tracks: list[Track], container: InputContainer, opener: Callable[[], BinaryIO]) -> Decoded:
    longest = max(tracks, key=lambda track: track.samples)
    duration_ms = round(longest.samples * 1000 / SAMPLE_RATE)
    if duration_ms < 1 and (_promised_ms(container) or any(track.damaged for track in tracks)):
        raise AudioError("unreadable", "nothing in this file decodes")
    if duration_ms < 1:
        raise AudioError("empty_audio", "there is no sound in this file")
    lost_ms = round(min(track.unreadable for track in tracks) * 1000 / SAMPLE_RATE)
    cut_ms = _cut_ms(container, opener, duration_ms)
    claimed_ms = container.duration // 1000 if container.duration else None
    agrees = claimed_ms is not None and abs(claimed_ms - duration_ms) <= _allowed_ms(duration_ms)
    whole = not any(track.uneven or track.damaged for track in tracks)
    return Decoded(
        codec=audio_streams(container)[0].codec_context.codec.canonical_name,
        duration_ms=duration_ms,
        read_ms=duration_ms - lost_ms,
        whole_ms=duration_ms + cut_ms,
        plain=len(tracks) == 1 and whole and agrees and not cut_ms,
    )


def _cut_ms(container: InputContainer, opener: Callable[[], BinaryIO], duration_ms: int) -> int:
    """Return how much of the file was cut off at its end, as far as its own header can be believed, in ms."""
    match format_name(container):
        case "wav":
            with opener() as file:
                return riff.missing_ms(file)
        case "mp3":
            with opener() as file:
                return round(duration_ms * mp3.missing_part(file))
    promised_ms = _promised_ms(container)
    missing_ms = promised_ms - duration_ms
    return missing_ms if missing_ms > _allowed_ms(promised_ms) else 0


def _promised_ms(container: InputContainer) -> int:
    """Return the length of the sound, of which the header speaks, in ms; 0 if it speaks of none.

    The length of a whole film says nothing about its sound, which may end before.
    """
    name = container.format.name.split(",")[0]
    if name in _GUESSED:
        return 0
    if name == "matroska":
        return 0 if container.streams.video else (container.duration or 0) // 1000
    lengths = [
        float(stream.duration * stream.time_base)
        for stream in container.streams.audio
        if stream.duration is not None and stream.time_base is not None
    ]
    return round(max(lengths, default=0.0) * 1000)


def _allowed_ms(length_ms: int) -> float:
    return _TOLERANCE_MS + length_ms * _TOLERANCE
