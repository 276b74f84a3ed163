"""Two programs for the whole run, one of each engine; every test finds them as if they had just been started."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulator.program import Client, Program


@pytest.fixture(scope="session")
def echo_program() -> Iterator[Program]:
    with Program("--engine", "echo") as program:
        yield program


@pytest.fixture(scope="session")
def speech_program() -> Iterator[Program]:
    with Program("--engine", "pocketsphinx") as program:
        yield program


@pytest.fixture
def echo(echo_program: Program) -> Program:
    echo_program.control("reset", tokens=True)
    return echo_program


@pytest.fixture
def client(echo: Program) -> Client:
    """An account at the echo."""
    return echo.client()


@pytest.fixture
def speech(speech_program: Program) -> Program:
    speech_program.control("reset", tokens=True)
    return speech_program


@pytest.fixture
def listener(speech: Program) -> Client:
    """An account at the recogniser."""
    return speech.client()
