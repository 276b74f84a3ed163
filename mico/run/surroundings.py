"""Checks of this machine before anything is started. Each failure is one sentence."""

import errno
import os
import secrets
import socket
from pathlib import Path

# The system's limit is 104 bytes on macOS and 108 on Linux; Redis uses the path as it is.
LONGEST_SOCKET_PATH = 100  # bytes


class NotHereError(Exception):
    """Mico cannot run on this machine as configured; the message says what to change."""


def check_writable(folder: Path) -> None:
    """Raises NotHereError if no file can be created in `folder`."""
    probe = folder / f"probe.{secrets.token_hex(4)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise NotHereError(
            f"MICO_DATA={folder} cannot be written to ({error.strerror}): set MICO_DATA to a directory that can."
        ) from error


def check_socket_path(path: Path) -> None:
    """Raises NotHereError if `path` is too long for a Unix socket."""
    length = len(os.fsencode(path))
    if length > LONGEST_SOCKET_PATH:
        raise NotHereError(
            f"MICO_DATA is too long for a Unix socket ({path} has {length} bytes, {LONGEST_SOCKET_PATH} are"
            " possible): set MICO_DATA to a shorter path, or REDIS_URL."
        )


def check_port(variable: str, host: str, port: int) -> None:
    """Raises NotHereError if nothing can listen on the port."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as listener:
            # As servers do: connections that have just been closed do not block the port.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1)
    except socket.gaierror as error:
        raise NotHereError(f"HOST={host} is no address of this machine: set HOST to another.") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise NotHereError(
                f"Port {port} is taken by another program: set {variable} to a free one,"
                f" for example {variable}={_free_port(host)}."
            ) from error
        if error.errno == errno.EADDRNOTAVAIL:
            raise NotHereError(f"HOST={host} is no address of this machine: set HOST to another.") from error
        raise NotHereError(
            f"Port {port} cannot be used ({error.strerror}): set {variable} to another."
        ) from error


def _free_port(host: str) -> int:
    with socket.create_server((host if ":" not in host else "127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
