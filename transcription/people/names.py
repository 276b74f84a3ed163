"""Names of people: what one may be, and how a meeting calls somebody with an account."""

import re
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
# All that shows nothing by itself and may stand in a name: those, selectors of variants, an empty sign of Braille.
_UNSEEN = re.compile(f"[{JOINERS}{BLANK_LETTERS}\u034f\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]")


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


def alike(name: str) -> str:
    """The same for names that look the same: in another case or width, or with something in them that nobody sees."""
    return " ".join(_UNSEEN.sub("", unicodedata.normalize("NFKC", name)).casefold().split())


def name_of(user: User) -> str:
    """What a meeting calls an account's owner when they come in."""
    return (user.get_full_name() or user.get_username())[:KEPT]
