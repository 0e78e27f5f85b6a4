"""How right timelines are, against RTTM: scored by pyannote.metrics (Bredin, Interspeech 2017)."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceprint.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pyannote.core import Annotation
    from pyannote.core import Timeline as Stretches

__all__ = ["LabelledTurn", "TimelineScorer", "TimelineScores", "read_rttm", "recordings_with_rttm"]

# On either side of each border; pyannote.metrics counts both.
COLLAR_SECONDS = 0.25
# A label that holds this share of a stranger's speech is one of the stranger's.
SHARE = 0.2
STRANGER = "\0stranger"
_AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".webm")


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """``start``, ``end``: seconds; ``named``: whether the label is an enrolled speaker's name."""

    start: float
    end: float
    label: str
    named: bool


@dataclass(frozen=True, slots=True)
class TimelineScores:
    """Shares of the speech, overlap counted twice, and counts. ``der`` and its parts: with the collar.

    ``der_strict``, ``missed_strict``: without; ``wrong_name``: of all speech; ``strangers_named``: of strangers';
    ``unnamed``: of enrolled people's.
    """

    recordings: int
    speech_seconds: float
    der: float
    missed: float
    false_alarm: float
    confusion: float
    der_strict: float
    missed_strict: float
    jer: float
    wrong_name: float
    strangers_named: float
    unnamed: float
    strangers: int
    strangers_merged: int
    strangers_split: int


def recordings_with_rttm(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Each recording that has an RTTM beside it. Raises InputError (``no_recordings``)."""
    found = [
        (path, path.with_suffix(".rttm"))
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in _AUDIO and path.with_suffix(".rttm").is_file()
    ]
    if not found:
        raise InputError("no_recordings", f"There is no recording with an RTTM beside it in {folder}.")
    yield from found


class TimelineScorer:
    """Adds up recordings. ``names``: of the enrolled speakers, as the RTTM has them."""

    def __init__(self, names: Collection[str], uem: Path | None = None) -> None:
        """Raises ConfigError where pyannote.metrics is not installed."""
        try:
            from pyannote.metrics import diarization
            from pyannote.metrics.errors.identification import IdentificationErrorAnalysis
        except ImportError as error:
            raise ConfigError("no_metrics", "Scoring needs pyannote.metrics: pip install pyannote.metrics") from error
        self._names = {_word(name) for name in names}
        metrics: Any = diarization  # its own types say that every result may be a table
        self._der: Any = metrics.DiarizationErrorRate(collar=2 * COLLAR_SECONDS)
        self._strict: Any = metrics.DiarizationErrorRate()
        self._jer: Any = metrics.JaccardErrorRate()
        self._identification: Any = IdentificationErrorAnalysis()
        self._uem = _read_uem(uem)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._recordings = self._strangers = self._merged = self._split = 0

    def add(self, rttm: Path, found: Sequence[LabelledTurn], audio_seconds: float) -> None:
        """Score the turns of one recording. Raises InputError (``bad_rttm``)."""
        reference = _annotation(rttm.stem, read_rttm(rttm))
        turns = [(turn.start, turn.end, _word(turn.label)) for turn in found]
        scored = _stretches(self._uem.get(rttm.stem) or [(0.0, audio_seconds)])
        reference, hypothesis = reference.crop(scored), _annotation(rttm.stem, turns).crop(scored)
        for metric in (self._der, self._strict, self._jer):
            metric(reference, hypothesis, uem=scored)
        self._add_names(reference, hypothesis, {_word(turn.label) for turn in found if turn.named}, scored)
        self._add_strangers(reference, hypothesis)
        self._recordings += 1

    def scores(self) -> TimelineScores:
        """Of all recordings so far."""
        all_speech = self._strict["total"] or 1.0
        counted, strangers = self._der["total"] or 1.0, self._seconds["strangers"]
        return TimelineScores(
            recordings=self._recordings,
            speech_seconds=round(all_speech, 1),
            der=abs(self._der),
            missed=self._der["missed detection"] / counted,
            false_alarm=self._der["false alarm"] / counted,
            confusion=self._der["confusion"] / counted,
            der_strict=abs(self._strict),
            missed_strict=self._strict["missed detection"] / all_speech,
            jer=abs(self._jer),
            wrong_name=self._seconds["wrong"] / all_speech,
            strangers_named=self._seconds["named"] / (strangers or 1.0),
            unnamed=self._seconds["unnamed"] / (self._seconds["enrolled"] or 1.0),
            strangers=self._strangers,
            strangers_merged=self._merged,
            strangers_split=self._split,
        )

    def _add_names(
        self, reference: "Annotation", hypothesis: "Annotation", named: Collection[str], scored: "Stretches"
    ) -> None:
        """Seconds under a wrong name. Names count, those of strangers do not."""
        truth = reference.rename_labels({one: STRANGER for one in reference.labels() if one not in self._names})
        said = hypothesis.rename_labels({one: STRANGER for one in hypothesis.labels() if one not in named})
        for label, seconds in truth.chart():
            self._seconds["strangers" if label == STRANGER else "enrolled"] += seconds
        for segment, _, (kind, true, heard) in self._identification.difference(truth, said, uem=scored).itertracks(
            yield_label=True
        ):
            if kind == "confusion" and heard != STRANGER:
                self._seconds["wrong"] += segment.duration
                self._seconds["named"] += segment.duration if true == STRANGER else 0.0
            elif kind == "confusion" and true != STRANGER:
                self._seconds["unnamed"] += segment.duration

    def _add_strangers(self, reference: "Annotation", hypothesis: "Annotation") -> None:
        """Of two strangers under one label both are merged; one under two labels is split.

        By what is said alone: while two speak both have both labels, and be they right.
        """
        alone = reference.extrude(reference.get_overlap())
        table, heard = alone * hypothesis, dict(alone.chart())
        mine: dict[str, list[int]] = {
            label: [column for column, seconds in enumerate(row) if seconds >= SHARE * heard[label]]
            for label, row in zip(alone.labels(), table, strict=True)
        }
        self._strangers += sum(label not in self._names for label in reference.labels())
        strangers = [label for label in alone.labels() if label not in self._names]
        self._split += sum(len(mine[label]) > 1 for label in strangers)
        holders = Counter(column for columns in mine.values() for column in columns)
        self._merged += sum(any(holders[column] > 1 for column in mine[label]) for label in strangers)


def _annotation(name: str, spans: Sequence[tuple[float, float, str]]) -> "Annotation":
    from pyannote.core import Annotation, Segment

    found = Annotation(uri=name)
    for number, (start, end, label) in enumerate(spans):
        found[Segment(start, end), number] = label
    return found


def _stretches(spans: Sequence[tuple[float, float]]) -> "Stretches":
    from pyannote.core import Segment, Timeline

    return Timeline([Segment(*span) for span in spans])


def read_rttm(path: Path) -> list[tuple[float, float, str]]:
    spans = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split()
        if fields[:1] != ["SPEAKER"]:
            continue
        try:
            spans.append((float(fields[3]), float(fields[3]) + float(fields[4]), fields[7]))
        except (IndexError, ValueError) as error:
            raise InputError("bad_rttm", f"Line {number} of {path} is no line of an RTTM.") from error
    return spans


def _read_uem(path: Path | None) -> dict[str, list[tuple[float, float]]]:
    """Which stretches of each recording are annotated: name, channel, start, end."""
    found: dict[str, list[tuple[float, float]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path else ():
        name, _, start, end = line.split()
        found.setdefault(name, []).append((float(start), float(end)))
    return found


def _word(name: str) -> str:
    """As RTTM has names: without blanks."""
    return "_".join(name.split())
