"""Lines: read one with its history, and edit its text."""

from datetime import datetime
from typing import Annotated, Self

from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja import Field, Router, Schema
from pydantic import BaseModel

from transcription.api.auth import GUESTS_TOO, seat, visitor
from transcription.api.errors import ERRORS, ApiError
from transcription.api.schemas import ErrorOut, Spoken
from transcription.models import Utterance
from transcription.people.seats import seats_of
from transcription.words import editing

router = Router(tags=["utterances"])


class EditIn(BaseModel):
    """A new text. `version` is the version of the line that it replaces."""

    version: Annotated[int, Field(ge=1, lt=2**31)]
    text: Spoken


class RevisionOut(Schema):
    """An edit of a line. `author` is null if the author is no longer known."""

    version: int
    text: str
    author: str | None
    at: datetime


class UtteranceDetail(Schema):
    """A line with its history. `original` is the vendor's text."""

    id: int
    recording: int
    position: int
    version: int
    text: str
    edited: bool
    original: str
    history: list[RevisionOut]

    @classmethod
    def of(cls, row: Utterance) -> Self:
        """Build from a line that was fetched with its transcription. One query."""
        history = row.revisions.select_related("author").order_by("version")
        return cls(
            id=row.pk,
            recording=row.transcription.recording_id,
            position=row.position,
            version=row.version,
            text=row.text,
            edited=row.original is not None,
            original=row.text if row.original is None else row.original,
            history=[
                RevisionOut(
                    version=r.version, text=r.text, author=r.author.name if r.author else None, at=r.at
                )
                for r in history
            ],
        )


def found(request: HttpRequest, utterance_id: int) -> Utterance:
    """Return a line of a current transcription in one of the caller's meetings. Raises Http404."""
    mine = seats_of(visitor(request)).filter(meeting=OuterRef("transcription__meeting"))
    row = (
        Utterance.objects.filter(Exists(mine), pk=utterance_id, transcription__is_current=True)
        .select_related("transcription__recording")
        .defer("words")
        .first()
    )
    if row is None:
        raise Http404
    return row


@router.get(
    "/utterances/{int:utterance_id}", response={200: UtteranceDetail, ERRORS: ErrorOut}, auth=GUESTS_TOO
)
def detail(request: HttpRequest, utterance_id: int) -> UtteranceDetail:
    """Return a line with the vendor's text and the history of its edits."""
    return UtteranceDetail.of(found(request, utterance_id))


@router.patch(
    "/utterances/{int:utterance_id}", response={200: UtteranceDetail, ERRORS: ErrorOut}, auth=GUESTS_TOO
)
def edit(request: HttpRequest, utterance_id: int, data: EditIn) -> UtteranceDetail:
    """Edit a line's text. 403: you neither spoke it nor own the meeting; 409: it was changed in the meantime."""
    row = found(request, utterance_id)
    mine = seat(request, row.transcription.meeting_id)
    if not editing.may_edit(mine, row.transcription.recording):
        raise ApiError(403, "not_yours", _("Only who said this and the owner of the meeting can change it."))
    try:
        return UtteranceDetail.of(editing.edit(row, mine, data.version, data.text))
    except editing.EditConflict:
        raise ApiError(
            409, "conflict", _("Somebody has changed this line meanwhile. Look at it, then decide.")
        ) from None
