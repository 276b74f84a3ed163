"""supervisord in this process, for `make run`: it never gives up on a program, and never outlives its parent.

python -m mico.run.supervise [--with-parent]
"""
# supervisor has no types.
# mypy: disable-error-code="no-untyped-call"

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

from supervisor import supervisord
from supervisor.medusa import asyncore_25
from supervisor.options import ServerOptions
from supervisor.states import SupervisorStates

CONFIGURATION = Path(__file__).resolve().parent.parent.parent / "supervisord.conf"
# supervisord's back-off for a program that fails at once grows by a second each time. This is the limit.
LONGEST_PAUSE = 5  # s


class Options(ServerOptions):
    """Treat a closed terminal as "stop": supervisord itself would restart everything on SIGHUP."""

    def setsignals(self) -> None:
        super().setsignals()
        signal.signal(signal.SIGHUP, lambda *_: self.signal_receiver.receive(signal.SIGTERM, None))


class Supervisor(supervisord.Supervisor):
    """supervisord's main loop, with the behaviour that it has no options for."""

    def __init__(self, options: Options, parent: int | None) -> None:
        super().__init__(options)
        self._parent = parent

    def runforever(self) -> None:
        """Start the programs at once: supervisord's loop first waits for a second."""
        for group in sorted(self.process_groups.values()):
            group.transition()
        super().runforever()

    def handle_signal(self) -> None:
        """Stop if the parent is gone. Called about once a second."""
        super().handle_signal()
        if self._parent not in (None, os.getppid()):
            self.options.mood = SupervisorStates.SHUTDOWN
        if self.options.mood == SupervisorStates.SHUTDOWN and not self.stopping:
            with contextlib.suppress(OSError):  # the terminal may be closed
                print("\nStopping Mico …", flush=True)

    def tick(self, now: float | None = None) -> None:
        """Cap the back-off of every program, so that supervisord never gives up on one."""
        super().tick(now)
        for group in self.process_groups.values():
            for process in group.processes.values():
                process.backoff = min(process.backoff, LONGEST_PAUSE)


def main() -> None:
    options: Any = Options()
    parent = os.getppid() if "--with-parent" in sys.argv[1:] else None
    options.realize(["--nodaemon", "--configuration", str(CONFIGURATION)])
    options.first, options.test = True, False
    with contextlib.suppress(asyncore_25.ExitNow):
        Supervisor(options, parent).main()
    options.close_logger()


if __name__ == "__main__":
    main()
