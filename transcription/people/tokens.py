"""Bearer tokens of the API: made once, kept as a hash, found by the hash of what a request brought.

A token is 256 random bits, so one round of SHA-256 is enough, and looking up the hash leaks nothing about the
token through its timing: who tries tokens cannot choose what their hashes begin with.
"""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from transcription.models import ApiToken

PREFIX = "mico_"  # so that scanners for leaked secrets can know one
# `last_used_at` is for people who tidy up; to write it with every request would cost every request.
USED_PRECISION = timedelta(minutes=1)


def make(user: User) -> str:
    """A new token of `user`, in plain text for the only time."""
    token = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(user=user, key_hash=digest(token))
    return token


def digest(token: str) -> str:
    """What is kept of a token: 64 hexadecimal digits. Takes any string."""
    return hashlib.sha256(token.encode(errors="backslashreplace")).hexdigest()


def find(token: str) -> User | None:
    """Whose token this is. None: nobody's, revoked, or its user may not sign in any more."""
    found = (
        ApiToken.objects.select_related("user").filter(key_hash=digest(token), user__is_active=True).first()
    )
    if found is None:
        return None
    now = timezone.now()
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_PRECISION)
    if found.last_used_at is None or found.last_used_at < now - USED_PRECISION:
        # The condition once more: of many requests at once, one writes.
        ApiToken.objects.filter(stale, pk=found.pk).update(last_used_at=now)
    return found.user
