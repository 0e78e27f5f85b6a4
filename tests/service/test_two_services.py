"""Two servers over one store answer alike: what one enrolled or forgot, the other knows at its next answer."""

from pathlib import Path

import pytest
from support.postgres import PostgresServer
from support.toys import ToyEncoder, heard, tone, toy_service

from voiceprint.service.service import VoiceprintService


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest) -> str | None:
    """The address of a database; None for the file of a data folder."""
    if request.param == "sqlite":
        return None
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database()


def told(service: VoiceprintService, pitch: int) -> str | None:
    """The name of a voice."""
    speaker = service.get(service.identify(heard(service, pitch)).decision.speaker_id or "")
    return speaker.name if speaker else None


def enroll(service: VoiceprintService, name: str, pitch: int) -> str:
    return service.enroll_new(name, [service.admit(service.listen(tone(pitch)))]).speaker.id


def test_what_one_server_changed_the_other_answers_by(tmp_path: Path, address: str | None) -> None:
    with toy_service(tmp_path, store=address) as one, toy_service(tmp_path, store=address) as other:
        ada = enroll(one, "Ada", 400)
        assert (told(one, 400), told(other, 400), told(other, 800)) == ("Ada", "Ada", None)
        ben = enroll(other, "Ben", 800)
        one.rename(ada, "Adelheid")
        assert (told(other, 400), told(one, 800), other.count()) == ("Adelheid", "Ben", 2)
        other.enroll_more(ben, [other.admit(other.listen(tone(800, 5.0)))])
        assert len(one.named("Ben").enrollments) == 2
        one.forget(ada)
        assert (told(other, 400), other.find("Adelheid"), other.count()) == (None, None, 1)
        assert other.find("ben") is not None
        cem = enroll(one, "Cem", 1200)
        other.forget(cem)
        assert (told(one, 1200), one.count()) == (None, 1)  # also whom this server enrolled itself


def test_speakers_of_the_former_encoder_are_followed_too(tmp_path: Path, address: str | None) -> None:
    with toy_service(tmp_path, store=address) as before:
        enroll(before, "Ada", 400)
        from voiceprint.service.factory import identity_of
        from voiceprint.storage.maintenance.encoder_migration import begin

        new = ToyEncoder(1)
        begin(before.store, identity_of(new), enroll_waiting=False)
    with (
        toy_service(tmp_path, new, former=ToyEncoder(), store=address) as one,
        toy_service(tmp_path, new, former=ToyEncoder(), store=address) as other,
    ):
        assert other.gallery_sizes == (0, 1)
        ben = enroll(one, "Ben", 800)
        assert other.count() == 2
        assert other.gallery_sizes == (1, 1)
        ada = one.named("Ada")
        one.enroll_more(ada.id, [one.admit(one.listen(tone(400)))])
        one.forget(ben)
        assert (other.count(), other.gallery_sizes) == (1, (1, 0))
