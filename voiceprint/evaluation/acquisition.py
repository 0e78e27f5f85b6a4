"""Failure to acquire and failure to enroll: recordings refused, and speakers left without a template (ISO/IEC 19795-1).

Measured on the path of bulk enrollment, with every check of it: quality, amount of speech, one voice, takes that belong
together.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from voiceprint.decision.intervals import Interval, share
from voiceprint.errors import InputError
from voiceprint.service.bulk import Folder, enroll_folders, find_folders
from voiceprint.service.service import VoiceprintService

__all__ = ["Acquisition", "measure_acquisition", "some_takes"]


@dataclass(frozen=True, slots=True)
class Acquisition:
    """Counts of one run. ``refused``: recordings by the code of the refusal; ``without``: speakers and their codes."""

    speakers: int
    recordings: int
    refused: Mapping[str, int]
    without: Mapping[str, tuple[str, ...]]

    @property
    def failure_to_acquire(self) -> Interval:
        """Share of recordings refused."""
        return share(sum(self.refused.values()), self.recordings)

    @property
    def failure_to_enroll(self) -> Interval:
        """Share of speakers without a template."""
        return share(len(self.without), self.speakers)


def some_takes(root: Path, *, takes: int, part: tuple[int, int] = (0, 1)) -> Iterator[Folder]:
    """Of each speaker with so many recordings that many; which ones follows from a hash of their names.

    ``part`` (i, n): only the i-th of n parts of the speakers.
    """
    for folder in find_folders(root, on_refusal=lambda *_: None):
        files = sorted(folder.files, key=lambda path: _number(path.name))[:takes]
        if len(files) == takes and _number(folder.name) % part[1] == part[0]:
            yield Folder(folder.name, tuple(files))


def measure_acquisition(service: VoiceprintService, folders: Iterable[Folder]) -> Acquisition:
    """The counts for enrolling these folders into the service's store, which should be empty."""
    asked = list(folders)
    reasons: dict[str, list[str]] = {folder.name: [] for folder in asked}
    refused: Counter[str] = Counter()

    def refuse(path: Path, error: InputError) -> None:
        if path.is_dir():  # the whole speaker: too little speech in all
            reasons[path.name].append(error.code)
            return
        reasons[path.parent.name].append(error.code)
        refused[error.code] += 1

    done = list(enroll_folders(service, asked, on_refusal=refuse))
    without = {folder.name: tuple(reasons[folder.name]) for folder, outcome in done if outcome is None}
    return Acquisition(len(asked), sum(len(folder.files) for folder in asked), dict(refused), without)


def _number(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16)
