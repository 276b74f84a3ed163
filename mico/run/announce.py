"""Wait until Mico is ready, then print the sign-in link and exit. Exits early if the parent does.

MICO_RUN_LINK=… python -m mico.run.announce PORT HOST LOGS
"""

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request

DEADLINE_SECONDS = 60.0
LOOK_SECONDS = 0.2
ANSWER_SECONDS = 10.0


def missing(url: str) -> list[str]:
    """Return what keeps Mico from being ready, as sentences. Empty if it is ready."""
    try:
        # Ignore the environment's proxies: the request goes to this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=ANSWER_SECONDS):
            return []
    except urllib.error.HTTPError as error:
        try:
            checks = json.load(error)["checks"]
            return [sentence for sentence in checks.values() if sentence != "ok"]
        except (ValueError, LookupError, TypeError, OSError):
            return [f"{url} answers {error.code}."]
    except OSError:
        return ["The web process does not answer."]


def say(text: str) -> None:
    """Print a line on the terminal that started Mico."""
    print(text, flush=True)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    port, host, logs = sys.argv[1:]
    address = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    name = "localhost" if address in ("127.0.0.1", "[::1]") else address
    parent, started, warned = os.getppid(), time.monotonic(), False
    while left := missing(f"http://{address}:{port}/readyz"):
        if os.getppid() != parent:
            return
        if not warned and time.monotonic() - started > DEADLINE_SECONDS:
            say(
                f"Not ready after {DEADLINE_SECONDS:.0f} s: {' '.join(left)} The logs are in {logs}; still trying."
            )
            warned = True
        time.sleep(LOOK_SECONDS)
    say(f"\nMico is ready. Sign in, once, with\n\n    http://{name}:{port}{os.environ['MICO_RUN_LINK']}\n")
    say(f"Logs: {logs}. Stop: Ctrl-C.")


if __name__ == "__main__":
    main()
