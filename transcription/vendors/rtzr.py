"""The adapter for RTZR (Return Zero, formerly VITO): submit a file, then poll.

https://developers.rtzr.ai/docs/en/authentications/ · /docs/en/stt-file/ · /docs/en/rate_limit/

RTZR has no idempotency key, no list of jobs and no documented Retry-After. It throttles by the number of concurrent
jobs of an organisation and model. A token is valid for six hours.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

import redis

from transcription.vendors import http, retry_after
from transcription.vendors.base import (
    MAX_CODE,
    MAX_MESSAGE,
    Accepted,
    AudioSource,
    AuthFailed,
    Finished,
    JobFailed,
    ProtocolError,
    QuotaExhausted,
    Rejected,
    ResultGone,
    Running,
    Scope,
    SubmitOptions,
    Throttled,
    VendorError,
    VendorUnavailable,
)
from transcription.vendors.languages import MODES, WHISPER
from transcription.vendors.multipart import Multipart
from transcription.vendors.redact import plain
from transcription.vendors.rtzr_result import done_ms_of, transcript_of
from transcription.vendors.sign_in import Token, Tokens

log = logging.getLogger(__name__)

_JOB_ID = re.compile(r"(?!\.+$)[\w.~:-]{1,200}", re.ASCII)  # becomes part of a URL
_TOKEN = re.compile(r"[!-~]{1,8000}")  # becomes part of a header
_STATES_LOGGED_MAX = 50
# The id of a job that does not exist.
_NO_JOB = "none"
# A submit is answered when the vendor has stored the file, so a large one takes longer: so many bytes in a second. An
# upload may stall for longer than a connection may take.
_STORED_BYTES_PER_S = 10_000_000
_STALL_S = 15.0


# https://developers.rtzr.ai/docs/en/stt-file/language: "ISO 639-1 two-letter codes. See the whisper list", `detect`
# and `multi`, both with `language_candidates`, by default these four.
LANGUAGES = (*(code for code in WHISPER if len(code) == 2), *MODES)
CANDIDATES = ("ko", "ja", "zh", "en")
SOMMERS, WHISPER_MODEL = MODELS = ("sommers", "whisper")


class Rtzr:
    """An RTZR account; see base.Vendor.

    client: a Redis client with decode_responses=True, which stores the token; languages: those of this account or of
    a service that speaks RTZR's protocol, where they are not the documented ones; read_timeout_s, submit_timeout_s:
    how long to wait for the answer to a sign-in or a poll, and for that to a submit, which a large file lengthens
    (RTZR's own sample waits a minute: https://developers.rtzr.ai/docs/en/stt-file/); candidates, lead_ms,
    tells_progress: see base.Vendor (RTZR itself takes no lead and tells no progress, but Mico's own service does);
    pooled: whether the jobs of each model are counted apart, as RTZR does (Mico's own service is one machine).
    """

    name = "rtzr"
    label = "RTZR"
    # https://developers.rtzr.ai/docs/en/stt-file/: formats (m4a is our mp4), 2 GB, 4 hours, a poll every 5 s
    accepted_formats = frozenset({"mp4", "mp3", "amr", "flac", "wav"})
    max_bytes = 2_000_000_000
    max_duration_ms = 4 * 3600 * 1000
    poll_advice_s = 5.0

    def __init__(
        self,
        client: redis.Redis,
        *,
        client_id: str,
        client_secret: str,
        base_url: str = "https://openapi.vito.ai",
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 30.0,
        submit_timeout_s: float = 60.0,
        languages: Iterable[str] = LANGUAGES,
        candidates: Iterable[str] = CANDIDATES,
        stretch_s: tuple[float, float] = (16.0, 20.0),
        lead_ms: int = 0,
        tells_progress: bool = False,
        pooled: bool = True,
    ) -> None:
        self.pools: tuple[str, ...] = MODELS if pooled else ("",)
        self.lead_ms = lead_ms
        self.tells_progress = tells_progress
        self.languages = tuple(languages)
        self.candidates = tuple(candidates)
        self.stretch_s = stretch_s
        self._base_url = base_url.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._fetch_timeouts = http.Timeouts(connect_s=connect_timeout_s, read_s=read_timeout_s)
        self._submit_timeout_s = submit_timeout_s
        self._states_logged: set[str] = set()
        # Each set of credentials has its own token. The hash keeps the secret out of the key.
        account = hashlib.sha256(f"{self._base_url}\n{client_id}\n{client_secret}".encode()).hexdigest()
        self._auth_timeouts = http.Timeouts(connect_timeout_s, read_timeout_s, answer_s=10.0)
        self._tokens = Tokens(
            client,
            f"mico:rtzr:token:{account[:20]}",
            self._authenticate,
            lock_s=connect_timeout_s + read_timeout_s + 15.0,
            wait_s=connect_timeout_s + 5.0,
        )

    def model(self, language: str) -> str:
        """Return sommers for Korean and Japanese, and whisper for everything else."""
        return _model(language)

    def ask(self) -> None:
        """GET a job that does not exist. "No such result" (404, H0004) is the answer of a vendor that is well.

        It answers so only to a client that it has authenticated. https://developers.rtzr.ai/docs/en/stt-file/
        """
        with contextlib.suppress(ResultGone, Rejected):
            self.fetch(_NO_JOB)

    def submit_limit_s(self, size_bytes: int) -> float:
        """See base.Vendor: signing in, a slow upload, and the wait for the answer."""
        sign_in, own = self._auth_timeouts, self._submit_timeouts(size_bytes)
        signed_in_s = sign_in.connect_s + sign_in.read_s + sign_in.answer_s
        return signed_in_s + own.connect_s + size_bytes / http.SLOWEST_UPLOAD + own.read_s

    def _submit_timeouts(self, size_bytes: int) -> http.Timeouts:
        return http.Timeouts(
            connect_s=max(self._fetch_timeouts.connect_s, _STALL_S),
            read_s=self._submit_timeout_s + size_bytes / _STORED_BYTES_PER_S,
        )

    def pool(self, language: str) -> str:
        """Return the model: https://developers.rtzr.ai/docs/en/rate_limit/ limits the jobs at once of each."""
        return _model(language) if self.pools == MODELS else ""

    def submit(self, audio: AudioSource, options: SubmitOptions) -> Accepted:
        """POST /v1/transcribe. After a 401 the file is rewound and sent once more."""
        config = json.dumps(_config(options, self.candidates, audio), ensure_ascii=False)
        start = audio.file.tell()
        timeouts = self._submit_timeouts(audio.size_bytes)

        def post(token: str) -> http.Answer:
            audio.file.seek(start)
            body = Multipart(
                {"config": config},
                file_field="file",
                file=audio.file,
                size=audio.size_bytes,
                filename=audio.filename,
                content_type=audio.content_type,
            )
            return self._send("POST", "/v1/transcribe", timeouts, token, body=body)

        answer = self._authorised(post)
        data = answer.json()
        job_id = data.get("id") if isinstance(data, dict) else None
        if not isinstance(job_id, str) or not _JOB_ID.fullmatch(job_id):
            raise _garbage("RTZR took the audio but named no job.", answer, may_have_arrived=True)
        return Accepted(job_id)

    def fetch(self, job_id: str) -> Running | Finished | JobFailed:
        """GET /v1/transcribe/{id}."""
        path = f"/v1/transcribe/{quote(job_id, safe='')}"
        answer = self._authorised(lambda token: self._send("GET", path, self._fetch_timeouts, token))
        data = answer.json()
        state = data.get("status") if isinstance(data, dict) else None
        if not isinstance(data, dict) or not isinstance(state, str):
            raise _garbage("RTZR's answer about a job names no state.", answer)
        if state == "completed":
            transcript = transcript_of(data.get("results"))
            if transcript is None:
                raise _garbage("RTZR's result is not in the form that its documentation shows.", answer)
            return Finished(transcript)
        if state == "failed":
            return _job_failed(data.get("error"))
        if state != "transcribing":
            self._log_once(state)
        return Running(done_ms_of(data.get("progress")))

    def _authorised(self, request: Callable[[str], http.Answer]) -> http.Answer:
        """Return the 2xx answer to `request(token)`. A refused token is replaced once: it may have expired early.

        A token for which the account was refused is dropped: once that is put right, the next request signs in anew.
        """
        token = self._tokens.get()
        answer = request(token)
        if answer.status == 401:
            self._tokens.invalidate(token)
            token = self._tokens.get()
            answer = request(token)
        if not 200 <= answer.status < 300:
            error = _error(answer)
            if isinstance(error, AuthFailed):
                self._tokens.invalidate(token)
            raise error
        return answer

    def _authenticate(self) -> Token:
        """POST /v1/authenticate and return a fresh token. https://developers.rtzr.ai/docs/en/authentications/"""
        form = {"client_id": self._client_id, "client_secret": self._client_secret}
        try:
            answer = self._send("POST", "/v1/authenticate", self._auth_timeouts, form=form)
            if not 200 <= answer.status < 300:
                raise _error(answer)
        except (Rejected, AuthFailed) as error:  # H0001: the id or the secret is missing; H0002: it is wrong
            message = f"RTZR refuses the client id and secret: {error.message}"
            raise AuthFailed(message, code=error.code) from None
        except (VendorUnavailable, ProtocolError) as error:
            error.may_have_arrived = False  # this request carried no audio
            raise
        data = answer.json()
        fields = data if isinstance(data, dict) else {}
        value, expires_at = fields.get("access_token"), fields.get("expire_at")
        if not isinstance(value, str) or not _TOKEN.fullmatch(value):
            raise ProtocolError("RTZR's sign-in gave no token.", may_have_arrived=False)  # and no excerpt
        if not isinstance(expires_at, int | float) or not 0 < expires_at < 1e12:
            expires_at = 0.0  # not a valid time: the token is kept for the shortest time
        return Token(value, float(expires_at))

    def _send(
        self,
        method: str,
        path: str,
        timeouts: http.Timeouts,
        token: str = "",
        *,
        form: dict[str, str] | None = None,
        body: Multipart | None = None,
    ) -> http.Answer:
        return http.send(
            http.session(),
            method,
            self._base_url + path,
            timeouts=timeouts,
            headers={"Accept": "application/json"} | ({"Authorization": f"bearer {token}"} if token else {}),
            form=form,
            body=body,
            secrets=(token, self._client_secret),
        )

    def _log_once(self, state: str) -> None:
        """Log an undocumented state once. It counts as running, so a new state breaks nothing, but leaves a trace."""
        state = plain(state, 50)
        if state not in self._states_logged and len(self._states_logged) < _STATES_LOGGED_MAX:
            self._states_logged.add(state)
            log.warning("RTZR reports a job state that is not documented: %r; taken for running.", state)


def _error(answer: http.Answer) -> VendorError:
    """Return the error for the code in the answer, or the one for its status if the code is unknown.

    The codes are in the table of https://developers.rtzr.ai/docs/en/stt-file/.
    """
    code, message = _code_and_message(answer)
    wait_s = retry_after.parse(answer.headers, answer.json())
    match code if answer.status < 500 else "":
        # https://developers.rtzr.ai/docs/en/stt-file/
        case "H0001":  # 400, bad parameters; of all of them, people choose only the language
            reason = "language_unsupported" if "language" in message.lower() else "bad_parameters"
            return Rejected(reason, message, code=code)
        case "H0010":  # 400, format not supported
            return Rejected("unsupported_format", message, code=code)
        case "H0003":  # 403, the job of another account
            return Rejected("forbidden", message, code=code)
        case "H0004":  # 404, no such result
            return ResultGone("not_found", message, code=code)
        case "H0007":  # 410, the result has expired
            return ResultGone("expired", message, code=code)
        case "H0005":  # 413, too big
            return Rejected("too_large", message, code=code)
        case "H0006":  # 413, too long
            return Rejected("too_long", message, code=code)
        # https://developers.rtzr.ai/docs/en/authentications/
        case "H0002":  # 401, a second time, with a fresh token
            return AuthFailed(message or "RTZR refuses the token that it has just given.", code=code)
        # https://developers.rtzr.ai/docs/en/rate_limit/
        case "A0001":  # 429, the quota is used up
            return QuotaExhausted(wait_s, message, code=code)
        case "A0002":  # 429, too many concurrent jobs: polls go on, since finished jobs free the slots
            return Throttled(Scope.SUBMIT, wait_s, message, code=code)
        case "A0003":  # 429, polled too often
            return Throttled(Scope.ALL, wait_s, message, code=code)
    # E500 (500, an internal error of the vendor) says no more than its status.
    return http.error_of(answer, message, code=code)


def _code_and_message(answer: http.Answer) -> tuple[str, str]:
    """Return `code` and `msg` of an error body, empty if it has another form."""
    return _texts(answer.json(), "code", "msg", answer.secrets)


def _job_failed(error: object) -> JobFailed:
    """Return the JobFailed of a failed job's `{"code", "message"}`."""
    code, reason = _texts(error, "code", "message")
    return JobFailed(code, reason or "RTZR gave no reason.")


def _texts(data: object, code_key: str, text_key: str, secrets: tuple[str, ...] = ()) -> tuple[str, str]:
    fields = data if isinstance(data, dict) else {}
    code, text = fields.get(code_key), fields.get(text_key)
    return (
        plain(code, MAX_CODE, secrets) if isinstance(code, str) else "",
        plain(text, MAX_MESSAGE, secrets) if isinstance(text, str) else "",
    )


def _garbage(message: str, answer: http.Answer, *, may_have_arrived: bool = False) -> ProtocolError:
    return ProtocolError(message, may_have_arrived=may_have_arrived, excerpt=answer.excerpt())


def _model(language: str) -> str:
    # https://developers.rtzr.ai/docs/en/stt-file/language
    return SOMMERS if language in {"ko", "ja"} else WHISPER_MODEL


def _config(options: SubmitOptions, candidates: tuple[str, ...], audio: AudioSource) -> dict[str, object]:
    """Return the `config` of https://developers.rtzr.ai/docs/en/stt-file/; unset fields keep RTZR's defaults.

    `diarization` is sent only together with `use_diarization`, and `language_candidates` only with a mode: RTZR
    refuses them alone.
    """
    config: dict[str, object] = {
        "model_name": _model(options.language),
        "language": options.language,
        "use_word_timestamp": True,
    }
    if options.language in MODES and candidates:
        config["language_candidates"] = list(candidates)
    # Extensions of Mico's own service (docs/emulator.md).
    extensions = {"lead_ms": audio.lead_ms, "lead_tail_ms": audio.lead_tail_ms, "tail_ms": audio.tail_ms}
    config |= {name: ms for name, ms in extensions.items() if ms}
    if options.diarization:
        config |= {"use_diarization": True, "diarization": {"spk_count": max(0, options.speaker_count)}}
    if options.keywords:
        config["keywords"] = list(options.keywords)
    return config
