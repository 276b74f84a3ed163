"""The smallest run of the benchmark of claims."""

from typing import Any

import pytest

from benchmarks.claims import command


def test_it_claims_with_each_length_of_the_queue(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    written: dict[str, Any] = {}
    monkeypatch.setattr(command, "write", written.__setitem__)

    command.main(["--runs", "10", "--sizes", "0", "40"])

    assert set(written["claims"]["ms"]) == {"0", "40"}
    assert "times as much" in capsys.readouterr().out
