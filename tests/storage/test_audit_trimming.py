import time
from pathlib import Path

import pytest
from support.store_fixtures import enrollment, tamper

from voiceprint.errors import ConfigError, StoreError
from voiceprint.storage import audit
from voiceprint.storage.maintenance.audit_trimming import trim
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.store import Store

DAY = 86_400


def test_the_oldest_lines_go_and_the_rest_still_proves_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voiceprint.storage.maintenance.audit_trimming._BATCH", 3)
    old = [store.add_speaker(f"Person {number}", [enrollment(number)]) for number in range(4)]
    renew(store)
    store.forget(old[0].id)
    store.rename(old[1].id, "Ada")
    assert trim(store, days=1) == 0
    before = audit.verify(store)
    _age(store, monkeypatch, days=10)
    store.note("decision", old[2].id, mode="identify", status="identified")
    head = audit.verify(store).head
    assert trim(store, days=5) == before.lines
    report = audit.verify(store, known_head=head)
    assert (report.whole, report.trimmed, report.lines) == (True, before.lines, before.lines + 2)
    assert [line.event for line in audit.read(store)] == ["decision", "trimmed"]
    assert audit.verify(store, known_head=before.head).whole  # the last line that went is where the chain begins
    assert not audit.verify(store, known_head="0" * 64).whole
    assert check(store).whole


def test_who_was_put_back_is_still_noticed_after_the_lines_about_them_went(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    stays = store.add_speaker("Ada", [enrollment(1)])
    gone = store.add_speaker("Ben", [enrollment(2)])
    _age(store, monkeypatch, days=10)
    trim(store, days=5)
    assert trim(store, days=5) == 0
    tamper(folder, "DELETE FROM speakers WHERE id = ?", gone.id)
    loaded = store.load()
    assert [who.id for who in loaded.speakers] == [stays.id]
    (missing,) = loaded.damaged
    assert missing.startswith("missing-")
    store.forget(missing)
    assert check(store).whole


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM audit WHERE number = 2",
        "UPDATE audit SET chain = replace(chain, substr(chain, 1, 1), 'x') WHERE number = 2",
        "UPDATE audit SET token = (SELECT token FROM audit WHERE number = 1) WHERE number = 2",
    ],
)
def test_a_broken_log_is_never_trimmed(folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    for number in range(4):
        store.add_speaker(f"Person {number}", [enrollment(number)])
    _age(store, monkeypatch, days=10)
    tamper(folder, sql)
    with pytest.raises(StoreError) as caught:
        trim(store, days=5)
    assert caught.value.code == "audit_broken"
    assert not audit.verify(store).whole


def test_a_beginning_taken_away_or_from_elsewhere_is_noticed(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add_speaker("Ada", [enrollment(1)])
    _age(store, monkeypatch, days=10)
    trim(store, days=5)
    tamper(folder, "UPDATE meta SET value = (SELECT value FROM meta WHERE key = 'state') WHERE key = 'audit'")
    with pytest.raises(StoreError) as caught:
        audit.verify(store)
    assert caught.value.code == "store_damaged"
    tamper(folder, "DELETE FROM meta WHERE key = 'audit'")
    assert not audit.verify(store).whole


def test_a_log_is_kept_for_a_day_at_least(store: Store) -> None:
    with pytest.raises(ConfigError):
        trim(store, days=0)


def _age(store: Store, monkeypatch: pytest.MonkeyPatch, *, days: int) -> None:
    """From now on it is so many days later; the store must have been opened before."""
    assert store.id
    now = time.time() + days * DAY
    monkeypatch.setattr("time.time", lambda: now)
