"""Consent, decisions, days and retention, from the service to the wire."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import aiohttp
import msgspec
import pytest
from aiohttp.test_utils import TestClient, TestServer
from support.recordings import pcm, wav
from support.toys import heard, tone, toy_service

from voiceprint.api import messages
from voiceprint.api.messages import Enrolled, Error, Hello, KnownAbout, Result, Start, Stop
from voiceprint.api.presenters import speaker_info
from voiceprint.api.session import Session
from voiceprint.domain.speaker import Enrollment
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError
from voiceprint.server import create_app
from voiceprint.server.run import RUNNER_OPTIONS
from voiceprint.service.bulk import enroll_files
from voiceprint.service.service import VoiceprintService
from voiceprint.storage import audit
from voiceprint.storage.audit_lines import AuditLine

ADA, BEN, STRANGER = 200, 400, 800
TODAY = datetime.now(UTC).date()
CONSENT = Consent(purpose="to be recognised at the door", expires=(TODAY + timedelta(days=30)).isoformat())


@pytest.fixture
def service(tmp_path: Path) -> Iterator[VoiceprintService]:
    with toy_service(tmp_path) as opened:
        yield opened


def admitted(service: VoiceprintService, pitch: int) -> list[Enrollment]:
    return [service.admit(service.listen(tone(pitch)))]


def enroll(service: VoiceprintService, name: str, pitch: int, consent: Consent | None = CONSENT) -> str:
    return service.enroll_new(name, admitted(service, pitch), consent=consent).speaker.id


def decisions(service: VoiceprintService) -> list[AuditLine]:
    return [line for line in audit.read(service.store) if line.event == "decision"]


def live(service: VoiceprintService, pitch: int, **fields: object) -> list[messages.ServerMessage]:
    session = Session(service, clock=lambda: 0.0)
    session.on_text(messages.encode(Hello(version=1)))
    start = {"mode": "identify", "encoding": "pcm_s16le", "sample_rate": 16_000, **fields}
    said = session.on_text(messages.encode(Start(**start)))  # type: ignore[arg-type]
    audio = pcm(tone(pitch))
    for at in range(0, len(audio), 6400):
        said += session.on_audio(audio[at : at + 6400])
    return said + session.on_text(messages.encode(Stop()))


def test_a_decision_is_noted_once_with_who_by_pseudonym_and_nothing_of_the_voice(service: VoiceprintService) -> None:
    ada = enroll(service, "Ada", ADA)
    said = [message for message in live(service, ADA) if isinstance(message, Result)]
    assert len(said) > 1  # there were guesses before the last word
    assert said[-1].status == "identified"
    service.conclude(service.identify(heard(service, STRANGER)))
    service.conclude(service.verify(ada, heard(service, STRANGER)))
    with service.store.reading() as rows:
        pseudonym = rows.seals.pseudonym(ada)
    assert [(line.subject, line.details) for line in decisions(service)] == [
        (pseudonym, {"mode": "identify", "status": "identified"}),
        (None, {"mode": "identify", "status": "unknown"}),
        (pseudonym, {"mode": "verify", "status": "rejected"}),
    ]


def test_only_who_is_recognised_is_seen_and_once_a_day(service: VoiceprintService, tmp_path: Path) -> None:
    ada, ben = enroll(service, "Ada", ADA), enroll(service, "Ben", BEN)
    service.conclude(service.verify(ben, heard(service, STRANGER)))
    for _ in range(3):
        service.conclude(service.identify(heard(service, ADA)))
    assert [speaker_info(who, service).last_seen for who in service.speakers()] == [TODAY.isoformat(), None]
    assert [line.event for line in audit.read(service.store)].count("seen") == 1
    service.close()
    with toy_service(tmp_path) as again:
        assert again.speaker(ada).profile.last_seen == TODAY.isoformat()
        assert again.identify(heard(again, ADA)).decision.speaker_id == ada


def test_a_decision_about_somebody_forgotten_meanwhile_is_noted_about_nobody(service: VoiceprintService) -> None:
    answer = service.identify(heard(service, ADA)) if enroll(service, "Ada", ADA) else None
    assert answer is not None
    service.forget(answer.decision.speaker_id or "")
    service.conclude(answer)
    assert [line.subject for line in decisions(service)] == [None]


def test_what_a_person_agreed_to_is_shown_with_the_day_it_ends(service: VoiceprintService) -> None:
    info = speaker_info(service.speaker(enroll(service, "Ada", ADA)), service)
    assert (info.consent, info.kept_until, info.kept_because) == (CONSENT, CONSENT.expires, "consent_expires")
    assert info.consent_at is not None
    bare = speaker_info(service.speaker(enroll(service, "Ben", BEN, None)), service)
    assert (bare.consent, bare.kept_because) == (None, "not_seen")
    assert bare.kept_until == (TODAY + timedelta(days=3 * 365)).isoformat()


def test_a_live_enrollment_needs_a_consent_given_now_or_before(service: VoiceprintService) -> None:
    (refusal,) = live(service, ADA, mode="enroll", name="Ada")
    assert isinstance(refusal, Error)
    assert (refusal.code, service.count()) == ("consent_missing", 0)
    first = live(service, ADA, mode="enroll", name="Ada", consent=CONSENT)[-1]
    assert isinstance(first, Enrolled)
    assert isinstance(live(service, ADA, mode="enroll", speaker=first.speaker.id)[-1], Enrolled)
    ben = enroll(service, "Ben", BEN, None)
    (refusal,) = live(service, BEN, mode="enroll", speaker=ben)
    assert isinstance(refusal, Error)
    assert refusal.code == "consent_missing"
    assert isinstance(live(service, BEN, mode="enroll", speaker=ben, consent=CONSENT)[-1], Enrolled)
    assert service.speaker(ben).profile.consent == CONSENT


def test_the_setting_asks_everybody_for_a_consent(tmp_path: Path) -> None:
    clip = tmp_path / "clip.wav"
    clip.write_bytes(wav(tone(ADA)))
    with toy_service(tmp_path) as free:
        assert enroll_files(free, "Ada", [clip], on_refusal=lambda *_: None) is not None
    with toy_service(tmp_path, require_consent=True) as strict:
        for ask in (
            lambda: enroll(strict, "Ben", BEN, None),
            lambda: enroll_files(strict, "Ben", [clip], on_refusal=lambda *_: None),
            lambda: enroll_files(strict, "Ada", [clip], on_refusal=lambda *_: None),
        ):
            with pytest.raises(InputError) as caught:
                ask()
            assert caught.value.code == "consent_missing"
        assert strict.count() == 1
        assert enroll(strict, "Ben", BEN)


def test_retention_erases_from_memory_too(service: VoiceprintService, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, ben = enroll(service, "Ada", ADA), enroll(service, "Ben", BEN, None)
    assert service.maintenance.sweep().receipts == ()
    monkeypatch.setattr("voiceprint.domain.retention.datetime", _Later)
    assert [receipt.speaker for receipt in service.maintenance.sweep().receipts] == [ada]
    assert service.identify(heard(service, ADA)).decision.status == "unknown"
    assert service.identify(heard(service, BEN)).decision.speaker_id == ben


class _Later(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(time.time() + 31 * 86_400, tz)


async def _client(service: VoiceprintService) -> TestClient:  # type: ignore[type-arg]
    server = TestServer(create_app(service, service.settings))
    await server.start_server(**RUNNER_OPTIONS)
    return TestClient(server)


def test_a_page_must_bring_a_consent_and_a_program_may_not(service: VoiceprintService) -> None:
    async def run() -> None:
        async with await _client(service) as client:
            page = {"Origin": f"http://{client.host}:{client.port}"}

            async def add(name: str, pitch: int, consent: Consent | None, headers: dict[str, str]) -> dict[str, object]:
                form = aiohttp.FormData({"name": name})
                if consent:
                    form.add_field("consent", msgspec.json.encode(consent).decode())
                form.add_field("audio", wav(tone(pitch)), filename="clip.wav")
                answer: dict[str, object] = await (await client.post("/v1/speakers", data=form, headers=headers)).json()
                return answer

            refused = await add("Ada", ADA, None, page)
            assert msgspec.convert(refused["error"], dict[str, str])["code"] == "consent_missing"
            assert (await add("Ada", ADA, CONSENT, page))["type"] == "enrolled"
            assert (await add("Ben", BEN, None, {}))["type"] == "enrolled"
            assert service.count() == 2

    asyncio.run(run())


def test_a_person_can_read_what_is_known_about_them(service: VoiceprintService) -> None:
    ada = enroll(service, "Ada", ADA)
    service.conclude(service.identify(heard(service, ADA)))

    async def run() -> None:
        async with await _client(service) as client:
            answer = await client.get(f"/v1/speakers/{ada}/export")
            known = messages.decode_server(await answer.text())
            assert isinstance(known, KnownAbout)
            assert (known.name, known.last_seen, known.consent) == ("Ada", TODAY.isoformat(), CONSENT)
            assert [event.event for event in known.log] == ["enrolled", "seen", "decision", "disclosed"]
            assert (await client.get("/v1/speakers/nobody/export")).status == 404

    asyncio.run(run())


def test_the_server_sweeps_at_its_start_and_logs_the_receipt(
    service: VoiceprintService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ada = enroll(service, "Ada", ADA)
    monkeypatch.setattr("voiceprint.domain.retention.datetime", _Later)

    async def run() -> None:
        async with await _client(service):
            for _ in range(100):
                if any("receipt" in record.getMessage() for record in caplog.records):
                    break
                await asyncio.sleep(0.02)

    asyncio.run(run())
    assert service.count() == 0
    (line,) = [record.getMessage() for record in caplog.records if "receipt" in record.getMessage()]
    assert ada in line
    assert "Ada" not in line
