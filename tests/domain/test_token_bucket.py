"""The token bucket: bursts up to its size, then its rate, and nothing spent by what is refused."""

from dataclasses import dataclass

from voiceprint.api.token_bucket import TokenBucket


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_rate() -> None:
    clock = Clock()
    bucket = TokenBucket(4, 0.5, clock)
    assert [bucket.take(1) for _ in range(5)] == [0, 0, 0, 0, 2.0]
    clock.now += 2
    assert [bucket.take(1), bucket.take(1)] == [0, 2.0]
    clock.now += 1000
    assert [bucket.take(4), bucket.take(1)] == [0, 2.0]  # never more than its size


def test_what_is_refused_spends_nothing() -> None:
    bucket = TokenBucket(4, 0.5, Clock())
    assert bucket.take(5) == 2.0
    assert bucket.take(4) == 0
