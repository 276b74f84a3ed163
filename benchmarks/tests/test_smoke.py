"""The smallest run of each benchmark: it prints its table, and a law holds that no machine is too slow for."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import live, notice, page, pools, speakers, whole
from benchmarks.accuracy import command as accuracy
from benchmarks.gate import command as gate
from benchmarks.gate.policies import NAMES
from benchmarks.pipeline import command as pipeline
from benchmarks.pipeline.stages import STAGES
from benchmarks.polling import command as polling
from benchmarks.polling import single
from benchmarks.polling.schedules import LEARNERS, RULES

Figures = Callable[[str], Any]
Captured = pytest.CaptureFixture[str]


def test_the_gate(capsys: Captured) -> None:
    gate.main(["--scenario", "bucket, Retry-After", "--seed", "101"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in NAMES)
    assert "targets reached: 1 of 1" in printed
    assert "baselines that do not know the limit and beat Mico on both axes: none" in printed


def test_polling(capsys: Captured, figures: Figures) -> None:
    polling.main(["--world", "clips, steady", "--seed", "101", "--budget-seconds", "20"])
    printed = capsys.readouterr().out
    assert all(name in printed for name in (*LEARNERS, *RULES, single.OPTIMUM))
    found = figures("polling")
    rows = found["worlds"]["clips, steady"]
    assert list(rows) == [phase.name for phase in single.PHASES if phase.name]
    costs = {name: cell["cost_ratio"] for name, cell in rows[single.LEARNED].items()}
    assert costs[single.OPTIMUM] == 1
    # The optimum is the best on average: chance lets a schedule be a little better on 300 jobs.
    assert min(costs.values()) > 0.9
    assert all(row["polls_per_s"] <= 8.01 for row in found["budget"].values())


@pytest.mark.slow
def test_the_whole(capsys: Captured, figures: Figures) -> None:
    whole.main(["--no-clone", "--clips", "2", "--megabytes", "1"])
    assert '"last_byte_to_words_ms"' in capsys.readouterr().out
    found = figures("whole")
    assert {"web", "dispatch", "worker-1", "worker-5", "emulator", "redis"} <= set(found["rss_mb_at_rest"])
    assert found["vendor_requests_per_transcription"]["submit"] == 1
    assert found["last_byte_to_words_ms"]["p50"] > found["last_byte_to_vendor_ms"]["p50"] > 0


@pytest.mark.slow
@pytest.mark.browser
def test_the_page(capsys: Captured, figures: Figures) -> None:
    page.main(["--lines", "200", "--changes", "3", "--loads", "2"])
    assert '"reading_all"' in capsys.readouterr().out
    found = figures("page")
    assert found["reading_all"]["lines"] == 200 + 3
    assert found["server"]["window"]["bytes"] < found["server"]["page"]["bytes"]
    assert found["browser"]["first_paint_p50_ms"] > 0
    assert found["changes"]["requests"] > 0


@pytest.mark.slow
def test_pools(capsys: Captured, figures: Figures) -> None:
    pools.main(["--korean", "3", "--english", "3", "--job", "0.5"])
    assert "3 Korean clips after 3 English ones" in capsys.readouterr().out
    found = figures("pools")
    assert found["alone"]["seconds"] > 0
    assert found["ratio"] > 0


@pytest.mark.slow
@pytest.mark.browser
def test_the_notice(capsys: Captured, figures: Figures) -> None:
    notice.main(["--episodes", "2", "--sockets", "20"])
    printed = capsys.readouterr().out
    assert "10 sockets, 2 episodes" in printed
    assert "20 sockets, 2 episodes" in printed
    for part in (figures("notice")["alone"], figures("notice")["crowd"]):
        assert part["sockets_told_wrong"] == 0
        assert 0 < part["each_socket_ms"]["p50"] <= part["last_socket_ms"]["p95"]
        assert part["banner_painted_ms"]["p50"] >= part["banner_seen_ms"]["p50"] > 0


@pytest.mark.slow
@pytest.mark.browser
def test_speaking_live(capsys: Captured, figures: Figures) -> None:
    live.main(["--small", "--engine", "pocketsphinx", "--speakers", "2"])
    assert "2 at once" in capsys.readouterr().out
    run = figures("live")["runs"]["2"]
    assert len(run["wrong"]) == 2
    assert run["words_found"] > 0
    # No word is on the page before it was spoken, within the errors of the words' times.
    assert run["late_s"]["p50"] > 0
    assert run["late_s"]["max"] >= run["late_s"]["p95"] >= run["late_s"]["p50"]


@pytest.mark.slow
@pytest.mark.browser
def test_the_pipeline(capsys: Captured, figures: Figures) -> None:
    pipeline.main(["--clips", "4", "--warm", "2", "--workers", "--sockets", "20"])
    printed = capsys.readouterr().out
    assert all(stage in printed for stage in STAGES)
    found = figures("pipeline")
    every_second, every_five = (found["schedules"][name]["added_ms"]["p50"] for name in pipeline.SCHEDULES)
    assert every_five > every_second
    assert found["mico"]["browser"]["added_ms"]["p50"] > 0


@pytest.mark.slow
def test_a_fleet_of_the_pipeline(capsys: Captured) -> None:
    asked = pipeline.arguments(["--clips", "4", "--warm", "2", "--seconds", "1"])
    found = pipeline.fleet(asked, "Forking", 1)
    assert "1 × Forking" in capsys.readouterr().out
    assert found["carried_per_s"] > 0
    assert found["rss_mb"]["worker"] > 0


def test_accuracy(capsys: Captured, figures: Figures, tmp_path: Path) -> None:
    accuracy.main(
        [
            *("--no-download", "--recording", "speech_rms_1", "--sound", "silence", "--cut", "3"),
            *("--tries", "2", "--minutes", "2", "--cache", str(tmp_path / "cache")),
        ]
    )
    printed = capsys.readouterr().out
    assert "words out of 1 sounds without speech: 0" in printed
    found = figures("accuracy")
    assert list(found["engines"]) == ["pocketsphinx", "base"]
    for engine in found["engines"].values():
        assert engine["rows"]["en, speech_rms_1"]["wrong"] == 0
        assert engine["rows"]["en, speech_rms_1"]["cpu_factor"] > 0
        assert engine["peak_mb"] > 50
        assert engine["clips_s"]["beside a file"]["p95"] > 0
    assert "en, by telephone" in found["engines"]["base"]["rows"]
    assert found["windows"]["base"]["15 s, clips of 3 s"]["wrong"] == 0


@pytest.mark.slow
@pytest.mark.skipif(
    not all(map(shutil.which, ("flite", "espeak-ng"))), reason="needs Debian's flite and espeak-ng"
)
def test_the_speakers(capsys: Captured, figures: Figures) -> None:
    speakers.main(["--conversations", "3", "--people", "1", "2", "--no-whisper"])
    assert '"number_right"' in capsys.readouterr().out
    found = figures("speakers")["synthetic"]
    assert list(found) == ["1", "2"]
    assert found["1"]["voice"]["given"] == found["1"]["pitch"]["given"] == 0
    assert found["2"]["voice"]["given"] <= found["2"]["pitch"]["given"]
