from pathlib import Path

import pytest
from support.store_fixtures import enrollment, files, tamper

from voiceprint.storage import audit
from voiceprint.storage.store import Store


@pytest.fixture
def lived_in(store: Store) -> Store:
    ada = store.add_speaker("Adelheid", [enrollment(1)])
    store.rename(ada.id, "Ada")
    store.note("identified", ada.id, score=0.71, status="identified")
    store.note("identified", status="unknown")
    store.forget(ada.id, reason="asked")
    return store


def test_everything_that_was_done_is_in_it_and_nobody_by_name(lived_in: Store) -> None:
    lines = audit.read(lived_in)
    assert [line.event for line in lines] == ["created", "enrolled", "renamed", "identified", "identified", "erased"]
    assert len({line.subject for line in lines if line.subject}) == 1
    assert not any("Ad" in repr(line) for line in lines)
    assert b"identified" not in files(Path(lived_in.name).parent)
    report = audit.verify(lived_in)
    assert (report.lines, report.faults, report.whole) == (6, (), True)


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("DELETE FROM audit WHERE number = 3", "Lines 3 to 3 of the audit log are missing."),
        ("DELETE FROM audit WHERE number >= 5", "Lines 5 to 6 of the audit log are missing."),
        ("DELETE FROM audit", "Lines 1 to 6 of the audit log are missing."),
        ("UPDATE audit SET token = (SELECT token FROM audit WHERE number = 2) WHERE number = 4", "Line 4"),
        ("UPDATE audit SET chain = 'aa' WHERE number = 6", "Line 6 of the audit log was changed."),
        ("UPDATE audit SET token = zeroblob(200) WHERE number = 2", "Line 2 of the audit log was changed."),
        ("INSERT INTO audit SELECT 7, token, chain FROM audit WHERE number = 6", "Line 7 of the audit log was changed"),
    ],
)
def test_every_change_breaks_the_chain(lived_in: Store, sql: str, fault: str) -> None:
    tamper(Path(lived_in.name).parent, sql)
    report = audit.verify(lived_in)
    assert not report.whole
    assert any(said.startswith(fault) for said in report.faults), report.faults


def test_a_head_that_was_noted_must_be_there(lived_in: Store) -> None:
    head = audit.verify(lived_in).head
    lived_in.note("identified", status="unknown")
    assert audit.verify(lived_in, known_head=head).whole
    assert not audit.verify(lived_in, known_head="00" * 32).whole


def test_it_can_still_be_written_and_read_after_damage(lived_in: Store) -> None:
    tamper(Path(lived_in.name).parent, "UPDATE audit SET token = zeroblob(200) WHERE number = 2")
    lived_in.note("identified", status="unknown")
    assert len(audit.read(lived_in)) == 6
