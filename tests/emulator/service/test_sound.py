"""Sound as the service decodes it."""

from pathlib import Path

import pytest

from emulator.service import audio
from tests.sound.made import tone


def test_a_file_whose_rate_and_channels_change_is_decoded_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "joined"
    path.write_bytes(
        tone("libmp3lame", "mp3", 2.0, 44_100) + tone("libmp3lame", "mp3", 2.0, 24_000, "stereo")
    )
    length = sum(map(len, audio.pcm(path, 4000)))
    assert length / audio.SAMPLE_BYTES / audio.SAMPLE_RATE == pytest.approx(4, abs=0.15)
