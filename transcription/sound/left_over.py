"""Files that nothing needs any more: left by a process that died between a file and its row, or in mid-upload.

Only names that Mico gives are ever removed; everything else, and whatever a symbolic link stands for, is told and
stays. The storage is read through Django's interface, since it may be a bucket.
"""

import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import Q

from transcription.models import DeletedMeeting, Meeting, Recording, Upload
from transcription.sound import uploads

# The names of stored files (models/recordings.py, audio_path), of uploads in parts, and of preflight's test files.
STORED = re.compile(r"[0-9a-f]{32}")
PREFLIGHT = re.compile(r"[0-9a-f]{16}")
# Django's temporary uploads (tmpk3v9_x1z.upload.wav) and Python's temporary files.
TEMPORARY = re.compile(r"tmp[a-z0-9_]{8}(\.upload.*)?")
# What a start of Mico makes for a moment: the draft of the secret key, and a test whether it may write.
STARTING = re.compile(r"secret_key\.[0-9a-f]{16}|probe\.[0-9a-f]{8}")
# The embedded recogniser's files while they are put together (emulator/engines/weights.py).
MODEL = re.compile(r"\.whisper-[a-z0-9_]{8}")

# A meeting's files are younger than its row. The allowance is for clocks that differ.
CLOCKS = timedelta(hours=1)
MEETINGS_AT_ONCE = 100  # whose names are asked of the database together


class Why(StrEnum):
    """Why a file is listed."""

    NO_RECORDING = "no recording has this file"
    NO_UPLOAD = "no upload has this file"
    EXPIRED = "an upload that nobody has gone on with"
    DELETED = "its meeting was deleted"
    NO_MEETING = "the database does not have its meeting"
    TEMPORARY = "a temporary file that no process has cleaned up"
    OLDER = "older than its meeting: it may be of another database"
    NOT_OURS = "not a name that Mico gives"
    LINK = "a symbolic link, which is not followed"


@dataclass(frozen=True, slots=True)
class Found:
    """A file, or a folder of temporary ones, that nothing seems to need.

    `name` is a path in the storage or on this machine; `size_bytes` is None for a folder; `changed_at` is when it was
    written, linked or moved last. `remove` looks once more, deletes it and returns whether it did; None: it stays.
    """

    name: str
    size_bytes: int | None
    changed_at: datetime
    why: Why
    remove: Callable[[], bool] | None = None


def files(*, of_no_meeting: bool = False) -> Iterator[Found]:
    """Yield what is left over in the storage and on this machine, whatever its age. Raises OSError.

    Files whose meeting the database does not have are removable only with `of_no_meeting`: with the wrong database,
    or an old copy of the right one, that would be everything.
    """
    yield from _stored(of_no_meeting)
    yield from _incoming()
    yield from _temporary()


def of_meeting(meeting: int) -> Iterator[Found]:
    """Yield the files of a meeting that was deleted, and their folder if nothing else is in it. Raises OSError."""
    folder = f"audio/{meeting}"
    if _is_link(folder):
        yield from _told(folder, Why.LINK)
        return
    below, names = _listed(folder)
    ours = [name for name in names if STORED.fullmatch(name)]
    for name in ours:
        yield from _told(f"{folder}/{name}", Why.DELETED, partial(_delete, f"{folder}/{name}"))
    for name in [*below, *(set(names) - set(ours))]:
        yield from _told(f"{folder}/{name}", Why.NOT_OURS)
    if len(ours) == len(names) and not below and _path(folder) is not None:  # a bucket has no folders
        yield from _told(folder, Why.DELETED, partial(_delete, folder))


def without_file() -> Iterator[tuple[int, str]]:
    """Yield (id, name) of each recording whose audio, or prepared audio, is not in the storage."""
    meetings = Recording.objects.order_by("meeting_id").values_list("meeting_id", flat=True).distinct()
    for meeting in list(meetings):
        there = set(_listed(f"audio/{meeting}")[1])
        for pk, *names in Recording.objects.filter(meeting=meeting).values_list("pk", "audio", "prepared"):
            for name in filter(None, names):
                if name.removeprefix(f"audio/{meeting}/") in there or default_storage.exists(name):
                    continue
                if Recording.objects.filter(pk=pk).exists():  # it may have been deleted meanwhile
                    yield pk, name


# --- In the storage -------------------------------------------------------------------------------


def _stored(of_no_meeting: bool) -> Iterator[Found]:
    folders, names = _listed("")
    for name in names:
        yield from _told(name, Why.NOT_OURS)
    for folder in folders:
        if _is_link(folder):
            yield from _told(folder, Why.LINK)
        elif folder == "audio":
            yield from _audio(of_no_meeting)
        elif folder == "preflight":
            for name in _listed(folder)[1]:
                full = f"{folder}/{name}"
                if PREFLIGHT.fullmatch(name) and not _is_link(full):
                    yield from _told(full, Why.TEMPORARY, partial(_delete, full))
                else:
                    yield from _told(full, Why.NOT_OURS)
        elif folder != uploads.FOLDER:
            yield from _told(folder, Why.NOT_OURS)


def _audio(of_no_meeting: bool) -> Iterator[Found]:
    folders, names = _listed("audio")
    for name in names:
        yield from _told(f"audio/{name}", Why.NOT_OURS)
    deleted = {str(pk) for pk in DeletedMeeting.objects.values_list("pk", flat=True)}
    folders = [folder for folder in folders if folder not in deleted]  # `of_meeting` has those
    for first in range(0, len(folders), MEETINGS_AT_ONCE):
        listed: dict[int, list[str]] = {}
        for folder in folders[first : first + MEETINGS_AT_ONCE]:
            full = f"audio/{folder}"
            if _is_link(full):
                yield from _told(full, Why.LINK)
            elif folder.isascii() and folder.isdecimal() and str(int(folder)) == folder and len(folder) < 19:
                below, listed[int(folder)] = _listed(full)
                for name in below:
                    yield from _told(f"{full}/{name}", Why.NOT_OURS)
            else:
                yield from _told(full, Why.NOT_OURS)
        # After the listing: whatever was listed, and has a row, has it by now.
        since = dict(Meeting.objects.filter(pk__in=listed).values_list("pk", "created_at"))
        rows = Recording.objects.filter(meeting__in=listed).values_list("audio", "prepared")
        known = {name for row in rows for name in row}
        for meeting, names in listed.items():
            for name in names:
                if (full := f"audio/{meeting}/{name}") not in known:
                    yield from _without_row(full, meeting, since.get(meeting), of_no_meeting)


def _without_row(name: str, meeting: int, since: datetime | None, of_no_meeting: bool) -> Iterator[Found]:
    """Yield the file unless it is gone by now. `since`: when its meeting was created, None if there is none."""
    if _is_link(name):
        yield from _told(name, Why.LINK)
    elif not STORED.fullmatch(name.rsplit("/", 1)[-1]):
        yield from _told(name, Why.NOT_OURS)
    elif since is None:
        remove = partial(_delete_of_no_meeting, name, meeting) if of_no_meeting else None
        yield from _told(name, Why.NO_MEETING, remove)
    else:
        for found in _told(name, Why.NO_RECORDING, partial(_delete_without_row, name)):
            older = default_storage.get_modified_time(name) < since - CLOCKS
            yield Found(name, found.size_bytes, found.changed_at, Why.OLDER) if older else found


def _listed(folder: str) -> tuple[list[str], list[str]]:
    """Return the folders and the files in a folder of the storage; none if it is not there."""
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return [], []
    return sorted(folders), sorted(names)


def _told(name: str, why: Why, remove: Callable[[], bool] | None = None) -> Iterator[Found]:
    """Yield a file or folder of the storage, unless it is gone by now."""
    try:
        path = _path(name)
        if path is not None and not stat.S_ISREG(path.lstat().st_mode):
            yield Found(name, None, _changed_at(path.lstat()), why, remove)
            return
        written = default_storage.get_modified_time(name)
        with suppress(NotImplementedError):  # a bucket: it has the time of the upload
            # A file that was moved into its place keeps the time of its last byte, but not this one.
            written = max(written, default_storage.get_created_time(name))
        yield Found(name, default_storage.size(name), written, why, remove)
    except FileNotFoundError:
        return


def _path(name: str) -> Path | None:
    """Return where a file of the storage is on this machine; None if it is elsewhere."""
    try:
        return Path(default_storage.path(name))
    except NotImplementedError:
        return None


def _is_link(name: str) -> bool:
    path = _path(name)
    return path is not None and path.is_symlink()


def _delete(name: str) -> bool:
    default_storage.delete(name)
    return True


def _delete_without_row(name: str) -> bool:
    """Delete the file unless a row names it by now, whichever: a meeting's files were not always named like this."""
    if Recording.objects.filter(Q(audio=name) | Q(prepared=name)).exists():
        return False
    return _delete(name)


def _delete_of_no_meeting(name: str, meeting: int) -> bool:
    return not Meeting.objects.filter(pk=meeting).exists() and _delete_without_row(name)


# --- On this machine ------------------------------------------------------------------------------


def _incoming() -> Iterator[Found]:
    """Yield the files in the folder of the uploads in parts that no upload has."""
    for path, status in _entries(uploads.folder()):
        # A file system may keep files of its own there: only ours are told.
        if STORED.fullmatch(path.name) and not Upload.objects.filter(pk=path.name).exists():
            yield _of(path, status, Why.NO_UPLOAD, partial(_unlink_without_upload, path))


def _temporary() -> Iterator[Found]:
    for path, status in _entries(Path(settings.FILE_UPLOAD_TEMP_DIR)):
        if TEMPORARY.fullmatch(path.name) and stat.S_ISREG(status.st_mode):
            yield _of(path, status, Why.TEMPORARY, partial(_unlink, path))
        else:
            yield _of(path, status, Why.NOT_OURS)
    data = Path(settings.DATA_DIR)
    for folder in data, data / "run", data / "log":
        for path, status in _entries(folder):
            if STARTING.fullmatch(path.name) and stat.S_ISREG(status.st_mode):
                yield _of(path, status, Why.TEMPORARY, partial(_unlink, path))
    for path, status in _entries(data / "models"):
        if MODEL.fullmatch(path.name) and stat.S_ISDIR(status.st_mode):
            newest = max((inside for _, inside in _entries(path / "model")), key=_changed_at, default=status)
            changed = max(_changed_at(status), _changed_at(newest))
            yield Found(str(path), None, changed, Why.TEMPORARY, partial(_remove_tree, path))


def _entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield what is in a folder of this machine. What is removed meanwhile is left out."""
    try:
        paths = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in paths:
        try:
            yield path, path.lstat()
        except FileNotFoundError:
            continue


def _of(path: Path, status: os.stat_result, why: Why, remove: Callable[[], bool] | None = None) -> Found:
    if stat.S_ISLNK(status.st_mode):
        why, remove = Why.LINK, None
    size = status.st_size if stat.S_ISREG(status.st_mode) else None
    return Found(str(path), size, _changed_at(status), why, remove)


def _changed_at(status: os.stat_result) -> datetime:
    """Return when a file was written, linked or moved last."""
    return datetime.fromtimestamp(max(status.st_mtime, status.st_ctime), UTC)


def _unlink(path: Path) -> bool:
    path.unlink()
    return True


def _unlink_without_upload(path: Path) -> bool:
    return not Upload.objects.filter(pk=path.name).exists() and _unlink(path)


def _remove_tree(path: Path) -> bool:
    shutil.rmtree(path)  # follows no links
    return True
