"""The pages: who may see them, what is on them, and how many queries they take."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries, Settings

from tests.rows import a_row
from transcription.models import Meeting, Participant, Recording, Transcription
from transcription.people import meetings
from transcription.reasons import CODES, explain
from transcription.vendors.registry import get_vendor

pytestmark = pytest.mark.django_db

SPEECH = Path(__file__).parents[1] / "audio" / "speech_slt_1.wav"
FETCH = {"X-Requested-With": "fetch"}


@pytest.fixture
def mina() -> User:
    """Owns the meeting."""
    return User.objects.create_user("mina", first_name="Mina", last_name="Seo")


@pytest.fixture
def meeting(mina: User) -> Meeting:
    """Mina's."""
    return meetings.create_meeting(mina, "Weekly <b>planning</b>", "en")


@pytest.fixture
def page(client: Client, mina: User) -> Client:
    """Mina's browser."""
    client.force_login(mina)
    return client


def lines_of(html: str) -> list[dict[str, str]]:
    """Return the attributes of the transcript's lines, in order."""
    items = re.findall(r'<li\s+class="line (?!upload)([a-z]+)"([^>]*)>', html)
    return [{"kind": kind, **dict(re.findall(r'data-([a-z]+)="([^"]*)"', rest))} for kind, rest in items]


class TestWhoMaySeeWhat:
    """A person who is not in a meeting cannot learn that it exists."""

    def addresses(self, row: Transcription) -> list[tuple[str, str]]:
        """Return every URL of a meeting, with its method."""
        meeting, recording = row.meeting_id, row.recording_id
        participant = Participant.objects.get(meeting=meeting).pk
        return [
            ("get", reverse("meeting", args=[meeting])),
            ("get", reverse("people", args=[meeting])),
            ("post", reverse("people", args=[meeting])),
            ("post", reverse("remove", args=[meeting, participant])),
            ("get", reverse("recordings", args=[meeting]) + f"?id={recording}"),
            ("get", reverse("recording", args=[meeting, recording])),
            ("get", reverse("transcript", args=[meeting])),
            ("get", reverse("audio", args=[meeting, recording])),
            ("post", reverse("upload", args=[meeting])),
            ("post", reverse("language", args=[meeting])),
            ("post", reverse("retry", args=[meeting, recording])),
            ("post", reverse("cancel", args=[meeting, recording])),
        ]

    def test_strangers_get_404_everywhere(self, client: Client, meeting: Meeting) -> None:
        row = a_row(meeting, status="failed")
        client.force_login(User.objects.create_user("stranger"))
        for method, address in self.addresses(row):
            assert getattr(client, method)(address).status_code == 404, address
        row.refresh_from_db()
        assert row.is_current

    def test_who_is_not_signed_in_is_sent_to_do_it(self, client: Client, meeting: Meeting) -> None:
        for method, address in self.addresses(a_row(meeting)):
            assert getattr(client, method)(address).status_code == 302, address
            assert getattr(client, method)(address, headers=FETCH).status_code == 401, address

    def test_a_recording_is_found_only_in_its_own_meeting(
        self, page: Client, mina: User, meeting: Meeting
    ) -> None:
        row = a_row(meetings.create_meeting(mina, "Other", "en"))
        for name in "recording", "audio":
            assert page.get(reverse(name, args=[meeting.pk, row.recording_id])).status_code == 404
        answer = page.get(reverse("recordings", args=[meeting.pk]) + f"?id={row.recording_id}")
        assert lines_of(answer.text) == []

    def test_guests_see_it_and_cannot_invite_or_remove(self, client: Client, meeting: Meeting) -> None:
        guest = User.objects.create_user("guest")
        meetings.invite(meeting, guest)
        client.force_login(guest)
        owner = meeting.participants.get(user=meeting.owner)

        html = client.get(reverse("meeting", args=[meeting.pk])).text

        assert 'class="invite"' not in html
        assert client.post(reverse("people", args=[meeting.pk]), {"username": "x"}).status_code == 404
        assert client.post(reverse("remove", args=[meeting.pk, owner.pk])).status_code == 404
        assert client.post(reverse("language", args=[meeting.pk]), {"language": "ko"}).status_code == 404
        meeting.refresh_from_db()
        assert meeting.language == "en"

    def test_guests_can_leave(self, client: Client, meeting: Meeting) -> None:
        guest = User.objects.create_user("guest")
        participant = meetings.invite(meeting, guest)
        client.force_login(guest)
        assert client.post(reverse("remove", args=[meeting.pk, participant.pk]))["Location"] == "/"
        assert client.get(reverse("meeting", args=[meeting.pk])).status_code == 404


class TestMeetings:
    """The list of meetings."""

    def test_without_any_it_offers_a_sample(self, page: Client) -> None:
        html = page.get("/").text
        assert "No meetings yet" in html
        assert f'action="{reverse("sample")}"' in html

    def test_the_sample_leads_into_a_meeting_with_something_to_read(self, page: Client) -> None:
        html = page.post(reverse("sample"), follow=True).text
        assert lines_of(html)
        assert Meeting.objects.get().participants.get().name == "Mina Seo"

    def test_shows_mine_newest_first_and_nobody_elses(self, page: Client, mina: User) -> None:
        for title in "First", "Second":
            meetings.create_meeting(mina, title, "en")
        other = User.objects.create_user("other")
        meetings.create_meeting(other, "Hidden", "en")
        shared = meetings.create_meeting(other, "Shared", "en")
        meetings.invite(shared, mina)

        html = page.get("/").text

        assert [html.index(title) for title in ("Shared", "Second", "First")] == sorted(
            html.index(title) for title in ("First", "Second", "Shared")
        )
        assert "Hidden" not in html
        assert "by other" in html

    def test_making_one_leads_into_it(self, page: Client) -> None:
        response = page.post("/", {"title": "New", "language": "ko"})
        made = Meeting.objects.get(title="New")
        assert response["Location"] == reverse("meeting", args=[made.pk])
        assert made.language == "ko"

    def test_the_languages_are_the_vendors_with_ones_own_first(
        self, page: Client, mina: User, vendor_knows: Callable[..., None]
    ) -> None:
        vendor_knows("en", "ko", "ja", "de", "fr", "detect", "multi")
        meetings.create_meeting(mina, "Old", "ja")
        meetings.create_meeting(mina, "New", "detect")
        html = page.get("/", headers={"Accept-Language": "ko"}).text
        offered = re.findall(r'<option value="(\w*)"[^>]*>([^<]+)<', html)
        assert offered == [
            ("ko", "한국어"),
            ("detect", "자동으로 알아내기"),
            ("ja", "일본어"),
            ("multi", "여러 언어를 섞어서"),
            ("de", "독일어"),
            ("en", "영어"),
            ("fr", "프랑스어"),
        ]
        assert re.findall(r'<optgroup label="([^"]+)"', html) == [
            "추천",
            "언어가 여럿이거나 모를 때",
            "그 밖의 모든 언어",
        ]

    @pytest.mark.parametrize(
        ("interface", "setting", "chosen"),
        [("ko", "", "ko"), ("en", "", "en"), ("en", "detect", "detect"), ("ko", "ja", "ja")],
    )
    def test_a_new_meeting_is_in_the_language_of_the_interface(
        self, page: Client, settings: Settings, interface: str, setting: str, chosen: str
    ) -> None:
        settings.STT_LANGUAGE = setting
        html = page.get("/", headers={"Accept-Language": interface}).text
        assert re.findall(r'<option value="(\w*)" selected', html) == [chosen]

    def test_a_language_that_the_vendor_does_not_have_is_refused_in_words(
        self, page: Client, vendor_knows: Callable[..., None]
    ) -> None:
        vendor_knows("ko")
        response = page.post("/", {"title": "New", "language": "en"})
        assert response.status_code == 422
        assert "The speech service cannot transcribe this language. Choose another one." in response.text
        response = page.post("/", {"title": "New", "language": "en"}, headers={"Accept-Language": "ko"})
        assert "음성 인식 서비스가 이 언어는 글로 옮기지 못합니다. 다른 언어를 골라 주세요." in response.text
        assert not Meeting.objects.exists()

    @pytest.mark.parametrize(
        ("language", "shown", "korean"),
        [
            ("ja", "Japanese", "일본어"),
            ("detect", "language found by itself", "언어 자동 인식"),
            ("multi", "Several languages, mixed", "여러 언어를 섞어서"),
        ],
    )
    def test_its_page_names_the_language(
        self, page: Client, mina: User, language: str, shown: str, korean: str
    ) -> None:
        address = reverse("meeting", args=[meetings.create_meeting(mina, "New", language).pk])
        assert f"· {shown}" in page.get(address).text
        assert f"· {korean}" in page.get(address, headers={"Accept-Language": "ko"}).text

    def test_without_english_no_sample_is_offered_or_made(
        self, page: Client, vendor_knows: Callable[..., None]
    ) -> None:
        vendor_knows("ko")
        assert reverse("sample") not in page.get("/").text
        html = page.post(reverse("sample"), follow=True).text
        assert "The speech service cannot transcribe this language: English." in html
        assert not Meeting.objects.exists()

    @pytest.mark.parametrize(
        "data", [{"title": "", "language": "en"}, {"title": "x" * 201, "language": "en"}, {"title": "x"}]
    )
    def test_a_wrong_form_says_so(self, page: Client, data: dict[str, str]) -> None:
        response = page.post("/", data)
        assert response.status_code == 422
        assert 'class="problem"' in response.text

    def test_many_meetings_take_pages_and_the_same_queries(
        self, page: Client, mina: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for n in range(35):
            meetings.create_meeting(mina, f"Meeting {n}", "en")
        with django_assert_num_queries(5):  # session, user, languages, count, page
            first = page.get("/").text
        assert "Meeting 34" in first
        assert "Meeting 0<" not in first
        assert "Meeting 0<" in page.get("/?page=2").text
        assert page.get("/?page=nonsense").status_code == 200


class TestRecorder:
    """What the page tells the recorder."""

    def test_it_cuts_speech_as_the_vendors_account_wants_it(
        self, page: Client, meeting: Meeting, settings: Settings
    ) -> None:
        account = settings.STT_VENDORS["rtzr"] | {"stretch_s": (4.5, 11)}
        settings.STT_VENDORS = settings.STT_VENDORS | {"rtzr": account}
        get_vendor.cache_clear()
        try:
            html = page.get(reverse("meeting", args=[meeting.pk])).text
        finally:
            get_vendor.cache_clear()
        assert 'data-soonest="4500"' in html
        assert 'data-latest="11000"' in html


class TestLanguage:
    """The meeting's language: changed by its owner, and said to everybody if the vendor does not have it."""

    def test_the_owner_changes_it(self, page: Client, meeting: Meeting) -> None:
        address = reverse("meeting", args=[meeting.pk])
        html = page.get(address).text
        assert re.findall(r'<option value="([a-z]*)" selected', html) == ["en"]
        assert "language-problem" not in html
        response = page.post(reverse("language", args=[meeting.pk]), {"language": "multi"})
        assert response["Location"] == address
        meeting.refresh_from_db()
        assert meeting.language == "multi"
        assert "· Several languages, mixed" in page.get(address).text

    @pytest.mark.parametrize(
        ("language", "said"),
        [
            ("xx", "The speech service cannot transcribe this language. Choose another one."),
            ("", "Choose the language that is spoken in the meeting."),
        ],
    )
    def test_to_one_that_the_vendor_has(
        self, page: Client, meeting: Meeting, language: str, said: str
    ) -> None:
        html = page.post(reverse("language", args=[meeting.pk]), {"language": language}, follow=True).text
        assert said in html
        meeting.refresh_from_db()
        assert meeting.language == "en"

    def test_the_owner_is_told_that_the_vendor_does_not_have_it_and_chooses_another(
        self, page: Client, meeting: Meeting, vendor_knows: Callable[..., None]
    ) -> None:
        vendor_knows("ko", "detect")
        address = reverse("meeting", args=[meeting.pk])
        html = page.get(address).text
        assert "The speech service cannot transcribe this language: English." in html
        assert "Choose another language, then record or upload here." in html
        assert re.findall(r'<option value="([a-z]*)" selected', html) == []
        assert re.findall(r'<option value="(\w*)"', html.split('name="language"')[-1])[:3] == [
            "",
            "detect",
            "ko",
        ]
        assert re.search(r'<button id="record"[^>]* disabled>', html)
        assert re.search(r'id="upload-input"[^>]* disabled\s*>', html)
        html = page.post(reverse("language", args=[meeting.pk]), {"language": "ko"}, follow=True).text
        assert "language-problem" not in html
        assert not re.search(r'<button id="record"[^>]* disabled>', html)

    def test_others_are_told_whom_to_ask(
        self, client: Client, meeting: Meeting, vendor_knows: Callable[..., None]
    ) -> None:
        guest = User.objects.create_user("guest")
        meetings.invite(meeting, guest)
        client.force_login(guest)
        vendor_knows("ko")
        html = client.get(reverse("meeting", args=[meeting.pk]), headers={"Accept-Language": "ko"}).text
        assert "음성 인식 서비스가 이 언어는 글로 옮기지 못합니다: 영어." in html
        assert "회의 주최자가 다른 언어로 바꿀 수 있습니다. 그런 다음 이 페이지를 새로 고쳐 주세요." in html
        assert 'data-testid="language"' not in html

    def test_a_file_without_javascript_is_refused_with_the_same_sentence(
        self, page: Client, meeting: Meeting, vendor_knows: Callable[..., None]
    ) -> None:
        vendor_knows("ko")
        upload = SimpleUploadedFile("speech.wav", SPEECH.read_bytes())
        html = page.post(reverse("upload", args=[meeting.pk]), {"audio": upload}, follow=True).text
        assert "this language: English. The owner of the meeting can choose another language." in html
        assert not Recording.objects.exists()


class TestTranscript:
    """The transcript's lines."""

    def test_lines_are_sorted_by_when_they_were_said(self, page: Client, meeting: Meeting) -> None:
        a_row(meeting, offset_ms=10_000, texts=[(0, 500, "", "third"), (5000, 500, "", "fifth")])
        a_row(meeting, offset_ms=0, texts=[(0, 500, "", "first"), (9000, 500, "", "second")])
        a_row(meeting, offset_ms=12_000, texts=[(0, 500, "", "fourth")])
        html = page.get(reverse("meeting", args=[meeting.pk])).text
        places = [html.index(word) for word in ("first", "second", "third", "fourth", "fifth")]
        assert places == sorted(places)

    def test_a_recording_under_way_has_one_line_in_its_place(self, page: Client, meeting: Meeting) -> None:
        for n, status in enumerate(("queued", "submitting", "processing")):
            a_row(meeting, offset_ms=n, status=status)
        found = lines_of(page.get(reverse("meeting", args=[meeting.pk])).text)
        assert [(line["kind"], line["status"]) for line in found] == [
            ("stage", "queued"),
            ("stage", "submitting"),
            ("stage", "processing"),
        ]

    def test_nobody_spoke(self, page: Client, meeting: Meeting) -> None:
        a_row(meeting)
        assert "Nobody spoke." in page.get(reverse("meeting", args=[meeting.pk])).text

    def test_of_a_damaged_file_it_is_said_how_much_the_words_are_of(
        self, page: Client, meeting: Meeting
    ) -> None:
        """And that nobody spoke only of the part that could be read."""
        silent = a_row(meeting)
        spoken = a_row(meeting, texts=[(0, 500, "", "first"), (600, 500, "", "second")])
        for row in silent, spoken:
            Recording.objects.filter(pk=row.recording_id).update(read_ms=61_000, whole_ms=2_400_000)
        html = page.get(reverse("meeting", args=[meeting.pk])).text
        assert html.count("1:01 of 40:00 could be read.") == 2
        assert "Nobody spoke in the part that could be read." in html
        assert "Nobody spoke." not in html

    def test_cancelled_can_be_taken_up_again(self, page: Client, meeting: Meeting) -> None:
        row = a_row(meeting, status="cancelled")
        html = page.get(reverse("meeting", args=[meeting.pk])).text
        assert reverse("retry", args=[meeting.pk, row.recording_id]) in html

    def test_failed_says_why_what_to_do_and_folds_the_details(self, page: Client, meeting: Meeting) -> None:
        row = a_row(
            meeting, status="failed", error_code="vendor_unavailable", error_detail="<connect> refused"
        )
        html = page.get(reverse("meeting", args=[meeting.pk])).text
        reason = explain("vendor_unavailable")
        assert str(reason.what) in html
        assert str(reason.advice) in html
        assert "<details>" in html
        assert "&lt;connect&gt; refused" in html
        assert f"/api/v1/recordings/{row.recording_id}/retry" in html

    def test_no_retry_where_it_cannot_help(self, page: Client, meeting: Meeting) -> None:
        row = a_row(meeting, status="failed", error_code="not_audio")
        html = page.get(reverse("meeting", args=[meeting.pk])).text
        assert reverse("retry", args=[meeting.pk, row.recording_id]) not in html

    def test_only_the_current_transcription_is_shown(self, page: Client, meeting: Meeting) -> None:
        row = a_row(meeting, status="failed")
        Transcription.objects.filter(pk=row.pk).update(is_current=False)
        Transcription.objects.create(
            recording_id=row.recording_id, meeting=meeting, vendor="rtzr", language="en", version=7
        )
        (line,) = lines_of(page.get(reverse("meeting", args=[meeting.pk])).text)
        assert (line["kind"], line["version"]) == ("stage", "7")

    def test_words_and_titles_of_people_are_text_and_never_markup(
        self, page: Client, meeting: Meeting
    ) -> None:
        a_row(meeting, texts=[(0, 500, "", "<script>alert(1)</script>")])
        html = page.get(reverse("meeting", args=[meeting.pk])).text
        assert "<script>alert" not in html
        assert "<b>planning" not in html

    def test_speakers_by_person_and_in_files_by_voice(self, page: Client, meeting: Meeting) -> None:
        a_row(meeting, texts=[(0, 500, "3", "live")])
        a_row(meeting, kind="upload", texts=[(0, 500, "0", "one"), (900, 500, "1", "two")])
        a_row(meeting, participant=None, texts=[(0, 500, "", "gone")])
        html = page.get(reverse("meeting", args=[meeting.pk])).text
        for name in "Mina Seo", "Speaker 1", "Speaker 2", "Someone who left":
            assert name in html
        assert "Speaker 4" not in html

    def test_the_queries_do_not_grow_with_the_meeting(
        self, page: Client, meeting: Meeting, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        # Session and user (2), the meeting, the languages of its owner's, the keys of the lines, the recordings, the
        # words, the people, the recordings without words and their transcriptions (2). Every two seconds also the
        # estimates, for all pages at once: the rows at the vendor, the turns (3), what is in none and its meetings'
        # turns (2), the rows that wait, and the eight classes of an empty history.
        def look(queries: int) -> None:
            with django_assert_num_queries(queries):
                page.get(reverse("meeting", args=[meeting.pk]))

        a_row(meeting, texts=[(0, 500, "", "one")])
        look(8)
        for n in range(10):
            guest = meetings.invite(meeting, User.objects.create_user(f"guest{n}"))
            a_row(meeting, participant=guest, texts=[(0, 500, "", "one"), (1, 500, "", "two")])
            a_row(meeting, participant=guest, status="failed")
            a_row(meeting, participant=guest, status="queued")
        look(10 + 15)

    def test_fragments_are_the_same_html_as_in_the_page(self, page: Client, meeting: Meeting) -> None:
        rows = [a_row(meeting, offset_ms=n, texts=[(0, 500, "", f"text {n}")]) for n in range(3)]
        whole = page.get(reverse("meeting", args=[meeting.pk])).text

        some = page.get(reverse("recordings", args=[meeting.pk]) + f"?id={rows[0].recording_id}").text
        one = page.get(reverse("recording", args=[meeting.pk, rows[0].recording_id])).text

        assert some == one
        assert one.strip() in whole
        assert [line["recording"] for line in lines_of(one)] == [str(rows[0].recording_id)]

    def test_a_line_carries_no_indentation(self, page: Client, meeting: Meeting) -> None:
        row = a_row(meeting, texts=[(n * 1000, 900, "", "Words") for n in range(10)])
        html = page.get(reverse("recording", args=[meeting.pk, row.recording_id])).content.decode()
        assert len(lines_of(html)) == 10
        assert max(map(len, re.findall(r"\n( *)", html))) <= 2
        assert len(html) / 10 < 650  # bytes, of which 150 lines make a page

    def test_fragments_speak_the_readers_language(self, page: Client, meeting: Meeting) -> None:
        row = a_row(meeting)
        page.cookies["django_language"] = "ko"
        assert (
            "말소리가 없습니다." in page.get(reverse("recording", args=[meeting.pk, row.recording_id])).text
        )

    def test_nonsense_ids_are_no_fault_of_ours(self, page: Client, meeting: Meeting) -> None:
        for query in "?id=x", "?id=1e5", "?id=", f"?id={10**30}":
            assert page.get(reverse("recordings", args=[meeting.pk]) + query).status_code in {200, 404}
        assert page.get(reverse("recording", args=[meeting.pk, 10**30])).status_code == 404
        for place in f"{'9' * 5000}.1", f"1.{'9' * 5000}", f"{10**30}.1", "x.1", "1", "", "\x00":
            for address in reverse("meeting", args=[meeting.pk]), reverse("transcript", args=[meeting.pk]):
                assert page.get(address, {"at": place}).status_code == 404, place


class TestPeople:
    """Inviting and removing people."""

    def test_invites_by_user_name(self, page: Client, meeting: Meeting) -> None:
        User.objects.create_user("jun")
        response = page.post(reverse("people", args=[meeting.pk]), {"username": "jun"}, headers=FETCH)
        assert response.status_code == 200
        assert "jun" in response.text
        assert meeting.participants.filter(user__username="jun").exists()

    def test_an_unknown_name_is_said_in_the_form(self, page: Client, meeting: Meeting) -> None:
        response = page.post(reverse("people", args=[meeting.pk]), {"username": "nobody"}, headers=FETCH)
        assert response.status_code == 422
        assert "Nobody here has this user name." in response.text

    def test_works_without_javascript_too(self, page: Client, meeting: Meeting) -> None:
        response = page.post(reverse("people", args=[meeting.pk]), {"username": "nobody"}, follow=True)
        assert "Nobody here has this user name." in response.text

    def test_removes(self, page: Client, meeting: Meeting) -> None:
        guest = meetings.invite(meeting, User.objects.create_user("jun"))
        address = reverse("remove", args=[meeting.pk, guest.pk])
        assert page.post(address, headers=FETCH).status_code == 200
        assert not meeting.participants.present().filter(pk=guest.pk).exists()

    def test_the_owner_stays(self, page: Client, meeting: Meeting) -> None:
        owner = meeting.participants.get()
        assert page.post(reverse("remove", args=[meeting.pk, owner.pk])).status_code == 404
        assert meeting.participants.exists()


class TestWithoutJavaScript:
    """The forms of a browser without JavaScript."""

    def test_uploads(self, page: Client, meeting: Meeting) -> None:
        upload = SimpleUploadedFile("speech.wav", SPEECH.read_bytes())
        response = page.post(reverse("upload", args=[meeting.pk]), {"audio": upload}, follow=True)
        assert "The file is here" in response.text
        recording = Recording.objects.get()
        assert (recording.kind, recording.name) == ("upload", "speech.wav")

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [(b"", "The file is empty."), (b"no sound at all", "This is not a sound or video file")],
    )
    def test_a_refused_file_is_explained(
        self, page: Client, meeting: Meeting, content: bytes, sentence: str
    ) -> None:
        upload = SimpleUploadedFile("speech.wav", content)
        response = page.post(reverse("upload", args=[meeting.pk]), {"audio": upload}, follow=True)
        assert sentence in response.text
        assert not Recording.objects.exists()

    def test_retries_and_cancels(self, page: Client, meeting: Meeting) -> None:
        row = a_row(meeting, status="failed")
        where = [meeting.pk, row.recording_id]
        page.post(reverse("retry", args=where))
        assert Transcription.objects.current().get().status == "queued"
        page.post(reverse("cancel", args=where))
        assert Transcription.objects.current().get().status == "cancelled"


TWICE = "Sent to the speech service twice: it may be charged twice."


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"status": "done", "possible_duplicate": 1}, [TWICE]),
        ({"status": "processing", "possible_duplicate": 1}, [TWICE]),
        ({"status": "failed", "error_code": "outcome_unknown", "possible_duplicate": 1}, [TWICE]),
        ({"status": "done", "possible_duplicate": 2}, ["Sent to the speech service 3 times: it may be"]),
        ({"status": "queued", "possible_duplicate": 1}, []),  # it will be, and then the line says so
        ({"status": "failed", "error_code": "waited_too_long", "possible_duplicate": 1}, []),
        ({"status": "done"}, []),
    ],
)
def test_a_recording_that_may_have_been_paid_for_twice_says_so_once(
    page: Client, meeting: Meeting, values: dict[str, object], said: list[str]
) -> None:
    texts = [(0, 500, "", "first"), (900, 500, "", "second")] if values["status"] == "done" else []
    a_row(meeting, texts=texts, **values)

    html = page.get(reverse("meeting", args=[meeting.pk])).text

    found = [" ".join(text.split()) for text in re.findall(r'data-testid="twice">(.*?)</p>', html, re.DOTALL)]
    assert len(found) == len(said)
    assert all(text.startswith(start) for text, start in zip(found, said, strict=True))


def test_it_says_so_in_korean_too(page: Client, meeting: Meeting) -> None:
    a_row(meeting, possible_duplicate=1)

    html = page.get(reverse("meeting", args=[meeting.pk]), headers={"Accept-Language": "ko"}).text

    assert "음성 인식 서비스에 두 번 보냈습니다. 요금이 두 번 청구될 수 있습니다." in html


def test_every_code_has_its_own_words_in_both_languages() -> None:
    from django.utils.translation import override

    for code in CODES:
        with override("en"):
            english = (str(explain(code).what), str(explain(code).advice))
        with override("ko"):
            korean = (str(explain(code).what), str(explain(code).advice))
        assert all(english)
        assert not set(english) & set(korean), code
    assert explain("never heard of").retry


def test_every_page_is_strict_about_scripts(page: Client, meeting: Meeting) -> None:
    a_row(meeting, status="failed")
    for address in "/", reverse("meeting", args=[meeting.pk]), reverse("password_change"):
        response = page.get(address)
        assert "default-src 'self'" in response["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*src=)|<style|\sstyle=|\son[a-z]+=", response.text), address
