"""`python -m mico.run [--with-parent]`: looks around, prepares, and becomes the supervisor.

--with-parent: stop, too, when the process that started this one is gone.
"""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from environs import EnvError

os.umask(0o077)  # recordings are nobody else's business
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mico.settings")
try:
    django.setup()
except (EnvError, ImproperlyConfigured) as error:
    sys.exit(f"mico: {error}")
except OSError as error:  # the settings make the directory and the secret key in it
    sys.exit(
        f"mico: MICO_DATA cannot be written to ({error.filename}: {error.strerror}):"
        " set MICO_DATA to a directory that can."
    )

from mico.run.start import main  # noqa: E402 - it needs the settings

if __name__ == "__main__":
    main()
