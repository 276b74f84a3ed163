"""Names of people: which ones are allowed, and what a meeting calls a participant with an account."""

import re
import unicodedata

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

LONGEST = 60  # characters of a name that a person types
KEPT = 150  # characters of an account's name that a meeting keeps

# Joiners shape letters and emoji. Any other invisible character serves only to deceive.
JOINERS = "\u200c\u200d"
# Unicode counts the fillers of Hangul as letters, but they show nothing.
BLANK_LETTERS = "\u115f\u1160\u3164\uffa0"
# The allowed characters that show nothing: those above, the grapheme joiner, blank Braille, variation selectors.
_UNSEEN = re.compile(f"[{JOINERS}{BLANK_LETTERS}\u034f\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]")


def checked(name: str) -> str:
    """Return `name` in Unicode form NFC, with each run of white space as one space and none around it.

    Raises ValidationError, whose message tells the person what to do.
    """
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
    """Return a key that is equal for names that look the same.

    Names look the same when they differ only in case, in the width of their characters, or in invisible ones.
    """
    return " ".join(_UNSEEN.sub("", unicodedata.normalize("NFKC", name)).casefold().split())


def name_of(user: User) -> str:
    """Return the name that a meeting gives `user` when they join it: at most KEPT characters."""
    return (user.get_full_name() or user.get_username())[:KEPT]
