"""The formats of sound that Mico takes, and what the header of a file says.

A file is opened as a file object, and only as one of the formats below. None of FFmpeg's playlist formats is among
them: they could make it read another file or call another machine.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import BinaryIO, Literal, cast

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from transcription.sound import riff

AudioErrorCode = Literal[
    "empty",
    "not_audio",
    "no_audio_track",
    "unfinished",
    "unreadable",
    "too_long",
    "too_complex",
    "empty_audio",
]

# FFmpeg's names of the formats that may be opened. Never add one that refers to other files: hls, concat, sdp, …
_FORMATS = (
    "wav,w64,mp3,flac,ogg,mov,matroska,amr,amrnb,amrwb,aac,aiff,au,caf,asf,"
    "avi,mpegts,mpeg,flv,ac3,eac3,wv,tta,ape,dss,voc,oma,rm,wtv,mxf,dts,mpc,mpc8,qcp"
)
# How files of these formats begin (position, bytes). A damaged one is then called damaged, and not "not audio".
_SIGNATURES = (
    (0, b"RIFF"),
    (0, b"RF64"),
    (0, b"ID3"),
    (0, b"fLaC"),
    (0, b"OggS"),
    (4, b"ftyp"),
    (0, b"\x1aE\xdf\xa3"),
    (0, b"#!AMR"),
    (0, b"FORM"),
    (0, b"FLV"),
    (0, b"caff"),
    (0, b"wvpk"),
    (0, b".snd"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),  # wma, asf
    (0, b"\x00\x00\x01\xba"),  # mpg
    (1, b"dss"),
)
# Formats without a length in their header: what FFmpeg says is a guess from the first bit rate and the size.
_GUESSED = frozenset({"aac", "ac3", "eac3", "amr", "amrnb", "amrwb"})
_PROBE_BYTES = 5_000_000
_PROBE_US = 5_000_000  # microseconds of sound


class AudioError(Exception):
    """The file cannot be used, and another try would not help.

    The message is for developers. What people read depends on `code` (reasons.py):

    empty           the file has no bytes
    not_audio       it has none of the known formats
    no_audio_track  it is a video without sound
    unfinished      its program ended before it wrote the index without which nothing in it can be found (mp4, m4a)
    unreadable      it has a known format, but nothing in it decodes, or its codec has no decoder
    too_long        it is longer than the given limit
    too_complex     decoding it took more time or memory than any real recording does
    empty_audio     it opens, and has no sound

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
    FFmpeg's name (pcm_s16le, opus, aac, …). `duration_ms` is None if the header has no length; otherwise it is only
    what the header claims. `sample_rate` is in Hz, and 0 if the header has none.
    """

    format: str
    codec: str
    duration_ms: int | None
    sample_rate: int
    channels: int


def probe(file: BinaryIO) -> AudioInfo:
    """Read the header of a seekable file, whatever its position. Raises AudioError."""
    with open_container(file) as container:
        context = audio_streams(container)[0].codec_context
        return AudioInfo(
            format=format_name(container),
            codec=context.codec.canonical_name,
            duration_ms=claimed_ms(container),
            sample_rate=context.sample_rate or 0,
            channels=context.channels or 0,
        )


def open_container(file: BinaryIO) -> InputContainer:
    """Open a seekable file as one of the formats that are taken. Raises AudioError."""
    if not file.seek(0, io.SEEK_END):
        raise AudioError("empty", "no bytes")
    file.seek(0)
    head = file.read(16)
    options = {
        "format_whitelist": _FORMATS,
        "probesize": str(_PROBE_BYTES),
        "analyzeduration": str(_PROBE_US),
    }
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE" and riff.is_stale(file):
        options["ignore_length"] = "1"
    file.seek(0)
    try:
        # Metadata in an old 8-bit encoding is no reason to fail.
        return av.open(file, "r", options=options, metadata_errors="replace")
    except av.FFmpegError as error:
        if head[4:8] == b"ftyp" and not _has_index(file):
            raise AudioError("unfinished", "no moov") from None
        known = any(head[at:].startswith(signature) for at, signature in _SIGNATURES)
        code: AudioErrorCode = "unreadable" if known else "not_audio"
        raise AudioError(code, str(error)) from None


def audio_streams(container: InputContainer) -> list[AudioStream]:
    """Return the tracks with sound that can be decoded, FFmpeg's choice of the best one first. Raises AudioError."""
    streams = [stream for stream in container.streams.audio if _decodable(stream)]
    if not streams and container.streams.audio:
        raise AudioError("unreadable", "a codec without a decoder")
    if not streams and not container.streams.video:
        raise AudioError("unreadable", "no track that is known")
    if not streams:
        raise AudioError("no_audio_track", "no audio track")
    best = container.streams.best("audio")
    return sorted(streams, key=lambda stream: stream is not best)


def _decodable(stream: AudioStream) -> bool:
    # It is None, despite its type, if FFmpeg has no decoder for the codec.
    return cast(object, stream.codec_context) is not None


def format_name(container: InputContainer) -> str:
    """Return the name of the container's format, as `AudioInfo` has it."""
    name = container.format.name.split(",")[0]
    if name == "mov":  # one demuxer for a family of formats; the brand tells them apart
        brand = container.metadata.get("major_brand", "")
        return "3gp" if brand.startswith("3g") else "mov" if brand.startswith("qt") else "mp4"
    return {"matroska": "webm", "amrnb": "amr", "amrwb": "amr"}.get(name, name)


def claimed_ms(container: InputContainer) -> int | None:
    """Return the length of which the header speaks, in ms, or None without one."""
    if not container.duration or container.duration < 0 or container.format.name in _GUESSED:
        return None
    return container.duration // 1000  # from µs


def _has_index(file: BinaryIO) -> bool:
    """Whether an mp4 has `moov`, its index. Programs write it last, so what was cut off has none.

    ISO/IEC 14496-12: a file is boxes, each begins with its size (4 bytes) and its type (4 bytes); size 1: the size
    follows in 8 bytes, 0: the box goes to the end of the file.
    """
    end = file.seek(0, io.SEEK_END)
    at = 0
    while at + 8 <= end:
        file.seek(at)
        head = file.read(16)
        size, kind = int.from_bytes(head[:4]), head[4:8]
        if kind == b"moov":
            return True
        if size == 1:
            size = int.from_bytes(head[8:16])
        if size < 8:
            return False
        at += size
    return False
