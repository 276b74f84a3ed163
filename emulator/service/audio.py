"""Format, duration and samples of an audio file, by PyAV (FFmpeg). File names are ignored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, cast

import av
from av.container import InputContainer
from av.error import FFmpegError

from .protocol import VendorError

# The formats that RTZR accepts (https://developers.rtzr.ai/docs/stt-file/) as FFmpeg demuxers; mp4 and m4a are one.
# No other demuxer is tried: a disguised playlist could make FFmpeg open other files.
_FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,mp3,amr,flac,wav"

SAMPLE_RATE: Final = 16_000
SAMPLE_BYTES: Final = 2


class BrokenAudioError(Exception):
    """The container is valid, but no audio can be decoded from it."""


def probe(path: Path) -> int:
    """Return the duration of an upload in milliseconds. Raises H0010 if RTZR does not accept the format."""
    try:
        with _open(path) as container:
            return _duration_ms(container)
    except (FFmpegError, IndexError, ValueError) as error:
        raise VendorError("H0010", "mp4, m4a, mp3, amr, flac and wav are") from error


def _open(path: Path) -> InputContainer:
    return av.open(str(path), options={"format_whitelist": _FORMATS, "protocol_whitelist": "file"})


def _duration_ms(container: InputContainer) -> int:
    stream = container.streams.audio[0]
    if stream.duration is not None and stream.time_base is not None:
        return round(stream.duration * stream.time_base * 1000)
    if container.duration is not None:
        return round(container.duration / av.time_base * 1000)
    # A FLAC file that was written to a pipe has no duration. Count it, which reads the packets without decoding.
    ticks = sum(packet.duration or 0 for packet in container.demux(stream))
    return round(ticks * stream.time_base * 1000) if stream.time_base is not None else 0


def pcm(path: Path, duration_ms: int) -> Iterator[bytes]:
    """Yield the audio in pieces of 16 kHz mono signed 16-bit little-endian samples, never all of it at once.

    Single damaged packets are skipped, as FFmpeg does. Raises BrokenAudioError if most packets are damaged.
    """
    good = bad = 0
    resampler: av.AudioResampler | None = None
    made_for: tuple[str, str, int] | None = None
    try:
        with _open(path) as container:
            for packet in container.demux(container.streams.audio[0]):
                try:
                    frames = packet.decode()
                except FFmpegError:
                    bad += 1
                    continue
                for frame in frames:
                    good += 1
                    kind = (frame.format.name, frame.layout.name, frame.sample_rate)
                    if resampler is None or kind != made_for:  # a stream's rate may change in its middle
                        yield from _samples(resampler, None)
                        resampler, made_for = av.AudioResampler("s16", "mono", SAMPLE_RATE), kind
                    yield from _samples(resampler, frame)
    except (FFmpegError, IndexError) as error:
        raise BrokenAudioError(str(error)) from error
    if duration_ms and not good:
        raise BrokenAudioError("there is no sound in it")
    if bad > good:
        raise BrokenAudioError(f"{bad} of {bad + good} packets cannot be decoded")
    yield from _samples(resampler, None)


def _samples(resampler: av.AudioResampler | None, frame: av.AudioFrame | None) -> Iterator[bytes]:
    """Yield the samples of a frame; without one, those that the resampler still holds."""
    if resampler is None:
        return
    for piece in resampler.resample(frame):
        # A resampler that had nothing to do returns its argument.
        if cast(object, piece) is not None:
            yield bytes(piece.planes[0])[: piece.samples * SAMPLE_BYTES]
