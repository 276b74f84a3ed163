"""The forms of the pages."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from transcription import languages
from transcription.people import names


class LanguageForm(forms.Form):
    """Choose the language of a meeting among those that the vendor can do.

    `used` are the languages to suggest. If the present one is none that the vendor can do, nothing is chosen yet.
    """

    language = forms.ChoiceField(
        label=_("Spoken language"),
        error_messages={
            "required": _("Choose the language that is spoken in the meeting."),
            "invalid_choice": _("The speech service cannot transcribe this language. Choose another one."),
        },
    )

    def __init__(
        self, *args: Any, used: Iterable[str] = (), present: str | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        field = cast(forms.ChoiceField, self.fields["language"])
        offered = languages.choices(used)
        gone = present is not None and languages.problem(present)
        field.choices = [("", _("Choose a language")), *offered] if gone else offered
        field.initial = languages.usual() if present is None else present


class MeetingForm(LanguageForm):
    """Create a meeting."""

    title = forms.CharField(
        label=_("Title"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    field_order = ("title", "language")


class InviteForm(forms.Form):
    """Invite an account to a meeting by its username."""

    username = forms.CharField(
        label=_("Invite by user name"),
        max_length=150,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def clean_username(self) -> User:
        """Return the active user of that name. Raises ValidationError if there is none."""
        person = User.objects.filter(username=self.cleaned_data["username"], is_active=True).first()
        if person is None:
            raise forms.ValidationError(_("Nobody here has this user name."), code="unknown")
        return person


class NameForm(forms.Form):
    """Set a person's name in a meeting."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=1000,  # names.checked enforces the real limit, with a clearer message
        widget=forms.TextInput(attrs={"autocomplete": "name", "maxlength": names.LONGEST}),
        # names.checked strips the name and rejects control characters, so Django must not strip it first.
        strip=False,
    )

    def clean_name(self) -> str:
        """Return the checked name. Raises ValidationError."""
        return names.checked(self.cleaned_data["name"])


class UploadForm(forms.Form):
    """Upload one file without JavaScript: no progress, no resuming."""

    audio = forms.FileField(label=_("Audio file"), allow_empty_file=True)
