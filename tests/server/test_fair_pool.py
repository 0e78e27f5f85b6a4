"""Threads that are shared out among callers: who brings much waits behind who brings little."""

import threading
import time
from concurrent.futures import CancelledError

import pytest

from voiceprint.server.fair_pool import FairPool


def test_callers_get_their_turn_whoever_came_first() -> None:
    pool, gate, order = FairPool(1, name="fair"), threading.Event(), list[str]()
    first = pool.submit("weak", gate.wait)
    many = [pool.submit("weak", lambda: order.append("weak")) for _ in range(20)]
    one = pool.submit("honest", lambda: order.append("honest"))
    gate.set()
    for future in (first, *many, one):
        future.result(10)
    assert order.index("honest") <= 1
    assert len(order) == 21
    pool.shutdown()


def test_a_share_leaves_threads_to_the_others() -> None:
    pool, gate, running = FairPool(3, name="fair"), threading.Event(), list[int]()

    def work() -> None:
        running.append(1)
        gate.wait()

    weak = [pool.submit("weak", work, share=1) for _ in range(5)]
    deadline = time.monotonic() + 10
    while not running:
        assert time.monotonic() < deadline
    assert pool.submit("honest", lambda: "heard").result(10) == "heard"
    assert len(running) == 1
    gate.set()
    for future in weak:
        future.result(10)
    pool.shutdown()


def test_errors_belong_to_who_waits_and_a_shutdown_cancels_what_waits() -> None:
    pool, gate = FairPool(1, name="fair"), threading.Event()
    with pytest.raises(ZeroDivisionError):
        pool.submit("a", lambda: 1 // 0).result(10)
    gone = pool.submit("a", gate.wait)
    cancelled = pool.submit("b", lambda: None)
    waits = pool.submit("a", lambda: None)
    assert cancelled.cancel()
    threading.Timer(0.2, gate.set).start()
    pool.shutdown()
    assert gone.result(10)
    with pytest.raises(CancelledError):
        waits.result(10)
