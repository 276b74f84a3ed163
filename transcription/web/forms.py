"""The forms of the pages."""

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from transcription.people import names

# The languages offered for a meeting. A vendor that does not support one reports its own error.
SPEECH_LANGUAGES = [
    ("en", _("English")),
    ("ko", _("Korean")),
    ("ja", _("Japanese")),
    ("zh", _("Chinese")),
    ("de", _("German")),
    ("es", _("Spanish")),
    ("fr", _("French")),
    ("vi", _("Vietnamese")),
]


def _usual_language() -> str:
    return str(settings.STT_LANGUAGE)


class MeetingForm(forms.Form):
    """Create a meeting."""

    title = forms.CharField(
        label=_("Title"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    language = forms.ChoiceField(
        label=_("Spoken language"), choices=SPEECH_LANGUAGES, initial=_usual_language
    )


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
