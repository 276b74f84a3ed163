"""A PostgreSQL cluster of the suite's own, in a folder of its own."""

import os
import pwd
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.waiting import wait_until

NONE = "No PostgreSQL server (no /usr/lib/postgresql/*/bin/initdb): install the package postgresql."


def programs() -> Path | None:
    """Return the folder of the newest server's programs, or None if no server is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3]))
    if found:
        return found[-1].parent
    name = shutil.which("initdb")
    return Path(name).resolve().parent if name else None


class Cluster:
    """A cluster below `folder`. It is reached by its Unix socket only."""

    def __init__(self, folder: Path) -> None:
        binaries = programs()
        if binaries is None:
            raise RuntimeError(NONE)
        self._binaries = binaries
        self.folder = folder
        self.url = f"postgres://mico@{quote(str(folder), safe='')}/mico"

    def make(self) -> None:
        """Create the cluster. PostgreSQL refuses to run as root, so that it then belongs to the user postgres."""
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        options = ["--username=mico", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        subprocess.run(
            [*self._as_owner(), str(self._binaries / "initdb"), f"--pgdata={self.folder}/data", *options],
            check=True,
            capture_output=True,
            cwd="/",
        )

    def command(self) -> list[str]:
        """Return the command of the server. It stays the process that was started, so that it can be killed."""
        # Without fsync only a power failure could lose anything, and no test has one.
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            "fsync": "off",
        }
        pairs = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*self._as_owner(), str(self._binaries / "postgres"), "-D", f"{self.folder}/data", *pairs]

    def create_database(self) -> None:
        """Wait for the server, and create the database of `url`."""

        def created() -> bool:
            try:
                with psycopg.connect(
                    host=str(self.folder), user="mico", dbname="postgres", autocommit=True
                ) as connection:
                    connection.execute("CREATE DATABASE mico")
            except psycopg.OperationalError:
                return False
            return True

        wait_until(created, 20)

    @staticmethod
    def _as_owner() -> list[str]:
        if os.geteuid() != 0:
            return []
        owner = pwd.getpwnam("postgres")
        return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups", "--"]
