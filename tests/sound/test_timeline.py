"""The player's timeline: where recordings and their lines begin, and the times of words."""

import io
from pathlib import Path

import av
import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from tests.rows import a_row
from tests.stt import AUDIO, a_meeting, a_recording
from transcription.lifecycle import workflow
from transcription.models import Meeting, Utterance
from transcription.sound import intake, media, timeline
from transcription.vendors.registry import get_vendor

pytestmark = pytest.mark.django_db


@pytest.fixture
def meeting() -> Meeting:
    return a_meeting()


@pytest.fixture
def page(client: Client, meeting: Meeting) -> Client:
    client.force_login(meeting.owner)
    return client


def test_recordings_come_in_the_order_of_their_beginnings_with_where_their_lines_begin(
    page: Client, meeting: Meeting
) -> None:
    late = a_row(meeting, offset_ms=9000, duration_ms=4000, texts=[(0, 900, "", "a"), (1500, 300, "", "b")])
    early = a_row(meeting, offset_ms=0, status="processing")
    answer = page.get(reverse("timeline", args=[meeting.pk])).json()
    assert answer == {
        "recordings": [
            {
                "recording": early.recording_id,
                "version": 1,
                "at_ms": 0,
                "duration_ms": None,
                "prepared": False,
                "name": "",
                "lines": [],
            },
            {
                "recording": late.recording_id,
                "version": 1,
                "at_ms": 9000,
                "duration_ms": 4000,
                "prepared": False,
                "name": "",
                "lines": [[0, 0, 900], [1, 1500, 300]],
            },
        ]
    }


def test_some_recordings_can_be_asked_for(page: Client, meeting: Meeting) -> None:
    rows = [a_row(meeting, texts=[(0, 1, "", "x")]) for _ in range(3)]
    ids = [rows[2].recording_id, rows[0].recording_id]
    answer = page.get(reverse("timeline", args=[meeting.pk]), {"id": [*ids, 2**70]}).json()
    assert [row["recording"] for row in answer["recordings"]] == sorted(ids)
    assert page.get(reverse("timeline", args=[meeting.pk]), {"id": "x"}).status_code == 404


def test_a_timeline_costs_two_queries_however_many(
    meeting: Meeting, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(8):
        a_row(meeting, offset_ms=n, texts=[(m, 1, "", "x") for m in range(8)])
    with django_assert_num_queries(2):
        assert sum(len(row["lines"]) for row in timeline.stretches(meeting)) == 64


def test_lines_of_replaced_transcriptions_are_not_there(meeting: Meeting) -> None:
    row = a_row(meeting, status="failed", texts=[(0, 1, "", "before the retry")])
    workflow.retry(row.recording)
    [stretch] = timeline.stretches(meeting)
    assert (stretch["lines"], stretch["version"]) == ([], 2)


def test_words_come_for_some_lines_at_a_time(page: Client, meeting: Meeting) -> None:
    row = a_row(meeting, texts=[(n, 1, "", f"line {n}") for n in range(60)])
    Utterance.objects.filter(transcription=row, position=51).update(
        words=[{"start_ms": 51, "duration_ms": 5, "text": "line"}]
    )

    def words(first: int) -> dict[str, object]:
        found: dict[str, object] = page.get(
            reverse("words", args=[meeting.pk, row.recording_id, first])
        ).json()["lines"]
        return found

    assert list(words(0)) == [str(n) for n in range(50)]
    assert list(words(50)) == [str(n) for n in range(50, 60)]
    assert words(50)["51"] == [[51, 5, "line"]]
    assert words(50)["52"] == []
    assert words(10**30) == {}


def test_nobody_else_learns_where_anything_is(client: Client, meeting: Meeting) -> None:
    row = a_row(meeting)
    addresses = [
        reverse("timeline", args=[meeting.pk]),
        reverse("words", args=[meeting.pk, row.recording_id, 0]),
    ]
    for address in addresses:
        assert client.get(address).status_code == 302
    client.force_login(User.objects.create_user("stranger"))
    for address in addresses:
        assert client.get(address).status_code == 404
    other = a_meeting(username="stranger")
    assert client.get(reverse("words", args=[other.pk, row.recording_id, 0])).status_code == 404


# --- Which file is played ---------------------------------------------------------------------------


def encoded(form: str, codec: str, rate: int = 8000) -> bytes:
    made = io.BytesIO()
    with av.open(made, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame(format="s16", layout="mono", samples=rate)
        frame.sample_rate = rate
        frame.planes[0].update(bytes(2 * rate))
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return made.getvalue()


@pytest.mark.parametrize(
    ("form", "codec", "played_as_it_is"),
    [
        ("wav", "pcm_s16le", True),
        ("wav", "pcm_f32le", True),
        ("wav", "adpcm_ms", False),
        ("flac", "flac", True),
        ("mp4", "aac", True),
        ("mp4", "alac", False),
        ("adts", "aac", False),
    ],
)
def test_what_browsers_cannot_play_is_prepared_though_the_vendor_takes_it(
    form: str, codec: str, played_as_it_is: bool, meeting: Meeting, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    recording, _ = intake.receive(
        meeting=meeting,
        participant=meeting.participants.get(),
        upload=SimpleUploadedFile("sound", encoded(form, codec)),
        kind="upload",
    )
    media.prepare(recording, get_vendor("rtzr"))
    assert bool(recording.prepared) is not played_as_it_is


def test_the_prepared_file_is_the_one_that_is_played_and_sent(
    page: Client, meeting: Meeting, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    upload = SimpleUploadedFile("old.wav", encoded("wav", "adpcm_ms"))
    recording, _ = intake.receive(
        meeting=meeting, participant=meeting.participants.get(), upload=upload, kind="upload"
    )
    address = reverse("audio", args=[meeting.pk, recording.pk])
    before = page.get(address)
    assert before.getvalue()[:4] == b"RIFF"
    assert before["Content-Type"] == "audio/wav"
    assert timeline.stretches(meeting)[0]["prepared"] is False

    media.prepare(recording, get_vendor("rtzr"))

    answer = page.get(address)
    assert answer["Content-Type"] == "audio/flac"
    assert answer.getvalue()[:4] == b"fLaC"
    assert timeline.stretches(meeting)[0]["prepared"] is True
    with media.open_for_vendor(recording, get_vendor("rtzr")) as sent:
        assert (sent.content_type, sent.filename) == ("audio/flac", f"recording-{recording.pk}.flac")


def test_two_versions_of_the_sound_are_not_taken_for_one(page: Client, meeting: Meeting) -> None:
    recording = a_recording(meeting)
    address = reverse("audio", args=[meeting.pk, recording.pk])
    before = page.get(address)
    assert before.getvalue() == (AUDIO / "speech_slt_1.wav").read_bytes()
    recording.prepared.save("x", ContentFile(b"fLaC and more"))
    after = page.get(address)
    assert before["ETag"] != after["ETag"]
    assert after.getvalue() == b"fLaC and more"
