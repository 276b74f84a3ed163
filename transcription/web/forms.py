"""What people fill in."""

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.translation import gettext_lazy as _

from transcription.people import names

# Languages that people can choose for a meeting. A vendor that cannot do one says so in its own error.
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
    """A new meeting."""

    title = forms.CharField(
        label=_("Title"), max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    language = forms.ChoiceField(
        label=_("Spoken language"), choices=SPEECH_LANGUAGES, initial=_usual_language
    )


class InviteForm(forms.Form):
    """Somebody to invite, by the name they sign in with."""

    username = forms.CharField(
        label=_("Invite by user name"),
        max_length=150,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def clean_username(self) -> User:
        """The person of that name; with a wrong one, a sentence instead."""
        person = User.objects.filter(username=self.cleaned_data["username"], is_active=True).first()
        if person is None:
            raise forms.ValidationError(_("Nobody here has this user name."), code="unknown")
        return person


class NameForm(forms.Form):
    """What somebody is called in a meeting."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=1000,  # the real limit has a sentence of its own
        widget=forms.TextInput(attrs={"autocomplete": "name", "maxlength": names.LONGEST}),
        # Not Django's own: NUL and the like have the same sentence as every other invisible character.
        strip=False,
    )

    def clean_name(self) -> str:
        """The name on one line."""
        return names.checked(self.cleaned_data["name"])


class UploadForm(forms.Form):
    """The upload for browsers without JavaScript: one file, no progress."""

    audio = forms.FileField(label=_("Audio file"), allow_empty_file=True)
