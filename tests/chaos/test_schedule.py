"""The schedule: the same for the same seed, with every kind of fault, within its time."""

import pytest

from tests.chaos.faults import BY_NAME, FAULTS
from tests.chaos.fleet import Database
from tests.chaos.schedule import faults_for, schedule


def test_a_seed_gives_one_schedule() -> None:
    assert schedule(7, 100, 60, "sqlite") == schedule(7, 100, 60, "sqlite")
    assert schedule(7, 100, 60, "sqlite") != schedule(8, 100, 60, "sqlite")


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_kind_is_made_and_each_within_its_bounds(database: Database) -> None:
    strikes = schedule(7, 100, 60, database)
    assert {strike.fault for strike in strikes} == {fault.name for fault in faults_for(database)}
    assert [strike.at_s for strike in strikes] == sorted(strike.at_s for strike in strikes)
    assert all(0 <= strike.at_s <= 60 for strike in strikes)
    for strike in strikes:
        fault = BY_NAME[strike.fault]
        assert strike.target in fault.targets
        assert fault.seconds[0] <= strike.seconds <= fault.seconds[1]
        assert fault.only in {None, database}
        assert not fault.off


def test_names_are_names() -> None:
    assert len(BY_NAME) == len(FAULTS)
