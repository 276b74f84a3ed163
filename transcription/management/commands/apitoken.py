"""`manage.py apitoken USERNAME [--create]`: create a bearer token for the API."""

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from transcription.people import tokens


class Command(BaseCommand):
    """Print the token, and nothing else, on standard output."""

    help = "Creates a bearer token for the API and prints it. It cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument(
            "--create", action="store_true", help="create an ordinary user of this name if there is none"
        )

    def handle(self, *_args: Any, username: str, create: bool, **_options: Any) -> None:
        """Raises CommandError: there is no such user, the name is not valid, or the user may not sign in."""
        user = User.objects.filter(username=username).first()
        if user is None and create:
            user = self._create(username)
        if user is None:
            raise CommandError(
                _('There is no user "%(name)s". With --create one is made.') % {"name": username}
            )
        if not user.is_active:
            raise CommandError(
                _('The user "%(name)s" is not active: their token would be refused.') % {"name": username}
            )
        self.stdout.write(tokens.make(user))

    def _create(self, username: str) -> User:
        """Create an active user without a password. To sign in, not only use the API, they need one from an admin."""
        user = User(username=username)
        user.set_unusable_password()
        try:
            user.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        user.save()
        return user
