"""Two servers over one store answer alike: what one enrolled or forgot, the other knows at its next answer."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from support.postgres import PostgresServer
from support.toys import ToyEncoder, heard, tone, toy_service

from voiceprint.service.service import VoiceprintService


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


def test_of_many_that_ask_at_once_one_reads_for_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with toy_service(tmp_path) as service, ThreadPoolExecutor(8) as threads:
        looked = []
        version = service.store.data_version

        def slow() -> int:
            looked.append(version())
            time.sleep(0.3)
            return looked[-1]

        monkeypatch.setattr(service.store, "data_version", slow)
        list(threads.map(lambda _: service.refresh(), range(8)))
        assert 1 <= len(looked) <= 3
        before = len(looked)
        service.refresh()
        assert len(looked) == before + 1, "what asks later looks again"


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


@contextmanager
def confirming(*services: VoiceprintService) -> Iterator[None]:
    """As servers do beside their answers."""
    over = Event()

    def confirm(service: VoiceprintService) -> None:
        while not over.wait(0.05):
            service.presence.confirm()

    threads = [Thread(target=confirm, args=(service,)) for service in services]
    for service, thread in zip(services, threads, strict=True):
        service.presence.confirm()
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()


def test_a_receipt_names_both_servers_and_neither_was_asked_anything(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    address = postgres_server.new_database()
    with toy_service(tmp_path, store=address) as one, toy_service(tmp_path, store=address) as other:
        ada, ben = enroll(one, "Ada", 400), enroll(one, "Ben", 800)
        with confirming(one, other):
            receipt = one.forget(ada).receipt
            assert (len(receipt.confirmed_by or ()), receipt.unconfirmed) == (2, ())
            assert ada not in other.enrolled.scope().gallery
        other.presence.leave()
        receipt = one.forget(ben).receipt
        assert (len(receipt.confirmed_by or ()), receipt.unconfirmed) == (1, ())


def test_two_servers_that_forget_at_once_do_not_wait_for_each_other(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    address = postgres_server.new_database()
    with toy_service(tmp_path, store=address) as one, toy_service(tmp_path, store=address) as other:
        gone = [(one, enroll(one, "Ada", 400)), (other, enroll(other, "Ben", 800))]
        receipts = []
        with confirming(one, other):
            threads = [
                Thread(target=lambda service=service, who=who: receipts.append(service.forget(who).receipt))
                for service, who in gone
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        assert [(len(one.confirmed_by or ()), one.unconfirmed) for one in receipts] == [(2, ()), (2, ())]


def test_the_one_server_over_a_file_names_itself_at_once(tmp_path: Path) -> None:
    with toy_service(tmp_path) as service:
        service.presence.confirm()
        receipt = service.forget(enroll(service, "Ada", 400)).receipt
        assert (len(receipt.confirmed_by or ()), receipt.unconfirmed) == (1, ())
