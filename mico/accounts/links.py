"""A link that signs somebody in, once.

Built on Django's tokens for resetting a password: nothing is stored, and the token dies with what goes into
it, so with the first sign-in (`last_login`), with a new password, and with age (SIGNIN_LINK_MAX_AGE).
"""

from django.contrib.auth.models import User
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes, force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode


class _Tokens(PasswordResetTokenGenerator):
    key_salt = "mico.accounts.links"  # a link must not pass as a password reset, nor the other way round

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        # Django's own drops the microseconds of last_login: two sign-ins within a second would be one.
        return f"{user.pk}{user.password}{user.last_login}{user.is_active}{timestamp}"


_tokens = _Tokens()


def signin_link(user: User) -> str:
    """The path of a link that signs `user` in, once."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("signin_link", args=[uid, _tokens.make_token(user)])


def redeem(uidb64: str, token: str) -> User | None:
    """Whose link this is, and it is used up. None: used before, too old, or never was one."""
    user = _owner(uidb64)
    if user is None or not _tokens.check_token(user, token):
        return None
    # Of two who use it at the same moment, one wins.
    won = User.objects.filter(pk=user.pk, last_login=user.last_login).update(last_login=timezone.now())
    return user if won else None


def _owner(uidb64: str) -> User | None:
    try:
        pk = int(force_str(urlsafe_base64_decode(uidb64)))
    except (ValueError, OverflowError):
        return None
    if pk >= 2**63:  # no database has such a row, and SQLite would not even look
        return None
    return User.objects.filter(pk=pk, is_active=True).first()
