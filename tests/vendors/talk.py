"""Answers of RTZR's protocol that several tests use."""

import email.parser
import io
import time

from tests.vendors.scripted import Reply, Request, answer
from transcription.vendors import base
from transcription.vendors.rtzr import Rtzr

UTTERANCE = {"start_at": 100, "duration": 2500, "msg": "안녕하세요.", "spk": 0, "lang": "ko"}


def signed_in(token: str = "T1") -> Reply:
    return answer(200, {"access_token": token, "expire_at": time.time() + 21_600})


def sound(data: bytes = b"RIFFsound") -> base.AudioSource:
    return base.AudioSource(io.BytesIO(data), len(data), "회의.wav", "audio/wav")


def submit(rtzr: Rtzr, options: base.SubmitOptions | None = None) -> base.Accepted:
    return rtzr.submit(sound(), options or base.SubmitOptions("ko"))


def parts(request: Request) -> dict[str, bytes]:
    head = f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode()
    message = email.parser.BytesParser().parsebytes(head + request.body)
    return {
        str(part.get_param("name", header="Content-Disposition")): part.get_payload(decode=True)  # type: ignore[misc]
        for part in message.walk()
        if not part.is_multipart()
    }
