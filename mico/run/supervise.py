"""supervisord in this process, for a person at a terminal: it never gives up, and never outlives its starter.

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
# supervisord waits a second longer before each try to start a program that ends at once. Not longer than this.
LONGEST_PAUSE = 5  # s


class Options(ServerOptions):
    """A terminal that is closed means "stop": supervisord would start everything anew, for nobody."""

    def setsignals(self) -> None:
        """As supervisord's, with another meaning of SIGHUP."""
        super().setsignals()
        signal.signal(signal.SIGHUP, lambda *_: self.signal_receiver.receive(signal.SIGTERM, None))


class Supervisor(supervisord.Supervisor):
    """supervisord's loop with the few things that it has no option for."""

    def __init__(self, options: Options, parent: int | None) -> None:
        super().__init__(options)
        self._parent = parent

    def runforever(self) -> None:
        """Starts at once: supervisord's loop begins with a second of rest."""
        for group in sorted(self.process_groups.values()):
            group.transition()
        super().runforever()

    def handle_signal(self) -> None:
        """Also once a second: looks whether it is still wanted."""
        super().handle_signal()
        if self._parent not in (None, os.getppid()):
            self.options.mood = SupervisorStates.SHUTDOWN
        if self.options.mood == SupervisorStates.SHUTDOWN and not self.stopping:
            with contextlib.suppress(OSError):  # the terminal may be gone
                print("\nStopping Mico …", flush=True)  # noqa: T201

    def tick(self, now: float | None = None) -> None:
        """Also: nothing that fails is ever given up."""
        super().tick(now)
        for group in self.process_groups.values():
            for process in group.processes.values():
                process.backoff = min(process.backoff, LONGEST_PAUSE)


def main() -> None:
    """The command line."""
    options: Any = Options()
    parent = os.getppid() if "--with-parent" in sys.argv[1:] else None
    options.realize(["--nodaemon", "--configuration", str(CONFIGURATION)])
    options.first, options.test = True, False
    with contextlib.suppress(asyncore_25.ExitNow):
        Supervisor(options, parent).main()
    options.close_logger()


if __name__ == "__main__":
    main()
