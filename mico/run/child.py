"""Becomes a program, which then holds the lock on a file with its process id for as long as it lives.

    python -I -S child.py LOCK COMMAND…

A lock cannot outlive its holder, nor be mistaken for a process that got the same id later: so the next start
knows what a killed supervisor has left behind (left_behind.py). Standard library only, so that it is quick.
"""

import fcntl
import os
import sys


def hold(path: str | os.PathLike[str]) -> int:
    """Takes the lock on `path` for this process and what it becomes, and returns its descriptor.

    Raises BlockingIOError while another process has it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    os.set_inheritable(descriptor, True)
    return descriptor


def main() -> None:
    """The command line."""
    lock, *command = sys.argv[1:]
    try:
        hold(lock)
    except BlockingIOError:
        sys.exit(f"{lock}: the last one has not ended yet.")
    os.execvp(command[0], command)  # noqa: S606 - what supervisord.conf says


if __name__ == "__main__":
    main()
