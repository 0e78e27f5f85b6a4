"""An evaluation in words and tables (Markdown)."""

import math
from collections.abc import Sequence

from voiceprint.evaluation.homes import HomesRow
from voiceprint.evaluation.rates import Line, Rate, Refused, Report, Row

__all__ = ["markdown"]


def markdown(report: Report) -> str:
    """The whole report, for a file or a terminal."""
    parts = [
        f"# Evaluation of {report.encoder}",
        f"{report.speakers} speakers, {report.utterances} recordings, {report.trials['target']} target and "
        f"{report.trials['nontarget']} nontarget trials. Intervals are 95 %, over speakers.",
        _verification(report),
        f"## Identification, {report.gallery} enrolled with 3 recordings each\n\n"
        f"Promise: at most {report.target_fpir:.2%} of strangers get a name. Found: {_rate(report.fpir_actual)}"
        f" ({report.fpir_actual.probes} recordings of {report.fpir_actual.speakers} people); without those who sound "
        f"like one person under two names {_rate(report.fpir_without_twins)}. Not named, or wrongly: "
        f"{_rate(report.fnir_actual)} of the enrolled ({report.fnir_actual.probes} recordings of "
        f"{report.fnir_actual.speakers} people).",
        "## By seconds of speech and by channel\n\n" + _rows(report.by_condition, "probe"),
        "## By corpus of the probe\n\n" + _rows(report.by_corpus, "corpus"),
        "## By size of the gallery\n\n" + _rows(report.by_gallery, "probe"),
        "## Homes, all speakers of one corpus\n\n" + _homes(report.homes),
        _refused(report.refused),
        "## What one cosine for all would do\n\n" + _lines(report.fixed_thresholds),
    ]
    if report.duplicates:
        pairs = "\n".join(f"- {first} and {second}: {cosine:.2f}" for first, second, cosine in report.duplicates)
        parts.append(f"## Probably one person under two names\n\n{pairs}")
    return "\n\n".join(parts) + "\n"


def _verification(report: Report) -> str:
    text = f"## Verification\n\nEER {_rate(report.eer)}, minDCF {report.min_dcf:.3f}"
    if report.cllr is not None and report.cllr_min is not None:
        text += (
            f", actDCF {report.act_dcf:.3f}, Cllr {report.cllr:.3f} (with perfect calibration {report.cllr_min:.3f})"
        )
    return text + "."


def _rows(rows: Sequence[Row], what: str) -> str:
    head = f"| {what} | gallery | rank-1 | FPIR | FNIR | FNIR at FPIR 10 % / 1 % / 0.1 % | Cllr (min) |"
    lines = [head, "|---" * 7 + "|"]
    for row in rows:
        at = " / ".join(_percent(row.fnir_at_fpir.get(key)) for key in ("0.1", "0.01", "0.001"))
        cost = "" if row.cllr is None else f"{row.cllr:.3f} ({row.cllr_min:.3f})"
        cells = (row.name, str(row.gallery), _percent(row.rank1), _rate(row.fpir), _rate(row.fnir), at, cost)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _homes(rows: Sequence[HomesRow]) -> str:
    lines = [
        "| corpus | enrolled | recordings | FPIR | FNIR (of it not heard) | 2 s: FPIR, FNIR | homes above 1 %, 5 % |",
        "|---" * 7 + "|",
    ]
    for row in rows:
        short = f"{_percent(row.fpir_short)}, {_percent(row.fnir_short)}"
        missed = f"{_percent(row.fnir)} ({_percent(row.unheard)})"
        above = f"{row.above_1:.0%}, {row.above_5:.0%} of {row.homes}"
        cells = (row.corpus, str(row.size), str(row.clips), _percent(row.fpir), missed, short, above)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _refused(found: Refused) -> str:
    return (
        f"Failure to acquire: {found.recordings} of {found.of_recordings} recordings, counted as missed. Failure to "
        f"enroll: {found.speakers} of {found.of_speakers} speakers, counted as missed with all their recordings."
    )


def _lines(lines: Sequence[Line]) -> str:
    rows = [f"| {line.threshold:.3f} | {_rate(line.fpir)} | {_rate(line.fnir)} |" for line in lines]
    return "\n".join(["| cosine | FPIR | FNIR |", "|---|---|---|", *rows])


def _rate(rate: Rate) -> str:
    if not rate.probes:
        return "not measured"
    return f"{rate.value:.2%} ({rate.low:.2%} to {rate.high:.2%})"


def _percent(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.1%}"
