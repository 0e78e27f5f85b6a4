from pathlib import Path

import pytest
from support.store_fixtures import enrollment, tamper

from voiceprint.storage.maintenance.check import check
from voiceprint.storage.store import Store


@pytest.fixture
def lived_in(store: Store) -> Store:
    store.add_speaker("Ben", [enrollment(2), enrollment(3)])
    store.forget(store.add_speaker("Ada", [enrollment(1)]).id)
    return store


def test_a_sound_store(lived_in: Store) -> None:
    report = check(lived_in)
    assert (report.whole, report.damaged, report.faults) == (True, (), ())
    assert (report.speakers, report.enrollments, report.forgotten, report.audit_lines, report.epoch) == (1, 2, 1, 4, 1)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE speakers SET body = zeroblob(50)", "is damaged or was put back"),
        ("UPDATE speakers SET key = zeroblob(50)", "is damaged or was put back"),
        ("DELETE FROM speakers", "was taken away without being forgotten"),
        ("DELETE FROM audit WHERE number = 1", "audit log"),
        ("DELETE FROM tombstones", "1 marks of forgotten speakers were taken away."),
        ("UPDATE speakers SET generation = 7", "is damaged or was put back"),
    ],
)
def test_what_is_wrong_is_said(folder: Path, lived_in: Store, sql: str, said: str) -> None:
    tamper(folder, sql)
    report = check(lived_in)
    assert not report.whole
    assert any(said in fault for fault in report.faults), report.faults
