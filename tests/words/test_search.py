"""Search: parts of words, in Korean and English, in one's own meetings, with an index."""

import re
import unicodedata

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from tests.rows import a_row
from transcription.lifecycle import workflow
from transcription.models import Meeting, Transcription, Utterance
from transcription.people import meetings
from transcription.words import search
from transcription.words.search import Query

LINES = 20_000  # benchmarks/page.md has times for a hundred thousand
SAID = [
    "Good morning, everyone.",
    "오늘 회의는 예산입니다.",
    '50% of "that" is_fine \\ok',
    "The budget: 예산 2026",
    "나",
]


@pytest.fixture
def mina(db: None) -> User:
    return User.objects.create_user("mina", first_name="Mina")


@pytest.fixture
def meeting(mina: User) -> Meeting:
    made = meetings.create_meeting(mina, "Weekly", "ko")
    a_row(made, texts=[(n * 1000, 500, "", text) for n, text in enumerate(SAID)])
    return made


def found(meeting: Meeting, text: str) -> list[int]:
    """Return the positions of the matching lines in the one recording of `meeting`."""
    return [key.position for key in search.in_meeting(meeting, Query.parse(text))]


@pytest.mark.parametrize(
    ("text", "positions"),
    [
        ("morning", [0]),
        ("MORN", [0]),
        ("mo", [0]),
        ("회의", [1]),
        ("예산", [1, 3]),
        ("예산입니다", [1]),
        ("산", [1, 3]),
        ("나", [4]),
        ("회의 예산", [1]),
        ("예산 budget", [3]),
        ("budget morning", []),
        ("50%", [2]),
        ("0%", [2]),
        ("%", [2]),
        ("_", [2]),
        ('"that"', [2]),
        ('"', [2]),
        ("\\ok", [2]),
        ("'", []),
        ("morning*", []),
        ("morning OR budget", []),
        ("NOT", []),
        ("text: budget", []),
        (unicodedata.normalize("NFD", "회의"), [1]),  # decomposed, as macOS may send it
        ("", []),
        ("  \x00 ", []),
    ],
)
def test_every_word_is_found_wherever_it_stands(meeting: Meeting, text: str, positions: list[int]) -> None:
    assert found(meeting, text) == positions


class AnyQuery(TestCase):
    """Any text can be typed as a query."""

    @settings(deadline=None)
    @given(st.text(max_size=30) | st.text(alphabet="\"'%_\\*()^:-+{}[]~ANDORT가", max_size=12))
    def test_no_query_breaks_it_and_it_finds_what_contains_the_words(self, text: str) -> None:
        user = User.objects.get_or_create(username="mina")[0]
        meeting = Meeting.objects.filter(owner=user).first() or meetings.create_meeting(user, "x", "en")
        meeting.recordings.all().delete()
        query = Query.parse(text)
        a_row(meeting, texts=[(0, 1, "", " ".join(query.words) or "x"), (1, 1, "", "something else")])
        assert (0 in found(meeting, text)) == bool(query.words)


def test_the_words_of_a_query_are_few_and_short() -> None:
    assert len(Query.parse("a " * 500).words) == 1
    assert len(Query.parse(" ".join(str(n) for n in range(100))).words) == search.MOST_WORDS
    assert Query.parse("x" * 1000).words == ("x" * search.LONGEST_QUERY,)


def test_the_pieces_of_a_text_are_the_text() -> None:
    query = Query.parse("an banana (x")
    text = "A banana and Ann (X) <b>"
    assert "".join(piece for _is_word, piece in query.parts(text)) == text
    assert [piece for is_word, piece in query.parts(text) if is_word] == ["banana", "an", "An", "(X"]


@pytest.mark.parametrize("typed", ["bud budget", "budget bud"])
def test_a_word_that_begins_another_does_not_cut_the_longer_one_short(typed: str) -> None:
    assert Query.parse(typed).parts("The budget is a bud.") == [
        (False, "The "),
        (True, "budget"),
        (False, " is a "),
        (True, "bud"),
        (False, "."),
    ]


def test_what_changes_and_what_goes_is_known_at_once(meeting: Meeting) -> None:
    line = Utterance.objects.get(text__startswith="Good")
    Utterance.objects.filter(pk=line.pk).update(text="Bad evening.")
    assert found(meeting, "morning") == []
    assert found(meeting, "evening") == [0]
    line.delete()
    assert found(meeting, "evening") == []


def test_replaced_transcriptions_are_not_found(meeting: Meeting) -> None:
    row = a_row(meeting, status="failed", texts=[(0, 1, "", "before the retry")])
    assert workflow.retry(row.recording) is not None
    assert found(meeting, "retry") == []


class TestPages:
    """The search pages: who finds what, and where the hits lead."""

    def test_results_are_grouped_newest_first_and_lead_to_the_line(
        self, client: Client, mina: User, meeting: Meeting
    ) -> None:
        newer = meetings.create_meeting(mina, "Newer", "ko")
        row = a_row(newer, offset_ms=65_000, texts=[(0, 1, "", "nothing"), (1, 1, "", "<예산> & more")])
        client.force_login(mina)
        html = client.get(reverse("search"), {"q": "예산"}).text
        assert html.count('data-testid="found"') == 2
        assert html.count('data-testid="hit"') == 3
        assert html.index("Newer") < html.index("Weekly")
        assert f'href="/m/{newer.pk}/?at={row.recording_id}.1#line-{row.recording_id}-1"' in html
        assert "&lt;<mark>예산</mark>&gt; &amp; more" in html
        assert "1:05" in html
        assert client.get(f"/m/{newer.pk}/?at={row.recording_id}.1").status_code == 200

    def test_only_meetings_of_mine_are_searched(self, client: Client, meeting: Meeting) -> None:
        stranger, guest = User.objects.create_user("stranger"), User.objects.create_user("guest")
        meetings.invite(meeting, guest)
        inside = reverse("search_inside", args=[meeting.pk])
        client.force_login(stranger)
        assert 'data-testid="hit"' not in client.get(reverse("search"), {"q": "예산"}).text
        only = {"q": "예산", "meeting": str(meeting.pk)}
        assert 'data-testid="hit"' not in client.get(reverse("search"), only).text
        assert client.get(inside, {"q": "예산"}).status_code == 404
        client.force_login(guest)
        assert 'data-testid="hit"' in client.get(reverse("search"), {"q": "예산"}).text
        assert len(client.get(inside, {"q": "예산"}).json()["lines"]) == 2

    def test_who_is_not_signed_in_is_sent_to_do_it(self, client: Client, meeting: Meeting) -> None:
        for address in reverse("search"), reverse("search_inside", args=[meeting.pk]):
            assert client.get(address, {"q": "예산"}).status_code == 302

    def test_many_hits_take_pages_and_one_query_each(
        self, client: Client, mina: User, meeting: Meeting
    ) -> None:
        a_row(meeting, texts=[(n, 1, "", f"again {n}.") for n in range(120)])
        client.force_login(mina)
        address = reverse("search")
        pages = [client.get(address, {"q": "again", "page": n}).text for n in (1, 2, 3)]
        seen = [re.findall(r"<mark>again</mark> (\d+)\.", page) for page in pages]
        assert [int(n) for page in seen for n in page] == list(range(120))
        assert [('rel="prev"' in page, 'rel="next"' in page) for page in pages] == [
            (False, True),
            (True, True),
            (True, False),
        ]
        assert client.get(address, {"q": "again", "page": "x", "meeting": "9" * 40}).status_code == 200


@pytest.mark.django_db
@pytest.mark.slow
def test_many_lines_are_searched_by_the_index_and_quickly(mina: User, meeting: Meeting) -> None:
    other = meetings.create_meeting(User.objects.create_user("other"), "Other", "ko")
    row = a_row(other, texts=[])
    Utterance.objects.bulk_create(
        (
            Utterance(
                transcription=row,
                position=n,
                start_ms=n,
                duration_ms=1,
                text=f"{n} 번째 문장과 some words here {n % 977}",
            )
            for n in range(LINES)
        ),
        batch_size=2000,
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    visible = Meeting.objects.filter(pk__in=[meeting.pk, other.pk])
    for text, hits in ("19999", 1), ("예산", 2), ("문장과 19999", 1), ("19999 번", 1):
        assert len(search.in_meetings(visible, Query.parse(text), 0, 51)) == hits
    rows = search.matching(Utterance.objects.filter(transcription__is_current=True), Query.parse("19999"))
    plan = rows.explain()
    assert "utterance_grams" in plan or "VIRTUAL TABLE INDEX" in plan, plan


@pytest.mark.django_db
def test_the_index_survived_every_migration(meeting: Meeting) -> None:
    """On SQLite a migration that recreates the table drops its triggers, and new lines would not be found."""
    assert Transcription.objects.exists()
    assert found(meeting, "morning") == [0]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='transcription_utterance'"
            )
            assert len(cursor.fetchall()) == 3
