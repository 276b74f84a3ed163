"""A running speech service and its client, over HTTP, with what its processes use."""

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import requests

from benchmarks.processes import cpu_seconds, memory_mb
from tests.servers import running_emulator

POLL_SECONDS = 0.05
LONGEST_SECONDS = 3600.0
BOUNDARY = "mico-benchmark"
POCKETSPHINX = "pocketsphinx"


@dataclass(frozen=True)
class Answer:
    """The words of a recording. seconds: from its last byte to them; cpu: processor seconds of the service."""

    text: str
    seconds: float
    cpu: float


class SpeechService:
    """engine: POCKETSPHINX, or a model of Whisper."""

    def __init__(self, engine: str, url: str, pid: int) -> None:
        self.engine = engine
        self._url = url
        self._pid = pid
        self._http = requests.Session()
        form = {"client_id": "bench", "client_secret": "bench"}
        answer = self._http.post(f"{url}/v1/authenticate", data=form, timeout=10)
        self._headers = {"Authorization": f"bearer {answer.json()['access_token']}"}

    def knows(self, language: str) -> bool:
        """Return whether the engine knows this language."""
        return self.engine != POCKETSPHINX or language == "en"

    def hear(self, audio: bytes, language: str, **extensions: int) -> Answer:
        """Hand in a recording and wait for its words. extensions: of `config` (docs/emulator.md)."""
        before = self.cpu()
        job, sent = self.submit(audio, language, **extensions)
        while not (found := self.poll(job)):
            time.sleep(POLL_SECONDS)
            if time.monotonic() > sent + LONGEST_SECONDS:
                raise TimeoutError(f"no words within {LONGEST_SECONDS:.0f} s")
        took = time.monotonic() - sent
        text = " ".join(utterance["msg"] for utterance in found["results"]["utterances"])
        return Answer(text, took, self.cpu() - before)

    def submit(self, audio: bytes, language: str, **extensions: int) -> tuple[str, float]:
        """Return the job's id, and when its last byte was sent (time.monotonic())."""
        config = json.dumps({"model_name": "whisper", "language": language, **extensions})
        head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="config"\r\n\r\n{config}\r\n'
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        )
        tail = f"\r\n--{BOUNDARY}--\r\n"
        connection = HTTPConnection(self._url.removeprefix("http://"), timeout=300)
        with contextlib.closing(connection):
            connection.putrequest("POST", "/v1/transcribe")
            connection.putheader("Authorization", self._headers["Authorization"])
            connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
            connection.putheader("Content-Length", str(len(head) + len(audio) + len(tail)))
            connection.endheaders(head.encode())
            connection.send(audio)
            connection.send(tail.encode())
            sent = time.monotonic()
            answer = connection.getresponse()
            body = json.loads(answer.read())
        if answer.status != 200:
            raise RuntimeError(f"the service refused a recording: {answer.status} {body}")
        return str(body["id"]), sent

    def poll(self, job: str) -> dict[str, Any]:
        """Return the completed job, or nothing while it is not. Raises RuntimeError if it failed."""
        answer = self._http.get(f"{self._url}/v1/transcribe/{job}", headers=self._headers, timeout=30)
        found: dict[str, Any] = answer.json()
        if answer.status_code != 200 or found["status"] == "failed":
            raise RuntimeError(f"the service failed at a recording: {found}")
        return found if found["status"] == "completed" else {}

    def cpu(self) -> float:
        """Return the processor seconds so far, of the service and its recognisers."""
        return sum(cpu_seconds({str(pid): pid for pid in (self._pid, *self._recognisers())}).values())

    def peak_mb(self) -> float:
        """Return the most memory that one of its recognisers had so far."""
        return max((memory_mb(pid, "VmHWM") for pid in self._recognisers()), default=0.0)

    def _recognisers(self) -> list[int]:
        children = Path(f"/proc/{self._pid}/task/{self._pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def close(self) -> None:
        self._http.close()


@contextlib.contextmanager
def a_service(engine: str, weights: Path) -> Iterator[SpeechService]:
    """Run a speech service. weights: where Whisper's files are kept."""
    flags = ("--model", engine, "--weights", str(weights)) if engine != POCKETSPHINX else ()
    kind = POCKETSPHINX if engine == POCKETSPHINX else "whisper"
    with tempfile.TemporaryDirectory() as data, running_emulator(Path(data), kind, *flags) as emulator:
        if emulator.pid is None:
            raise RuntimeError("the emulator runs elsewhere")
        with contextlib.closing(SpeechService(engine, emulator.base_url, emulator.pid)) as service:
            yield service
