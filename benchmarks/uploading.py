"""Hands in a file over HTTP and notes when its last byte was sent."""

import json
import time
import uuid
from http.client import HTTPConnection
from pathlib import Path

from tests.processes import Mico

BOUNDARY = "mico-benchmark"


def post(mico: Mico, token: str, meeting: int, file: Path, kind: str = "upload") -> tuple[float, int]:
    """Upload a file as a recording. Return when its last byte was sent (Unix seconds) and the recording's id."""
    fields = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in {"client_id": uuid.uuid4(), "kind": kind}.items()
    )
    head = f'{fields}--{BOUNDARY}\r\nContent-Disposition: form-data; name="audio"; filename="{file.name}"\r\n\r\n'
    tail = f"\r\n--{BOUNDARY}--\r\n"
    connection = HTTPConnection("127.0.0.1", mico.port, timeout=300)
    connection.putrequest("POST", f"/api/v1/meetings/{meeting}/recordings")
    connection.putheader("Authorization", f"Bearer {token}")
    connection.putheader("Content-Type", f"multipart/form-data; boundary={BOUNDARY}")
    connection.putheader("Content-Length", str(len(head) + file.stat().st_size + len(tail)))
    connection.endheaders(head.encode())
    with file.open("rb") as content:
        while block := content.read(1024**2):
            connection.send(block)
    connection.send(tail.encode())
    sent_at = time.time()
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    assert answer.status == 201, body
    return sent_at, body["id"]
