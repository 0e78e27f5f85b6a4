"""The robustness programs, at as many rounds as a test run can afford; each takes a number for more."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support.postgres import programs

HERE = Path(__file__).resolve().parent

pytestmark = pytest.mark.slow


def run(*command: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, str(HERE), *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    counts: dict[str, Any] = json.loads(done.stdout)
    return counts


def test_no_kill_loses_or_tears_anything() -> None:
    counts = run("crash", "50")
    assert (counts["kills"], counts["lost"], counts["torn"]) == (50, 0, 0)


@pytest.mark.skipif(programs() is None, reason="needs PostgreSQL (apt-get install postgresql)")
def test_no_kill_loses_or_tears_anything_in_a_database() -> None:
    counts = run("crash", "20", "--postgres")
    assert (counts["kills"], counts["lost"], counts["torn"]) == (20, 0, 0)
    counts = run("swap", "4", "--postgres")
    assert (counts["swaps"] > 150, counts["accepted"]) == (True, 0)


@pytest.mark.skipif(programs() is None, reason="needs PostgreSQL (apt-get install postgresql)")
def test_no_dropped_connection_loses_or_tears_anything() -> None:
    counts = run("dropped")
    assert counts["faults"] > 80
    assert (counts["lost"], counts["torn"]) == (0, 0)


@pytest.mark.skipif(programs() is None, reason="needs PostgreSQL (apt-get install postgresql)")
def test_several_servers_lose_nothing_when_they_and_the_database_fail() -> None:
    counts = run("servers", "--kills", "6", "--restarts", "2", "--clients", "12")
    assert (counts["kill"], counts["restart"], counts["lost"], counts["torn"], counts["wrong"]) == (6, 2, 0, 0, 0)
    assert counts["enrolled"] > 0


def test_scopes_on_demand_answer_rightly_within_their_budget() -> None:
    counts = run("scopes", "--scopes", "60", "--voices", "20", "--memory", "2", "--questions", "150")
    assert counts["wrong"] == 0
    assert 1 < counts["loaded"] < 60
    assert counts["accounted_megabytes"] <= 2


def test_no_change_of_the_files_gives_anybody_another_identity() -> None:
    counts = run("mutation", "1000")
    assert (counts["mutations"], counts["wrong_identities"], counts["crashes"]) == (1000, 0, 0)


def test_no_swap_of_records_makes_anybody_somebody_else() -> None:
    counts = run("swap", "10")
    assert (counts["swaps"] > 1000, counts["accepted"]) == (True, 0)


def test_no_recording_reaches_the_disk(speech_dev: Path) -> None:
    counts = run("disk", "8", "--speech", str(speech_dev))
    assert (counts["clips"], counts["hits"]) == (12, [])


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_server_opens_nothing_for_writing_but_its_store(speech_dev: Path) -> None:
    counts = run("disk", "8", "--speech", str(speech_dev), "--trace")
    assert counts["hits"] == []
    assert any(path.endswith("voiceprint.db") for path in counts["written"])  # the trace sees what it looks for


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler for the library that makes writes fail")
def test_no_failing_write_loses_or_tears_anything() -> None:
    counts = run("fault")
    assert counts["faults"] > 500
    assert (counts["lost"], counts["torn"]) == (0, 0)


def test_no_nonsense_breaks_a_way_in() -> None:
    counts = run("fuzz", "2000")
    assert (counts["inputs"], counts["crashes"], counts["found"]) == (2000, 0, [])
