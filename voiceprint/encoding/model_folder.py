"""One encoder's folder: SpeechBrain's files, ``SHA256SUMS`` and a model card.

A model folder is code: SpeechBrain's hyperparams.yaml can construct and call anything. So a folder is used only when
every file in it is listed in ``SHA256SUMS`` and matches, and when hyperparams.yaml names nothing but what an encoder is
made of.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from voiceprint.errors import ModelError

__all__ = ["CARD", "HYPERPARAMS", "SUMS", "ModelFolder", "accuracy_of", "file_sha256", "fingerprint_of", "write_sums"]

SUMS = "SHA256SUMS"
HYPERPARAMS = "hyperparams.yaml"
CARD = "README.md"
# What an encoder may be made of. A tag outside of this list is refused before SpeechBrain sees the file.
_ALLOWED_TAGS = frozenset(
    {
        "!PLACEHOLDER",
        "!ref",
        "!new:speechbrain.lobes.features.Fbank",
        "!new:speechbrain.processing.features.InputNormalization",
        "!new:speechbrain.lobes.models.ECAPA_TDNN.ECAPA_TDNN",
        "!new:speechbrain.lobes.models.ECAPA_TDNN.Classifier",
        "!new:speechbrain.dataio.encoder.CategoricalEncoder",
        "!new:speechbrain.utils.parameter_transfer.Pretrainer",
        "!new:torch.nn.Identity",
        "!new:voiceprint.campplus.CAMPPlus",
        "!new:voiceprint.campplus.KaldiFbank",
    }
)


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder and the hash of each of its files (SHA256SUMS itself left out). ``open`` has checked both."""

    path: Path
    sums: Mapping[str, str]

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def fingerprint(self) -> str:
        """See ``fingerprint_of``."""
        return fingerprint_of(self.sums)

    @property
    def size_bytes(self) -> int:
        return sum((self.path / name).stat().st_size for name in self.sums)

    def accuracy(self) -> str:
        """See ``accuracy_of``."""
        card = self.path / CARD
        return accuracy_of(card.read_text(encoding="utf-8", errors="replace")) if card.is_file() else ""

    @classmethod
    def open(cls, path: Path) -> "ModelFolder":
        """Verify every file of a folder. Raises ModelError: model_missing, model_damaged, model_untrusted."""
        path = path.resolve()
        if not (path / SUMS).is_file():
            raise ModelError("model_missing", f"There is no encoder in {path}: it has no {SUMS}.")
        listed = _read_sums(path)
        found = _list_files(path)
        if missing := sorted(listed.keys() - found):
            raise ModelError("model_damaged", f"The encoder in {path} lacks its file {missing[0]}.")
        if strange := sorted(found - listed.keys()):
            raise ModelError(
                "model_damaged", f"The encoder in {path} has a file that {SUMS} does not list: {strange[0]}."
            )
        for name, digest in listed.items():
            if file_sha256(path / name) != digest:
                raise ModelError("model_damaged", f"The file {name} of the encoder in {path} is not the one in {SUMS}.")
        if HYPERPARAMS not in listed:
            raise ModelError("model_damaged", f"The encoder in {path} lacks its file {HYPERPARAMS}.")
        _check_hyperparams(path / HYPERPARAMS)
        return cls(path, listed)


def accuracy_of(card: str) -> str:
    """The card's line that begins with ``Accuracy:``, or an empty string."""
    lines = (line for line in card.splitlines() if line.startswith("Accuracy:"))
    return next(lines, "").removeprefix("Accuracy:").strip()


def fingerprint_of(sums: Mapping[str, str]) -> str:
    """SHA-256 (hex) over the names and hashes of all files but the card: a corrected word is no other encoder."""
    listing = "".join(f"{name}\0{digest}\n" for name, digest in sorted(sums.items()) if name != CARD)
    return hashlib.sha256(listing.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_sums(path: Path) -> None:
    """Write SHA256SUMS for what is in a folder now."""
    lines = [f"{file_sha256(path / name)}  {name}\n" for name in sorted(_list_files(path))]
    (path / SUMS).write_text("".join(lines), encoding="ascii")


def _read_sums(path: Path) -> dict[str, str]:
    listed = {}
    for number, line in enumerate((path / SUMS).read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
        match = re.fullmatch(r"([0-9a-f]{64}) [ *]([A-Za-z0-9][\w.-]*)", line)
        if match is None:
            raise ModelError("model_damaged", f"Line {number} of {path / SUMS} is not a hash and a file name.")
        listed[match[2]] = match[1]
    return listed


def _list_files(path: Path) -> set[str]:
    """Names in the folder. Raises ModelError for what is no regular file of its own: a link could lead anywhere."""
    names = set()
    for entry in path.iterdir():
        if entry.name == SUMS:
            continue
        if entry.is_symlink() or not entry.is_file():
            raise ModelError("model_damaged", f"The encoder in {path} holds {entry.name}, which is not a regular file.")
        names.add(entry.name)
    return names


def _check_hyperparams(hyperparams: Path) -> None:
    """Nothing but parts of encoders, and no file or address outside of the folder."""
    try:
        events = list(yaml.parse(hyperparams.read_text("utf-8"), yaml.SafeLoader))
    except (yaml.YAMLError, UnicodeError) as error:
        raise ModelError("model_damaged", f"{hyperparams} cannot be read as YAML.") from error
    tags = {str(event.tag) for event in events if getattr(event, "tag", None) is not None}
    for tag in sorted(tags - _ALLOWED_TAGS):
        raise ModelError(
            "model_untrusted", f"{hyperparams} names {tag!r:.120}, which no encoder is made of; it was not loaded."
        )
    for value in sorted(str(event.value) for event in events if isinstance(event, yaml.ScalarEvent)):
        if "://" in value or ".." in value or value.lstrip().startswith(("/", "\\", "~")):
            raise ModelError(
                "model_untrusted", f"{hyperparams} leads out of its folder with {value!r:.120}; it was not loaded."
            )
