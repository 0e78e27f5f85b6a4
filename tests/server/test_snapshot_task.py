"""The server keeps the parts, and leaves out whose rows it finds damaged."""

import asyncio
import logging

import pytest
from support.store_fixtures import enrollment, tamper

from voiceprint.config import Settings
from voiceprint.server.context import Context
from voiceprint.server.snapshot_task import visit_parts
from voiceprint.service.maintenance import Maintenance
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.snapshot.snapshot import load_parts


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voiceprint.server.snapshot_task.PAUSE_SECONDS", 0)


def test_few_speakers_need_none(service: VoiceprintService, settings: Settings) -> None:
    service.enroll_new("Ada", [enrollment(1)])
    context = Context(service, settings, names=())
    asyncio.run(visit_parts(context))
    context.close()
    with service.store.reading() as rows:
        assert load_parts(rows) is None


def test_many_are_sealed_and_whoever_is_damaged_is_left_out(
    service: VoiceprintService,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("voiceprint.storage.maintenance.snapshot_keeper.FROM_SPEAKERS", 2)
    ada, ben = (service.enroll_new(name, [enrollment(seed)]).speaker for seed, name in enumerate(("Ada", "Ben")))
    context = Context(service, settings, names=())
    asyncio.run(visit_parts(context))
    with service.store.reading() as rows:
        loaded = load_parts(rows)
    assert loaded is not None
    assert {who.id for who in loaded.speakers} == {ada.id, ben.id}
    tamper(settings.data, "UPDATE records SET token = zeroblob(50) WHERE speaker_id = ?", ada.id)
    service.maintenance = Maintenance(service.store, service.enrolled, service.maintenance.retention)  # a new start
    with caplog.at_level(logging.ERROR):
        asyncio.run(visit_parts(context))
    context.close()
    assert service.damaged == (ada.id,)
    assert service.get(ada.id) is None
    assert ada.id not in service.enrolled.gallery
    assert service.get(ben.id) is not None
    assert ada.id in caplog.text
    assert "Ada" not in caplog.text
