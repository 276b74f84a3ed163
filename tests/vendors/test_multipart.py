"""The multipart body: read in blocks, with a known length and a safe file name."""

import email.parser
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcription.vendors.multipart import Multipart, safe_filename


def body_of(file: io.BytesIO, size: int, **changes: object) -> Multipart:
    arguments: dict[str, object] = {"filename": "a.wav", "content_type": "audio/wav"} | changes
    return Multipart({"config": '{"a": "한"}'}, file_field="file", file=file, size=size, **arguments)  # type: ignore[arg-type]


def test_the_parts_are_what_a_parser_expects() -> None:
    body = body_of(io.BytesIO(b"\x00\r\n--sound--\xff"), 13)
    content = b"".join(body)
    head = f"Content-Type: {body.content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser().parsebytes(head + content)
    config, file = (part for part in message.walk() if not part.is_multipart())
    assert config.get_param("name", header="Content-Disposition") == "config"
    assert config.get_payload(decode=True) == '{"a": "한"}'.encode()
    assert file["Content-Disposition"] == 'form-data; name="file"; filename="a.wav"'
    assert file["Content-Type"] == "audio/wav"
    assert file.get_payload(decode=True) == b"\x00\r\n--sound--\xff"


@given(data=st.binary(max_size=300), block=st.integers(1, 80))
def test_the_length_is_known_beforehand_and_exact(data: bytes, block: int) -> None:
    body = body_of(io.BytesIO(data), len(data))
    blocks = list(iter(lambda: body.read(block), b""))
    assert max(map(len, blocks)) <= block
    assert len(b"".join(blocks)) == len(body)


def test_the_body_is_exhausted_with_its_last_byte_and_not_before() -> None:
    body = body_of(io.BytesIO(b"sound"), 5)
    seen = [(len(block), body.exhausted) for block in body]
    assert sum(length for length, _ in seen) == len(body)
    assert [exhausted for _, exhausted in seen] == [False, False, True]


def test_the_file_is_asked_for_small_blocks_only() -> None:
    class Watched(io.BytesIO):
        largest = 0

        def read(self, n: int | None = -1) -> bytes:
            self.largest = max(self.largest, n if n is not None and n >= 0 else 10**9)
            return super().read(n)

    file = Watched(bytes(1_000_000))
    assert sum(map(len, body_of(file, 1_000_000))) > 1_000_000
    assert file.largest <= 65536


def test_only_the_promised_bytes_are_read_from_where_the_file_stands() -> None:
    file = io.BytesIO(b"beforeSOUNDafter")
    file.seek(6)
    content = b"".join(body_of(file, 5))
    assert b"\r\n\r\nSOUND\r\n--" in content


def test_a_file_that_ends_early_is_an_error_and_not_a_short_body() -> None:
    body = body_of(io.BytesIO(b"ab"), 5)
    with pytest.raises(OSError, match="ends 3 bytes early"):
        b"".join(body)
    assert isinstance(body.failure, OSError)
    assert not body.exhausted


def test_a_content_type_that_is_none_is_replaced() -> None:
    content = b"".join(body_of(io.BytesIO(b""), 0, content_type="audio/wav\r\nX-Evil: 1"))
    assert b"Content-Type: application/octet-stream\r\n" in content
    assert b"Evil" not in content


@pytest.mark.parametrize(
    ("given_name", "sent"),
    [
        ("meeting.wav", "meeting.wav"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\talk.mp3", "talk.mp3"),
        ('a"b.wav', "a%22b.wav"),
        ("회의 1.m4a", "회의 1.m4a"),
        ("a\r\nX-Evil: 1.wav", "aX-Evil: 1.wav"),
        ("", "audio"),
        ("x" * 300 + ".flac", "x" * 95 + ".flac"),
        ("x" * 300, "x" * 100),
    ],
)
def test_a_file_name_is_made_safe(given_name: str, sent: str) -> None:
    assert safe_filename(given_name) == sent


@given(st.text())
def test_no_file_name_breaks_out_of_its_header(name: str) -> None:
    safe = safe_filename(name)
    assert 1 <= len(safe) <= 100
    assert not set(safe) & set('"\r\n\0/\\')
    safe.encode()
