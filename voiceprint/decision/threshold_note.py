"""What an operator should know of the threshold: what it promises, what it costs, and where it stops being of use."""

from dataclasses import dataclass

from voiceprint.decision.calibration import Calibration
from voiceprint.decision.intervals import Interval

__all__ = ["ThresholdNote", "note_of"]

# A shift of this many cosines is worth a word.
NOTEWORTHY_SHIFT = 0.01
# Where more of the enrolled would be missed the promise is of no use.
USELESS = 0.5
# Beyond this size nothing is said.
MOST_ASKED = 100_000


@dataclass(frozen=True, slots=True)
class ThresholdNote:
    """What an operator should know of the line: ``threshold`` (cosine, typical probe), ``target_fpir``, what it costs
    in missed people (None without a calibration), and whether the data can support the promise.
    """

    threshold: float
    target_fpir: float
    expected_fnir: Interval | None
    supported: bool
    note: str


def note_of(
    calibration: Calibration, target_fpir: float, score_shift: float, gallery_size: int, at: float
) -> ThresholdNote:
    """The note for a gallery of this size; ``at``: the threshold of a typical probe (cosine)."""
    llr = calibration.threshold(gallery_size, target_fpir) + score_shift
    cost, one = calibration.expected_fnir(llr), calibration.expected_fnir(llr, recordings=1)
    people, largest = calibration.evidence.speakers, calibration.evidence.largest_gallery
    shows, useful = calibration.supports(target_fpir), cost.value <= USELESS
    notes = [f"speakers enrolled with one recording are missed in {one.value:.0%} of cases"]
    notes.append(_place_note(calibration, score_shift))
    if not shows:
        notes.append(f"{people} people cannot show a rate below {3 / people:.2%} (rule of three)")
    most = _useful_up_to(calibration, target_fpir, score_shift)
    if useful and most < MOST_ASKED:
        notes.append(f"with more than about {most} enrolled it would miss more than half of them")
    if not useful:
        notes.append("with so many enrolled the promise misses more than half of them: it needs a stronger encoder")
    if gallery_size > largest:
        notes.append(f"galleries were measured up to {largest} speakers; beyond that the threshold is extrapolated")
    return ThresholdNote(at, target_fpir, cost, shows and useful and gallery_size <= largest, "; ".join(notes))


def _useful_up_to(calibration: Calibration, target_fpir: float, score_shift: float) -> int:
    """The largest round gallery, of 1, 2, 5, 10, ..., that does not miss more than half; 0 for none."""
    sizes = [digit * 10**power for power in range(len(str(MOST_ASKED)) - 1) for digit in (1, 2, 5)]
    llr = [calibration.threshold(size, target_fpir) + score_shift for size in sizes]
    return max(
        (n for n, at in zip(sizes, llr, strict=True) if calibration.expected_fnir(at).value <= USELESS), default=0
    )


def _place_note(calibration: Calibration, score_shift: float) -> str:
    moved = score_shift / calibration.weights.cosine
    if moved >= NOTEWORTHY_SHIFT:
        return f"speakers sound more alike here than where all share a microphone: the threshold is {moved:.2f} higher"
    if moved <= -NOTEWORTHY_SHIFT:
        return f"speakers sound less alike here than where all share a microphone: the threshold is {-moved:.2f} lower"
    return "the threshold is that of a place where all share a microphone; each voice that is heard moves it"
