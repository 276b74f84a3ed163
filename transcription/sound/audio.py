"""Audio files of strangers: what is in them, how long they are, and the same sound as FLAC.

    probe      the header only, in milliseconds of work
    measure    the whole file decoded, for the length that a header does not tell (MediaRecorder's webm)
    transcode  the whole file decoded, mixed down and written as FLAC, 16 kHz, mono, 16 bit

Decoding is FFmpeg's, through PyAV, in blocks: memory stays flat however long the recording is. A file is
opened by its file object and only as one of the formats named below, so that none of FFmpeg's playlist
formats can make it read another file or call another machine.
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

SAMPLE_RATE = 16_000  # what speech recognition works at; more is only more to upload

AudioErrorCode = Literal["empty", "not_audio", "no_audio_track", "unreadable", "too_long", "empty_audio"]

# FFmpeg's names of the formats that we open. Never one that points elsewhere: hls, concat, dash, sdp, …
_FORMATS = "wav,w64,mp3,flac,ogg,mov,matroska,amr,amrnb,amrwb,aac,aiff,au,caf,asf"
# What a damaged file of these still begins with (position, bytes): "damaged" helps more than "not audio".
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
_PROBE_US = 5_000_000  # of sound
# A header may promise this much more than there is, and the file still counts as whole.
_TOLERANCE_MS = 500
_TOLERANCE = 0.01


class AudioError(Exception):
    """This file, for ever. The message is for developers; what people read is decided by `code`:

    empty           no byte in it
    not_audio       none of the formats that we know
    no_audio_track  a video without sound
    unreadable      one of the formats, but damaged from the beginning, or in a codec that we cannot decode
    too_long        longer than the limit that was given
    empty_audio     it opens, and nothing in it decodes

    Trouble with reading or writing the file objects is not in here; it stays the OSError that it is.
    """

    def __init__(self, code: AudioErrorCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code: AudioErrorCode = code
        self.message = message


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What the header says.

    format: wav, mp3, flac, ogg, webm (Matroska too), mp4 (m4a too), mov, 3gp, amr, aac, …; codec: FFmpeg's
    name (pcm_s16le, opus, aac, …); duration_ms: None if the header does not tell. For mp3 and amr it may be
    an estimate from the bit rate.
    """

    format: str
    codec: str
    duration_ms: int | None
    sample_rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class Decoded:
    """What really was in the file. truncated: a part of it did not decode, or the header promised more."""

    duration_ms: int
    truncated: bool


def probe(file: BinaryIO) -> AudioInfo:
    """Reads the header of a seekable file, from its beginning. Raises AudioError."""
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
    """Decodes a seekable file from its beginning, and keeps nothing. Raises AudioError."""
    with _open(file) as container:
        sound = _Sound(container, max_duration_ms)
        for _frame in sound:
            pass
        return sound.result()


def transcode(source: BinaryIO, target: BinaryIO, max_duration_ms: int) -> Decoded:
    """Writes the sound of `source` as FLAC into `target`; both seekable, neither is closed.

    What decodes is kept: a recording that was cut off is worth its beginning. Raises AudioError, after which
    what is in `target` is of no use.
    """
    with _open(source) as container:
        sound = _Sound(container, max_duration_ms)
        # Closed only if all went well: closing writes, and would hide why the writing failed.
        out = av.open(target, "w", format="flac")
        flac = out.add_stream("flac", rate=SAMPLE_RATE, layout="mono", format="s16")
        written = 0
        try:
            for frame in _resampled(sound):
                # Counted, not copied: the time stamps of a damaged source may jump.
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
    """The frames of a container's audio track, once; `result()` when they are through."""

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
                self._damaged = (
                    True  # a bad spot; there may be sound behind it, unless we don't move any more
                )
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
        if resampler is None or kind != made_for:  # a stream may change in its middle
            yield from _drain(resampler)
            resampler, made_for = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE), kind
        yield from resampler.resample(frame)
    yield from _drain(resampler)


def _drain(resampler: av.AudioResampler | None) -> Iterator[AudioFrame]:
    # A resampler that has nothing to do hands back what it was given, even this None.
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
        # Titles and names in some old 8-bit code are no reason to fail.
        return av.open(file, "r", options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        known = any(head[at:].startswith(signature) for at, signature in _SIGNATURES)
        code: AudioErrorCode = "unreadable" if known else "not_audio"
        raise AudioError(code, str(error)) from None


def _audio_stream(container: InputContainer) -> AudioStream:
    stream = container.streams.best("audio")
    if stream is None:
        raise AudioError("no_audio_track", "no audio track")
    # None, whatever its type says, where FFmpeg has no decoder.
    if cast(object, stream.codec_context) is None:
        raise AudioError("unreadable", "a codec without a decoder")
    return cast(AudioStream, stream)


def _format_name(container: InputContainer) -> str:
    name = container.format.name.split(",")[0]
    if name == "mov":  # one demuxer for a family; the brand is its first name
        brand = container.metadata.get("major_brand", "")
        return "3gp" if brand.startswith("3g") else "mov" if brand.startswith("qt") else "mp4"
    return {"matroska": "webm", "amrnb": "amr", "amrwb": "amr"}.get(name, name)


def _promised_ms(container: InputContainer) -> int | None:
    """None too for raw AAC: it has no header, and the guess from the size is often wrong by half."""
    if not container.duration or container.duration < 0 or container.format.name == "aac":
        return None
    return container.duration // 1000  # from µs
