"""`python -m emulator`: the command line and an orderly shutdown."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
from pathlib import Path

from aiohttp import web

from .app import build
from .engines import NAMES, WHISPER, make_engine
from .engines.weights import BUNDLED, WeightsError
from .engines.whisper import IDLE_SECONDS
from .service.engine import Engine
from .service.service import WRONG_SECRET, Service
from .service.store import DataInUseError, Store

# For requests under way. aiohttp takes this time twice if one hangs, and the whole shutdown may take two seconds.
_SHUTDOWN_SECONDS = 0.2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m emulator",
        description="A speech-to-text service that speaks RTZR's protocol, and a laboratory on top of it.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port", type=int, default=9009, help="0 takes a free one; the first line printed names it"
    )
    parser.add_argument("--engine", choices=NAMES, default=WHISPER)
    parser.add_argument(
        "--model", default=os.environ.get("WHISPER_MODEL") or BUNDLED, help="of whisper: a size, or a folder"
    )
    parser.add_argument("--weights", type=Path, metavar="DIR", help="keep the files of whisper's models here")
    parser.add_argument(
        "--idle",
        type=float,
        metavar="SECONDS",
        default=IDLE_SECONDS,
        help="of whisper: give its memory back after so long without work",
    )
    parser.add_argument(
        "--prepare",
        action="store_true",
        help="only get the engine's files ready, and say what is wrong with them",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="keep jobs and tokens here, over a restart")
    parser.add_argument("--client-id", help="take only this client_id (with --client-secret)")
    parser.add_argument(
        "--client-secret", help=f"default: any pair is taken, but for the secret {WRONG_SECRET!r}"
    )
    parser.add_argument(
        "--no-control", action="store_true", help="without the laboratory: no /control/, no limits, no faults"
    )
    arguments = parser.parse_args()
    if (arguments.client_id is None) != (arguments.client_secret is None):
        parser.error("--client-id and --client-secret go together")
    return arguments


async def _serve(arguments: argparse.Namespace, engine: Engine, folder: Path) -> None:
    store = Store(folder)
    credentials = None if arguments.client_id is None else (arguments.client_id, arguments.client_secret)
    service = Service(store, engine, arguments.engine, credentials)
    runner = web.AppRunner(
        build(service, with_laboratory=not arguments.no_control),
        access_log=None,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    try:
        await runner.setup()
        site = web.TCPSite(runner, arguments.host, arguments.port)
        await site.start()
        host, port = runner.addresses[0][:2]
        print(f"emulator: listening on http://{host}:{port} with the engine {arguments.engine}", flush=True)
        await stopped.wait()
    finally:
        await runner.cleanup()
        store.close()


def main() -> None:
    arguments = _arguments()
    logging.basicConfig(level=logging.WARNING, format="emulator: %(message)s")
    with contextlib.ExitStack() as stack:
        folder = arguments.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="emulator-")))
        models = arguments.weights or (arguments.data or Path.home() / ".cache" / "mico") / "models"
        try:
            engine = make_engine(arguments.engine, arguments.model, models, arguments.idle)
            if not arguments.prepare:
                asyncio.run(_serve(arguments, engine, folder))
        except (WeightsError, DataInUseError, OSError) as error:
            # With --prepare it is the answer to the question; how a download gets on is on stderr.
            print(f"emulator: {error}", file=sys.stdout if arguments.prepare else sys.stderr)
            sys.exit(1)


if __name__ == "__main__":
    main()
