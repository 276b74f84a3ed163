"""Strict reading of the JSON body of a control request, so that a mistake in a test is not ignored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from aiohttp import web

from .limits import RetryAfter

Name = TypeVar("Name", bound=str)


class FieldError(Exception):
    """A control request is invalid; the message is a sentence that says why."""


class Fields:
    """The fields of one body. `done` rejects fields that were not read."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body
        self._known: set[str] = set()

    @classmethod
    async def of(cls, request: web.Request) -> Fields:
        """Read the body of a request. An empty body counts as an empty object. Raises FieldError."""
        try:
            body = json.loads(await request.text() or "{}")
        except ValueError as error:
            raise FieldError("the body is not JSON") from error
        if not isinstance(body, dict):
            raise FieldError("the body has to be a JSON object")
        return cls(body)

    def has(self, name: str) -> bool:
        self._known.add(name)
        return name in self._body

    def number(self, name: str, default: float | None, *, at_least: float = 0.0) -> float | None:
        """Return a number, or None for null. Raises FieldError."""
        value = self._body[name] if self.has(name) else default
        if value is None or (_is_number(value) and value >= at_least):
            return value
        raise FieldError(f"{name} has to be a number of at least {at_least:g}, or null")

    def whole(self, name: str, default: int | None, *, at_least: int = 0) -> int | None:
        """Return a whole number, or None for null. Raises FieldError."""
        value = self._body[name] if self.has(name) else default
        if value is None or (_is_number(value) and isinstance(value, int) and value >= at_least):
            return value
        raise FieldError(f"{name} has to be a whole number of at least {at_least}, or null")

    def wholes(self, name: str, keys: tuple[str, ...], default: Mapping[str, int]) -> Mapping[str, int]:
        """Return whole numbers by some of `keys`, none for null. Raises FieldError."""
        value = self._body[name] if self.has(name) else default
        if value is None:
            return {}
        if isinstance(value, Mapping) and all(
            key in keys and _is_number(number) and isinstance(number, int) and number >= 0
            for key, number in value.items()
        ):
            return dict(value)
        raise FieldError(f"{name} has to give {' or '.join(keys)} a whole number of at least 0, or be null")

    def flag(self, name: str, default: bool) -> bool:
        value = self._body[name] if self.has(name) else default
        if isinstance(value, bool):
            return value
        raise FieldError(f"{name} has to be true or false")

    def choice(self, name: str, names: tuple[Name, ...], default: Name | None = None) -> Name:
        value = self._body[name] if self.has(name) else default
        for known in names:
            if value == known:
                return known
        raise FieldError(f"{name} has to be one of {', '.join(names)}")

    def text(self, name: str, default: str) -> str:
        value = self._body[name] if self.has(name) else default
        if isinstance(value, str) and value:
            return value
        raise FieldError(f"{name} has to be a string that is not empty")

    def retry_after(self, default: RetryAfter = None) -> RetryAfter:
        """Return a number or string to send unchanged, True for the correct seconds, or None for no header."""
        value = self._body["retry_after"] if self.has("retry_after") else default
        if value is None or value is True or _is_number(value):
            return value
        if isinstance(value, str) and value.isprintable():
            return value
        raise FieldError("retry_after has to be a number, a string on one line, true or null")

    def done(self) -> None:
        unknown = sorted(self._body.keys() - self._known)
        if unknown:
            raise FieldError(f"unknown field {unknown[0]}; known are {', '.join(sorted(self._known))}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
