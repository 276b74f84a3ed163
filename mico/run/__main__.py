"""`python -m mico.run [--with-parent]`: check the machine, prepare the data, and become the supervisor.

--with-parent: also stop when the process that started this one is gone.
"""

import os
import sys

import django
from django.core.exceptions import ImproperlyConfigured
from environs import EnvError

os.umask(0o077)  # recordings are private to this user
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mico.settings")
try:
    django.setup()
except (EnvError, ImproperlyConfigured) as error:
    sys.exit(f"mico: {error}")
except OSError as error:  # the settings create the directory and the secret key
    sys.exit(
        f"mico: MICO_DATA cannot be written to ({error.filename}: {error.strerror}):"
        " set MICO_DATA to a directory that can."
    )

from mico.run.start import main  # noqa: E402 - needs the settings

if __name__ == "__main__":
    main()
