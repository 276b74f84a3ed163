"""Bearer tokens of the API. The database keeps only their hashes, and a request's token is found by its hash.

A token is 256 random bits, so that one round of SHA-256 is enough. The timing of the lookup leaks nothing about the
token: an attacker cannot choose how the hash of a guess begins.
"""

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from transcription.models import ApiToken

PREFIX = "mico_"  # lets scanners for leaked secrets recognise a token
# Precision of `last_used_at`, which is for people who tidy up tokens. Not every request has to write it.
USED_PRECISION = timedelta(minutes=1)


def make(user: User) -> str:
    """Create a token for `user`, and return it in plain text. It cannot be read again later."""
    token = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(user=user, key_hash=digest(token))
    return token


def digest(token: str) -> str:
    """Return the hash that is kept of a token: 64 hexadecimal digits. Any string has one."""
    return hashlib.sha256(token.encode(errors="backslashreplace")).hexdigest()


def find(token: str) -> User | None:
    """Return the user of a token, and record its use (`last_used_at`).

    Return None if the token is unknown or revoked, or its user is inactive.
    """
    found = (
        ApiToken.objects.select_related("user").filter(key_hash=digest(token), user__is_active=True).first()
    )
    if found is None:
        return None
    now = timezone.now()
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lt=now - USED_PRECISION)
    if found.last_used_at is None or found.last_used_at < now - USED_PRECISION:
        # Check the condition in the UPDATE too: of many requests at once, only one writes.
        ApiToken.objects.filter(stale, pk=found.pk).update(last_used_at=now)
    return found.user
