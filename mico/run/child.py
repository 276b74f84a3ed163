"""Take the lock on a pid file, then exec a program, which holds the lock for as long as it lives.

    python -I -S child.py LOCK COMMAND…

A lock ends with its holder, and a new process with the same id does not hold it. So the next start can find out
what a killed supervisor left behind (left_behind.py). Uses the standard library only, to start quickly.
"""

import fcntl
import os
import sys


def hold(path: str | os.PathLike[str]) -> int:
    """Lock `path` for this process and the program it execs, write the process id, and return the file descriptor.

    Raises BlockingIOError if another process holds the lock.
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
    lock, *command = sys.argv[1:]
    try:
        hold(lock)
    except BlockingIOError:
        sys.exit(f"{lock}: the last one has not ended yet.")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
