"""One audio track, decoded to a single channel of 16 kHz and placed in time.

What is missing in a track (it begins late, was paused, is damaged) becomes silence, so that a moment of the result
is the same moment of the file. FFmpeg decodes, through PyAV and in blocks: memory stays flat for any length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from transcription.sound.formats import AudioError, claimed_ms
from transcription.sound.mixdown import BLOCK, Mixdown, Samples

SAMPLE_RATE = 16_000  # Hz, as speech recognition uses; a higher rate only means more to upload

# In s. Times within a file are rounded, and wander by less than this.
_ALIKE = 0.1
# Full scale is 1. Programs that mix in floating point go a little above it.
_LOUDEST = 8.0
# Codecs whose frames carry a checksum. A damaged one is left out: it would be a burst of loud noise.
_CHECKED = frozenset({"flac", "wavpack", "tta"})
# In s. The longest pause that is believed where the header does not say how long the whole is.
_LONGEST_PAUSE = 600.0
# In s. A longer jump in these formats, which are made to be cut and joined, is a seam and no pause: so ffmpeg takes
# it, too (`-dts_delta_threshold`).
_SEAM = 10.0
_JOINED = frozenset({"mpegts", "mpeg"})
# It has no times but a number of bytes or blocks, which programs that do not know the codec count wrongly.
_UNTIMED = frozenset({"avi"})


class Track:
    """Iterates once over the blocks of a track: arrays of BLOCK samples of one channel, the last one shorter.

    The other attributes are valid after that: `samples` is the length; `unreadable` counts the samples of silence
    that stand for damage; `damaged` and `uneven` tell whether some part did not decode, and whether something had to
    be mended (a late start, a pause, another rate midway, mirrored channels).
    """

    def __init__(self, container: InputContainer, stream: AudioStream, longest_ms: int) -> None:
        self._container = container
        self._stream = stream
        if stream.codec_context.codec.canonical_name in _CHECKED:
            stream.codec_context.options = {"err_detect": "crccheck+explode"}
        self._longest = longest_ms * SAMPLE_RATE // 1000
        self._horizon = _horizon(container)
        self._origin = _origin(container)
        self._lost = False  # something did not decode since the last frame
        self.samples = 0
        self.unreadable = 0
        self.damaged = False
        self.uneven = False

    def __iter__(self) -> Iterator[Samples]:
        return regrouped(self._mixed())

    def _mixed(self) -> Iterator[Samples]:
        mixdown = Mixdown(0)
        channels = 0
        for block in regrouped(self._placed()):
            if len(block) != channels:
                self.uneven |= channels > 0
                channels = len(block)
                mixdown = Mixdown(channels)
            yield mixdown.mix(block)
            self.uneven |= mixdown.odd

    def _placed(self) -> Iterator[Samples]:
        """Yield arrays of shape (channels, samples) without holes between them."""
        resampler = av.AudioResampler("fltp", "mono", SAMPLE_RATE)
        made_for: tuple[str, str, int] | None = None
        due = 0.0  # s; where the sound so far ends, by the lengths of its frames
        shift = 0.0  # s; what the file's times are put right by
        for frame in self._frames():
            kind = (frame.format.name, frame.layout.name, frame.sample_rate)
            at = due if frame.time is None else frame.time - self._origin + shift
            late = at - due
            if late < -_ALIKE or (late > _ALIKE and not self._believed(at, late)):
                shift -= late  # times that jump: a seam between files that were joined. No sound is left out.
                self.uneven = True
                late, at = 0.0, due
            hole = late > _ALIKE
            if hole or kind != made_for:
                if made_for is not None:
                    yield from self._counted(_drain(resampler))
                self.uneven |= hole or made_for is not None
                resampler = av.AudioResampler("fltp", frame.layout, SAMPLE_RATE)
                made_for = kind
            if hole:
                silence = max(0, round(at * SAMPLE_RATE) - self.samples)
                self.unreadable += silence if self._lost else 0
                yield from self._counted(_silence(len(frame.layout.channels), silence))
                due = at
            self._lost = False
            due += frame.samples / frame.sample_rate
            yield from self._counted(resampler.resample(frame))
        if made_for is not None:
            yield from self._counted(_drain(resampler))

    def _believed(self, at: float, late: float) -> bool:
        """Whether the file is taken at its word that sound goes on only at `at`, `late` seconds after the last."""
        if self._container.format.name in _UNTIMED and self.samples:
            return False
        if self._container.format.name in _JOINED and late > _SEAM:
            return False
        return at <= self._horizon if self._horizon else late <= _LONGEST_PAUSE

    def _counted(self, arrays: Iterable[AudioFrame | Samples]) -> Iterator[Samples]:
        for item in arrays:
            array = _samples(item) if isinstance(item, AudioFrame) else item
            self.samples += array.shape[1]
            if self.samples > self._longest:
                raise AudioError("too_long", f"longer than {self._longest // SAMPLE_RATE} s")
            yield array

    def _frames(self) -> Iterator[AudioFrame]:
        moving = True
        while moving:
            moving = False
            try:
                for packet in self._container.demux(self._stream):
                    moving = True
                    yield from self._decoded(packet)
            except av.FFmpegError:
                # Sound may follow a bad spot, so go on for as long as packets come.
                self.damaged = self._lost = True
            else:
                return

    def _decoded(self, packet: av.Packet[AudioStream]) -> Iterator[AudioFrame]:
        try:
            frames = packet.decode()
        except av.FFmpegError:
            self.damaged = self._lost = True
            return
        yield from (frame for frame in frames if frame.samples and frame.sample_rate)


def _samples(frame: AudioFrame) -> Samples:
    """Return the samples of a frame. A damaged float may be infinite or no number, and would spoil all after it."""
    array = frame.to_ndarray().astype(np.float32, copy=False)
    return np.clip(np.nan_to_num(array, copy=False, nan=0.0, posinf=0.0, neginf=0.0), -_LOUDEST, _LOUDEST)


def regrouped(arrays: Iterable[Samples], size: int = BLOCK) -> Iterator[Samples]:
    """Yield the samples in arrays of `size`: shorter ones at the end, and before the number of channels changes."""
    kept: list[Samples] = []
    count = 0
    for array in arrays:
        if kept and array.shape[:-1] != kept[0].shape[:-1]:
            yield np.concatenate(kept, axis=-1)
            kept, count = [], 0
        kept.append(array)
        count += array.shape[-1]
        if count >= size:
            whole = np.concatenate(kept, axis=-1)
            full = count - count % size
            for at in range(0, full, size):
                yield whole[..., at : at + size]
            kept, count = [whole[..., full:]], count - full
    if count:
        yield np.concatenate(kept, axis=-1)


def _origin(container: InputContainer) -> float:
    """Return the time of the file's beginning, in s: where the first of its tracks begins, of pictures too."""
    starts = [
        float(stream.start_time * stream.time_base)
        for stream in (*container.streams.audio, *container.streams.video)
        if stream.start_time is not None and stream.time_base is not None
    ]
    if container.start_time is not None:
        starts.append(container.start_time / av.time_base)
    return min(starts, default=0.0)


def _horizon(container: InputContainer) -> float | None:
    """Return the last moment of the file that its header speaks of, in s."""
    claimed = claimed_ms(container)
    return None if claimed is None else claimed / 1000 + 2


def _silence(channels: int, samples: int) -> Iterator[Samples]:
    for at in range(0, samples, BLOCK):
        yield np.zeros((channels, min(BLOCK, samples - at)), np.float32)


def _drain(resampler: av.AudioResampler) -> list[AudioFrame]:
    # A resampler that has nothing to convert returns its argument, which here is None.
    rest: list[AudioFrame | None] = list(resampler.resample(None))
    return [frame for frame in rest if frame is not None]
