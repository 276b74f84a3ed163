"""Reads untrusted audio files: what is in them, how long they are, and their sound as FLAC.

    probe      reads only the header; takes milliseconds
    measure    decodes the whole file, for a length that the header does not have (MediaRecorder's webm)
    transcode  decodes the whole file, mixes it down and writes FLAC, 16 kHz, mono, 16 bit

FFmpeg decodes, through PyAV and in blocks, so that memory stays flat however long the recording is. A file is opened
as a file object, and only as one of the formats below. None of FFmpeg's playlist formats is among them: they could
make it read another file or call another machine.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import BinaryIO, Literal, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

SAMPLE_RATE = 16_000  # Hz, as speech recognition uses; a higher rate only means more to upload

AudioErrorCode = Literal["empty", "not_audio", "no_audio_track", "unreadable", "too_long", "empty_audio"]

# FFmpeg's names of the formats that may be opened. Never add one that refers to other files: hls, concat, sdp, …
_FORMATS = "wav,w64,mp3,flac,ogg,mov,matroska,amr,amrnb,amrwb,aac,aiff,au,caf,asf"
# How files of these formats begin (position, bytes). A damaged one is then called damaged, and not "not audio".
_SIGNATURES = (
    (0, b"RIFF"),
    (0, b"ID3"),
    (0, b"fLaC"),
    (0, b"OggS"),
    (4, b"ftyp"),
    (0, b"\x1aE\xdf\xa3"),
    (0, b"#!AMR"),
    (0, b"FORM"),
)
_PROBE_BYTES = 5_000_000
_PROBE_US = 5_000_000  # microseconds of sound
# A file still counts as whole when it is shorter than its header says by at most this much, plus this fraction.
_TOLERANCE_MS = 500
_TOLERANCE = 0.01


class AudioError(Exception):
    """The file cannot be used, and another try would not help.

    The message is for developers. What people read depends on `code` (reasons.py):

    empty           the file has no bytes
    not_audio       it has none of the known formats
    no_audio_track  it is a video without sound
    unreadable      it has a known format, but is damaged from the beginning or in a codec without a decoder
    too_long        it is longer than the given limit
    empty_audio     it opens, but nothing in it decodes

    Errors in reading or writing the file objects stay OSErrors.
    """

    def __init__(self, code: AudioErrorCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code: AudioErrorCode = code
        self.message = message


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file's header says.

    `format` is wav, mp3, flac, ogg, webm (also for Matroska), mp4 (also for m4a), mov, 3gp, amr, aac, …. `codec` is
    FFmpeg's name (pcm_s16le, opus, aac, …). `duration_ms` is None if the header has no length; for mp3 and amr it
    may be an estimate from the bit rate. `sample_rate` is in Hz, and 0 if the header has none.
    """

    format: str
    codec: str
    duration_ms: int | None
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """What decoding found. `truncated`: a part of the file did not decode, or its header promised more."""

    duration_ms: int
    truncated: bool


def probe(file: BinaryIO) -> AudioInfo:
    """Read the header of a seekable file, whatever its position. Raises AudioError."""
    with _open(file) as container:
        stream = _audio_stream(container)
        context = stream.codec_context
        return AudioInfo(
            format=_format_name(container),
            codec=context.codec.canonical_name,
            duration_ms=_promised_ms(container),
            sample_rate=context.sample_rate or 0,
            channels=context.channels or 0,
        )


def measure(file: BinaryIO, max_duration_ms: int) -> Decoded:
    """Decode a whole seekable file without keeping the sound. Raises AudioError."""
    with _open(file) as container:
        sound = _Sound(container, max_duration_ms)
        for _frame in sound:
            pass
        return sound.result()


def transcode(source: BinaryIO, target: BinaryIO, max_duration_ms: int) -> Decoded:
    """Write the sound of `source` to `target` as FLAC. Both are seekable; neither is closed.

    Everything that decodes is kept: of a recording that was cut off, the beginning is still worth having. Raises
    AudioError; the content of `target` is then of no use.
    """
    with _open(source) as container:
        sound = _Sound(container, max_duration_ms)
        # Closed only on success: closing writes too, and its error would hide the first one.
        out = av.open(target, "w", format="flac")
        flac = out.add_stream("flac", rate=SAMPLE_RATE, layout="mono", format="s16")
        written = 0
        try:
            for frame in _resampled(sound):
                # Count the samples instead of copying time stamps: those of a damaged source may jump.
                frame.pts, frame.time_base = written, Fraction(1, SAMPLE_RATE)
                written += frame.samples
                out.mux(flac.encode(frame))
            out.mux(flac.encode(None))
            decoded = sound.result()
            out.close()
        except av.FFmpegError as error:
            raise AudioError("unreadable", str(error)) from None
        return decoded


class _Sound:
    """Iterates once over the frames of a container's audio track; `result()` is valid after that."""

    def __init__(self, container: InputContainer, max_duration_ms: int) -> None:
        self._container = container
        self._stream = _audio_stream(container)
        self._max_ms = max_duration_ms
        self._ms = 0.0
        self._damaged = False

    def __iter__(self) -> Iterator[AudioFrame]:
        moving = True
        while moving:
            moving = False
            try:
                for packet in self._container.demux(self._stream):
                    moving = True
                    yield from self._decode(packet)
            except av.FFmpegError:
                # Sound may follow a bad spot, so go on for as long as packets come.
                self._damaged = True
            else:
                return

    def result(self) -> Decoded:
        if self._ms < 1:
            raise AudioError("empty_audio", "nothing in this file decodes")
        promised_ms = _promised_ms(self._container) or 0
        missing_ms = promised_ms - self._ms
        short = missing_ms > _TOLERANCE_MS + promised_ms * _TOLERANCE
        return Decoded(round(self._ms), self._damaged or short)

    def _decode(self, packet: av.Packet[AudioStream]) -> Iterator[AudioFrame]:
        try:
            frames = packet.decode()
        except av.FFmpegError:
            self._damaged = True
            return
        for frame in frames:
            if frame.samples and frame.sample_rate:
                self._ms += frame.samples * 1000 / frame.sample_rate
                if self._ms > self._max_ms:
                    raise AudioError("too_long", f"longer than {self._max_ms} ms")
                yield frame


def _resampled(frames: _Sound) -> Iterator[AudioFrame]:
    resampler, made_for = None, None
    for frame in frames:
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or kind != made_for:  # a stream's format may change in its middle
            yield from _drain(resampler)
            resampler, made_for = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE), kind
        yield from resampler.resample(frame)
    yield from _drain(resampler)


def _drain(resampler: av.AudioResampler | None) -> Iterator[AudioFrame]:
    # A resampler that has nothing to convert returns its argument, which here is None.
    rest: list[AudioFrame | None] = list(resampler.resample(None)) if resampler is not None else []
    return (frame for frame in rest if frame is not None)


def _open(file: BinaryIO) -> InputContainer:
    if not file.seek(0, io.SEEK_END):
        raise AudioError("empty", "no bytes")
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    options = {
        "format_whitelist": _FORMATS,
        "probesize": str(_PROBE_BYTES),
        "analyzeduration": str(_PROBE_US),
    }
    try:
        # Metadata in an old 8-bit encoding is no reason to fail.
        return av.open(file, "r", options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        known = any(head[at:].startswith(signature) for at, signature in _SIGNATURES)
        code: AudioErrorCode = "unreadable" if known else "not_audio"
        raise AudioError(code, str(error)) from None


def _audio_stream(container: InputContainer) -> AudioStream:
    stream = container.streams.best("audio")
    if stream is None:
        raise AudioError("no_audio_track", "no audio track")
    # It is None, despite its type, if FFmpeg has no decoder for the codec.
    if cast(object, stream.codec_context) is None:
        raise AudioError("unreadable", "a codec without a decoder")
    return cast(AudioStream, stream)


def _format_name(container: InputContainer) -> str:
    name = container.format.name.split(",")[0]
    if name == "mov":  # one demuxer for a family of formats; the brand tells them apart
        brand = container.metadata.get("major_brand", "")
        return "3gp" if brand.startswith("3g") else "mov" if brand.startswith("qt") else "mp4"
    return {"matroska": "webm", "amrnb": "amr", "amrwb": "amr"}.get(name, name)


def _promised_ms(container: InputContainer) -> int | None:
    """Return the header's length in ms, or None without one.

    Raw AAC has no header, and FFmpeg's guess from the size is often wrong by half, so it counts as none.
    """
    if not container.duration or container.duration < 0 or container.format.name == "aac":
        return None
    return container.duration // 1000  # from µs
