"""A minute of chaos on each database, with a seed of its own; `make chaos` runs longer ones (docs/chaos.md)."""

import os

import pytest

from tests.chaos.fleet import Database
from tests.chaos.postgresql import NONE, programs
from tests.chaos.report import failures, table
from tests.chaos.run import run

pytestmark = pytest.mark.slow

SEEDS: dict[Database, int] = {"sqlite": 1, "postgresql": 2}
FAULTS = 55  # each kind at least once
SECONDS = 60.0


@pytest.mark.parametrize("database", SEEDS)
def test_a_minute_of_chaos_loses_nothing(database: Database) -> None:
    if database == "postgresql" and programs() is None:
        if os.environ.get("CI") == "true":
            pytest.fail(NONE)
        pytest.skip(NONE)
    lines: list[str] = []
    outcome = run(database, SEEDS[database], FAULTS, SECONDS, tell=lines.append)
    wrong = failures(outcome)
    told = "\n".join([*lines, table(outcome), *wrong])
    assert not wrong, told
    assert not [struck for struck in outcome.struck if struck.error], told
    assert outcome.confirmed > 20, told
