"""Fetches a model from the model hub: `python -m emulator.engines.hub SIZE FOLDER` prints the folder of its files.

If it fails, the last line printed is a sentence, and the exit status 1.
"""

from __future__ import annotations

import sys

from faster_whisper import available_models, download_model


def main() -> int:
    size, folder = sys.argv[1:]
    if size not in available_models():
        print(f"There is no such model; WHISPER_MODEL is a folder or one of {', '.join(available_models())}.")
        return 1
    print(f"speech: fetching the model {size} (once)", file=sys.stderr, flush=True)
    try:
        print(download_model(size, cache_dir=folder))
    except Exception as error:
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        print(
            f"The model hub cannot be reached or has a fault ({reason[0]}): try again, or fetch it elsewhere and name"
            " its folder in WHISPER_MODEL, or leave WHISPER_MODEL unset."
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
