"""Recordings into the service: one file, a speaker's files, or a folder of speakers."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from voiceprint.audio.channels import ANY, Choice
from voiceprint.audio.recording import Recording
from voiceprint.domain.names import clean_name, name_key
from voiceprint.domain.speaker import Enrollment
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError, SpeechError
from voiceprint.service.bulk_workers import BulkWorkers
from voiceprint.service.recording_file import read_recording
from voiceprint.service.results import EnrollmentOutcome
from voiceprint.service.service import VoiceprintService

__all__ = ["AlreadyEnrolledError", "Folder", "enroll_files", "enroll_folders", "find_folders", "read_clip"]

OnRefusal = Callable[[Path, InputError], None]


class AlreadyEnrolledError(SpeechError):
    """Exactly this file was enrolled before; nothing needs to be done."""


@dataclass(frozen=True, slots=True)
class Folder:
    """One speaker of a folder of speakers."""

    name: str
    files: tuple[Path, ...]


def read_clip(service: VoiceprintService, path: Path) -> tuple[bytes, Recording]:
    """A recording's bytes and what they sound like. Raises AudioError."""
    data = read_recording(path, max_bytes=service.settings.max_upload_bytes)
    return data, service.decode(data)


def enroll_files(
    service: VoiceprintService,
    name: str,
    files: Sequence[Path],
    *,
    on_refusal: OnRefusal,
    consent: Consent | None = None,
    choice: Choice = ANY,
    force: bool = False,
) -> EnrollmentOutcome | None:
    """The outcome of enrolling a speaker's usable recordings, all in one write; None for none.

    ``on_refusal``: called with each recording that is not usable. ``force``: take what does not sound like the speaker,
    too. Raises SpeakerError for a bad name; SpeechError (``not_enough_speech``); InputError (``consent_missing``).
    """
    with BulkWorkers(service, choice) as workers:
        return _Speaker(service, name, files, workers, consent, force).enroll(on_refusal)


def enroll_folders(
    service: VoiceprintService,
    folders: Iterable[Folder],
    *,
    on_refusal: OnRefusal,
    consent: Consent | None = None,
    choice: Choice = ANY,
    force: bool = False,
) -> Iterator[tuple[Folder, EnrollmentOutcome | None]]:
    """Each folder with the outcome of ``enroll_files``, in order.

    The recordings of the next folders are encoded meanwhile. ``on_refusal``: also called with the path of a folder
    whose speaker cannot be enrolled; its outcome is None.
    """
    with BulkWorkers(service, choice) as workers:
        begun: deque[tuple[Folder, _Speaker | InputError]] = deque()
        for folder in folders:
            try:
                begun.append((folder, _Speaker(service, folder.name, folder.files, workers, consent, force)))
            except InputError as error:
                begun.append((folder, error))
            while workers.is_busy and len(begun) > 1:
                yield _enrolled(*begun.popleft(), on_refusal)
        while begun:
            yield _enrolled(*begun.popleft(), on_refusal)


def _enrolled(
    folder: Folder, speaker: "_Speaker | InputError", on_refusal: OnRefusal
) -> tuple[Folder, EnrollmentOutcome | None]:
    try:
        if isinstance(speaker, InputError):
            raise speaker
        return folder, speaker.enroll(on_refusal)
    except InputError as error:
        on_refusal(folder.files[0].parent, error)
        return folder, None


class _Speaker:
    """One speaker, while the recordings are encoded.

    Raises SpeakerError; InputError (``consent_missing``).
    """

    def __init__(
        self,
        service: VoiceprintService,
        name: str,
        files: Sequence[Path],
        workers: BulkWorkers,
        consent: Consent | None,
        force: bool,
    ) -> None:
        self._service = service
        self._force = force
        self._name = clean_name(name)
        self._consent = consent
        speaker = service.enrolled.find(self._name)
        service.check_consent(consent, speaker.id if speaker else None)
        self._heard = [(path, workers.hear(path, self._check)) for path in files]

    def enroll(self, on_refusal: OnRefusal) -> EnrollmentOutcome | None:
        """The outcome of enrolling what is usable, once all of it is encoded."""
        service, speaker = self._service, self._service.enrolled.find(self._name)
        takes = self._own(self._admitted(on_refusal), speaker.id if speaker else None, on_refusal)
        if not takes:
            return None
        if speaker is None:
            return service.enroll_new(self._name, takes, consent=self._consent, force=self._force)
        return service.enroll_more(speaker.id, takes, consent=self._consent, force=self._force)

    def _admitted(self, on_refusal: OnRefusal) -> list[tuple[Path, Enrollment]]:
        admitted: list[tuple[Path, Enrollment]] = []
        for path, heard in self._heard:
            try:
                enrollment = heard.result()
                # Again: what was enrolled since, or comes twice.
                self._check(enrollment.content, [before for _, before in admitted])
                admitted.append((path, enrollment))
            except InputError as error:
                on_refusal(path, error)
        return admitted

    def _own(
        self, admitted: Sequence[tuple[Path, Enrollment]], speaker_id: str | None, on_refusal: OnRefusal
    ) -> list[Enrollment]:
        """Those that are of the speaker and of one person."""
        takes = [take for _, take in admitted]
        refused = {} if self._force else self._service.foreign_takes(takes, speaker_id)
        for at in sorted(refused):
            on_refusal(admitted[at][0], refused[at])
        return [take for at, take in enumerate(takes) if at not in refused]

    def _check(self, content: str, before: Sequence[Enrollment] = ()) -> None:
        """Refuse what is enrolled already; ``content``: the keyed hash of a recording's file."""
        holder = self._service.enrolled.with_content(content)
        if holder is not None and name_key(holder.name) != name_key(self._name):
            raise InputError("enrolled_elsewhere", "Exactly this recording is enrolled as somebody else's.")
        if holder is not None or content in {enrollment.content for enrollment in before}:
            raise AlreadyEnrolledError("already_enrolled", "Exactly this recording was enrolled before.")


def find_folders(root: Path, *, on_refusal: OnRefusal) -> Iterator[Folder]:
    """The folders ``root/<speaker name>/<any audio file>``, in order; links are refused."""
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError("bad_folder", f"The folder {root} cannot be read: {error.strerror}.") from error
    seen: dict[str, str] = {}
    for entry in entries:
        path = Path(entry.path)
        try:
            folder = _folder(entry, path, seen, on_refusal)
        except InputError as error:
            on_refusal(path, error)
            continue
        if folder is not None:
            yield folder


def _folder(entry: "os.DirEntry[str]", path: Path, seen: dict[str, str], on_refusal: OnRefusal) -> Folder | None:
    if entry.name.startswith("."):
        return None
    if not entry.is_dir(follow_symlinks=False):
        raise InputError("not_a_folder", "This is not a folder of one speaker's recordings.")
    name = clean_name(entry.name)
    twin = seen.setdefault(name_key(name), entry.name)
    if twin != entry.name:
        raise InputError("same_name", f"This differs from {twin!r} only in case or Unicode form.")
    files = tuple(_files(path, on_refusal))
    if not files:
        raise InputError("empty_folder", "There is no recording in this folder.")
    return Folder(name, files)


def _files(folder: Path, on_refusal: OnRefusal) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise InputError("bad_folder", f"This folder cannot be read: {error.strerror}.") from error
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_file(follow_symlinks=False):
            yield Path(entry.path)
        else:
            on_refusal(Path(entry.path), InputError("not_a_file", "This is not a regular file."))
