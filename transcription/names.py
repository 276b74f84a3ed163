"""Names of people: what one may be, and how a meeting calls somebody with an account."""

import unicodedata

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LONGEST = 60  # characters of a name that somebody types in
KEPT = 150  # characters of an account's name that a meeting keeps

# Joiners shape letters and emoji; every other invisible character can only deceive.
JOINERS = "\u200c\u200d"
# Letters by their category that show nothing: the fillers of Hangul.
BLANK_LETTERS = "\u115f\u1160\u3164\uffa0"


def checked(name: str) -> str:
    """`name` on one line, without spaces around it. Raises ValidationError, with a sentence that says what to do."""
    if any(unicodedata.category(c)[0] == "C" and c not in JOINERS and not c.isspace() for c in name):
        raise ValidationError(
            _("There is an invisible character in this name. Type it again by hand."), code="invisible"
        )
    shown = unicodedata.normalize("NFC", " ".join(name.split()))
    if len(shown) > LONGEST:
        raise ValidationError(
            _("A name may have up to %(longest)d characters.") % {"longest": LONGEST}, code="long"
        )
    if not any(c.isalnum() and c not in BLANK_LETTERS for c in shown):
        raise ValidationError(_("Write a name with at least one letter or digit."), code="empty")
    return shown


def name_of(user: User) -> str:
    """What a meeting calls an account's owner when they come in."""
    return (user.get_full_name() or user.get_username())[:KEPT]
