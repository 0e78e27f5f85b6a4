"""Diagrams of an evaluation (PNG). Needs the extra ``plots`` (matplotlib)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from voiceprint.decision.calibration import Calibration
from voiceprint.errors import ConfigError
from voiceprint.evaluation.metrics import det_points
from voiceprint.evaluation.open_set import OpenSet, open_set
from voiceprint.evaluation.rates import Report
from voiceprint.evaluation.samples import WHOLE, Sample
from voiceprint.evaluation.trials import make_trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["check_plots", "draw"]

DET_TICKS = (0.001, 0.01, 0.05, 0.2, 0.5)
SIZE_INCHES, DOTS = (6.0, 4.5), 120


def check_plots() -> None:
    """Raises ConfigError (``plots_missing``) where matplotlib is not installed: before an hour of work, not after."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ConfigError("plots_missing", "Diagrams need matplotlib: pip install 'voiceprint[plots]'.") from error


def draw(out: Path, report: Report, samples: Sequence[Sample], calibration: Calibration | None) -> list[Path]:
    """Write det.png, scores.png and gallery.png into a folder."""
    trials = make_trials(samples, calibration.channel if calibration else None)
    score = trials.llr(calibration.weights) if calibration else trials.cosine
    whole = np.array([probe.condition == WHOLE for probe in trials.probes])
    same, fair = trials.same[whole], trials.fair[whole]
    target, other = score[whole][same & fair], score[whole][~same]
    found = open_set(trials, score, report.gallery)
    return [
        _figure(out / "det.png", lambda axes: _det(axes, target, other)),
        _figure(out / "scores.png", lambda axes: _scores(axes, found, whole, report)),
        _figure(out / "gallery.png", lambda axes: _gallery(axes, report)),
    ]


def _figure(path: Path, fill: "Callable[[Axes], None]") -> Path:
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS, layout="constrained")
    fill(figure.add_subplot())
    figure.savefig(path)
    return path


def _det(axes: "Axes", target: NDArray[np.float64], other: NDArray[np.float64]) -> None:
    """Misses against false alarms, both on the scale where normal distributions give straight lines."""
    miss, false = det_points(target, other)
    inside = (miss > 0) & (miss < 1) & (false > 0) & (false < 1)
    axes.plot(_probit(false[inside]), _probit(miss[inside]))
    places = _probit(np.array(DET_TICKS))
    labels = [f"{tick:.1%}" for tick in DET_TICKS]
    axes.set_xticks(places, labels)
    axes.set_yticks(places, labels)
    axes.set_xlim(places[0], places[-1])
    axes.set_ylim(places[0], places[-1])
    axes.set(xlabel="false alarms", ylabel="misses", title="DET: whole recordings against templates")
    axes.grid(alpha=0.3)


def _scores(axes: "Axes", found: OpenSet, whole: NDArray[np.bool_], report: Report) -> None:
    strangers = found.best[found.stranger & whole[None]]
    enrolled = found.best[found.asked & whole[None] & found.right]
    bins = np.linspace(min(strangers.min(), enrolled.min()), max(strangers.max(), enrolled.max()), 60)
    for values, label in ((strangers, "strangers"), (enrolled, "enrolled, right speaker first")):
        axes.hist(values, bins=bins.tolist(), density=True, alpha=0.5, label=label)
    axes.axvline(report.threshold, color="black", label=f"threshold for {report.target_fpir:.1%} of strangers")
    what = "cosine" if report.cllr is None else "log-likelihood ratio"
    axes.set(xlabel=f"{what} of the best speaker", ylabel="density", title=f"{report.gallery} enrolled")
    axes.legend()


def _gallery(axes: "Axes", report: Report) -> None:
    sizes = [row.gallery for row in report.by_gallery]
    for key in ("0.1", "0.01"):
        rates = [row.fnir_at_fpir.get(key, np.nan) for row in report.by_gallery]
        axes.plot(sizes, rates, marker="o", label=f"FNIR at FPIR {float(key):.0%}")
    used = [row.fnir.value for row in report.by_gallery]
    axes.plot(sizes, used, marker="s", color="black", label="FNIR at the threshold that is used")
    axes.set(xlabel="enrolled speakers", ylabel="FNIR", xscale="log", ylim=(0, None), title="Whole recordings")
    axes.legend()
    axes.grid(alpha=0.3)


def _probit(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inverse of the normal distribution function."""
    from statistics import NormalDist

    inverse = NormalDist().inv_cdf
    return np.array([inverse(value) for value in share.tolist()])
