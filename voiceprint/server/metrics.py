"""Metrics in Prometheus' text format. Never a name, an id or an address."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from voiceprint.service.statistics import SCORE_BOUNDS, Statistics

__all__ = ["METRICS_TYPE", "Metrics"]

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One a server. ``speakers`` and ``streams`` return the current numbers."""

    def __init__(self, statistics: Statistics, *, speakers: Callable[[], int], streams: Callable[[], int]) -> None:
        self._registry = registry = CollectorRegistry()
        registry.register(_Answers(statistics))
        self._refusals = Counter(
            "voiceprint_refusals", "What was refused, by the code of the refusal.", ["code"], registry=registry
        )
        self._streams = Counter("voiceprint_streams", "WebSocket connections that were opened.", registry=registry)
        self._queued = Gauge("voiceprint_queue_length", "Calls that wait for the encoder.", registry=registry)
        self._waited = Histogram(
            "voiceprint_queue_seconds", "How long a call waited for the encoder.", buckets=_SECONDS, registry=registry
        )
        self._worked = Histogram(
            "voiceprint_work_seconds", "How long a call kept the encoder's thread.", buckets=_SECONDS, registry=registry
        )
        Gauge("voiceprint_gallery_speakers", "Enrolled speakers.", registry=registry).set_function(speakers)
        Gauge("voiceprint_open_streams", "Open WebSocket connections.", registry=registry).set_function(streams)

    def refused(self, code: str) -> None:
        """Count a refusal."""
        self._refusals.labels(code).inc()

    def opened(self) -> None:
        """Count a WebSocket connection."""
        self._streams.inc()

    @contextmanager
    def queued(self) -> Iterator[Callable[[], None]]:
        """The time of one call; call what is yielded when its work begins."""
        asked, begun = time.monotonic(), list[float]()

        def begin() -> None:
            begun.append(time.monotonic())
            self._queued.dec()
            self._waited.observe(begun[0] - asked)

        self._queued.inc()
        try:
            yield begin
        finally:
            if begun:
                self._worked.observe(time.monotonic() - begun[0])
            else:
                self._queued.dec()

    def text(self) -> bytes:
        """All metrics, as Prometheus reads them."""
        return generate_latest(self._registry)


class _Answers(Collector):
    """The statistics of the service as families of metrics."""

    def __init__(self, statistics: Statistics) -> None:
        self._statistics = statistics

    def collect(self) -> Iterator[Metric]:
        totals = self._statistics.totals()
        results = CounterMetricFamily("voiceprint_results", "Final answers.", labels=["mode", "status"])
        for (mode, status), count in sorted(totals.results.items()):
            results.add_metric([mode, status], count)
        yield results
        yield CounterMetricFamily("voiceprint_audio_seconds", "Audio that was answered.", value=totals.audio_seconds)
        yield CounterMetricFamily("voiceprint_speech_seconds", "Speech in that audio.", value=totals.speech_seconds)
        bounds = [*map(str, SCORE_BOUNDS), "+Inf"]
        scores = HistogramMetricFamily("voiceprint_score", "Best cosine of each final answer.")
        scores.add_metric([], list(zip(bounds, accumulate(totals.scores), strict=True)), totals.score_sum)
        yield scores
