"""Share of the words of composed conversations that `voiceprint name` puts under the right name.

    python -m scripts.benchmarks.words DIR [--known-turns] [--encoder NAME] [--data DIR]

DIR holds recordings with an RTTM beside each, as compose_conversations makes them; half of the speakers are in the
store. They have no words: each line of the RTTM is filled evenly with words of a third of a second. The transcript has
segments of up to 30 s, as by a transcriber that knows of no turns; with --known-turns one for each line. A stranger's
words are right under the one "Unknown n" that holds most of them and is no other stranger's. Words while two speak
count, and are given apart, too. One JSON object on stdout.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from voiceprint.api.transcripts import name_transcript
from voiceprint.cli.common import add_store_options
from voiceprint.cli.store_common import open_service
from voiceprint.cli.timeline import timeline_of
from voiceprint.evaluation.timelines import read_rttm, recordings_with_rttm

WORD_SECONDS, SEGMENT_SECONDS = 1 / 3, 30.0


@dataclass(frozen=True, slots=True)
class Word:
    """``line``: of the RTTM; ``alone``: whether nobody else speaks then."""

    start: float
    end: float
    speaker: str
    line: int
    alone: bool


def words_of(spans: Sequence[tuple[float, float, str]]) -> list[Word]:
    """The words of a recording's lines, in order of time."""
    found = []
    for line, (start, end, speaker) in enumerate(spans):
        edges = np.linspace(start, end, max(1, round((end - start) / WORD_SECONDS)) + 1).round(3).tolist()
        others = [(first, last) for first, last, other in spans if other != speaker]
        for first, last in pairwise(edges):
            alone = not any(begin < last and first < until for begin, until in others)
            found.append(Word(first, last, speaker, line, alone))
    return sorted(found, key=lambda word: (word.start, word.line))


def transcript_of(words: Sequence[Word], *, known_turns: bool) -> bytes:
    """The words as WhisperX writes them; ``id``: a word's place among ``words``."""
    segments: dict[int, list[tuple[int, Word]]] = {}
    for number, word in enumerate(words):
        segments.setdefault(word.line if known_turns else int(word.start / SEGMENT_SECONDS), []).append((number, word))
    said = [
        {
            "start": min(word.start for _, word in segment),
            "end": max(word.end for _, word in segment),
            "words": [{"word": "a", "id": number, "start": word.start, "end": word.end} for number, word in segment],
        }
        for segment in segments.values()
    ]
    return json.dumps({"segments": said}).encode()


def labels_in(named: bytes) -> Iterator[str]:
    """The label of each word in order of their ids, "" for none."""
    words = [word for segment in json.loads(named)["segments"] for word in segment["words"]]
    yield from (word.get("speaker", "") for word in sorted(words, key=lambda word: int(word["id"])))


def right_labels(words: Sequence[Word], labels: Sequence[str], names: Collection[str]) -> dict[str, str]:
    """The label that is right for each speaker of a recording."""
    right = {word.speaker: word.speaker for word in words if word.speaker in names}
    strangers = sorted({word.speaker for word in words} - right.keys())
    unnamed = sorted(set(labels) - set(names) - {""})
    both = Counter((word.speaker, label) for word, label in zip(words, labels, strict=True))
    table = np.array([[both[stranger, label] for label in unnamed] for stranger in strangers]).reshape(
        len(strangers), len(unnamed)
    )
    rows, columns = linear_sum_assignment(table, maximize=True)
    return right | {strangers[row]: unnamed[column] for row, column in zip(rows, columns, strict=True)}


def main() -> int:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--known-turns", action="store_true")
    add_store_options(parser)
    args = parser.parse_args()
    counts: Counter[str] = Counter()
    with open_service(args) as service:
        names = {speaker.name for speaker in service.speakers()}
        for audio, rttm in recordings_with_rttm(args.folder):
            words = words_of(read_rttm(rttm))
            transcript = transcript_of(words, known_turns=args.known_turns)
            labels = list(labels_in(name_transcript(transcript, ".json", timeline_of(service, audio))))
            right = right_labels(words, labels, names)
            for word, label in zip(words, labels, strict=True):
                kind = ("enrolled" if word.speaker in names else "stranger", "alone" if word.alone else "overlapped")
                good = label == right.get(word.speaker, "?")
                for part in ("words", *kind):
                    counts[part] += 1
                    counts[f"{part} right"] += good
    shares = {part: round(counts[f"{part} right"] / counts[part], 4) for part in counts if f"{part} right" in counts}
    print(json.dumps({"words": counts["words"], "right": shares}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
