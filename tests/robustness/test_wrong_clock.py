"""A clock that is wrong by years, at the start or while the server runs: nobody is erased without a word."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest
from support.store_fixtures import enrollment
from support.toys import toy_service

from robustness.sizes import FULL
from voiceprint.domain.retention import Retention
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import StoreError
from voiceprint.server.app import create_app
from voiceprint.server.context import CONTEXT
from voiceprint.server.retention_task import sweep_once
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.maintenance.retention import sweep
from voiceprint.storage.store import Store

TODAY = datetime.now(UTC).date()
HOMES = (1, 4, 10, 100) if FULL else (1, 4, 12)


def clock(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    """All of retention sees a clock that is so many days ahead."""

    class Wrong(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Self:
            return cls.fromtimestamp(datetime.now(UTC).timestamp() + days * 86_400, UTC)

    monkeypatch.setattr("voiceprint.domain.retention.datetime", Wrong)


def household(store: Store, people: int) -> None:
    """Half of them with a consent that ends in a year."""
    until = Consent(purpose="door", expires=(TODAY + timedelta(days=365)).isoformat())
    for number in range(people):
        store.add_speaker(f"Person {number}", [enrollment(number)], consent=until if number % 2 else None)


def run_server(service: VoiceprintService) -> None:
    """What the server does at its start and once a day."""

    async def run() -> None:
        app = create_app(service, service.settings)
        await sweep_once(app[CONTEXT])
        app[CONTEXT].close()

    asyncio.run(run())


@pytest.mark.parametrize("people", HOMES)
@pytest.mark.parametrize("days", [1500, -20_000])
@pytest.mark.parametrize("when", ["at start", "while running"])
def test_nobody_is_erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: int, days: int, when: str) -> None:
    with toy_service(tmp_path) as service:
        household(service.store, people)
    with toy_service(tmp_path) as service:
        if when == "while running":
            run_server(service)
        clock(monkeypatch, days)
        for _ in range(3):
            run_server(service)
        service.store.note("decision")  # what happens meanwhile bears the wrong time
        run_server(service)
        assert service.count() == people
        monkeypatch.undo()
        run_server(service)
        assert service.count() == people


def test_who_was_enrolled_by_a_clock_of_1971_waits_for_an_operator(store: Store) -> None:
    long_ago = datetime(1971, 3, 1, tzinfo=UTC).timestamp()
    sweep(store, unattended=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("voiceprint.storage.store.time.time", lambda: long_ago)
        old = enrollment(1)
        store.add_speaker("Ada", [type(old)(old.id, old.embedding, 3.5, "", long_ago)])
    done = sweep(store, unattended=True)
    assert (len(done.waiting), done.receipts) == (1, ())
    assert len(sweep(store).receipts) == 1


def test_a_clock_that_goes_day_by_day_is_believed_and_an_operator_is_after_any_jump(store: Store) -> None:
    household(store, 2)
    day, erased = TODAY, 0
    while day < TODAY + timedelta(days=1200):
        erased += len(sweep(store, unattended=True, today=day).receipts)
        day += timedelta(days=31)
    assert erased == 2
    household(store, 4)
    later = date(2200, 1, 1)
    with pytest.raises(StoreError) as caught:
        sweep(store, unattended=True, today=later)
    assert caught.value.code == "clock_jumped"
    assert str(later) in caught.value.message
    assert len(sweep(store, today=later).receipts) == 4
    assert sweep(store, unattended=True, today=later + timedelta(days=31)).receipts == ()


def test_a_dry_run_moves_nothing(store: Store) -> None:
    sweep(store, Retention(), today=TODAY + timedelta(days=5000), dry_run=True)
    assert sweep(store, unattended=True).due == ()
