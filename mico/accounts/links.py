"""One-time links that sign a user in.

They are built on Django's password reset tokens: nothing is stored. A token becomes invalid when something in its
hash changes, that is with the first sign-in (`last_login`) or a new password, and after SIGNIN_LINK_MAX_AGE seconds.
"""

from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes, force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode


class _Tokens(PasswordResetTokenGenerator):
    key_salt = "mico.accounts.links"  # so that a link is not valid as a password reset, nor the reverse

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        # Django drops the microseconds of last_login: a second sign-in within a second would leave the link valid.
        return f"{user.pk}{user.password}{user.last_login}{user.is_active}{timestamp}"


_tokens = _Tokens()


def signin_link(user: User) -> str:
    """Return the path of a link that signs `user` in once."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("signin_link", args=[uid, _tokens.make_token(user)])


def redeem(uidb64: str, token: str) -> User | None:
    """Use the link up and return its user. Return None if it is used, expired or invalid."""
    user = _owner(uidb64)
    if user is None or not _tokens.check_token(user, token):
        return None
    # A compare-and-set: of two concurrent requests only one succeeds.
    won = User.objects.filter(pk=user.pk, last_login=user.last_login).update(last_login=timezone.now())
    return user if won else None


def _owner(uidb64: str) -> User | None:
    try:
        pk = int(force_str(urlsafe_base64_decode(uidb64)))
    except (ValueError, OverflowError):
        return None
    if pk >= 2**63:  # no database has such an id, and SQLite's driver raises on it
        return None
    return User.objects.filter(pk=pk, is_active=True).first()
