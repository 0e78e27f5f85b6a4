"""Threads whose work is shared out among callers in turn, not in the order in which it came."""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

__all__ = ["FairPool"]

_Work = tuple[Future[Any], Callable[[], Any]]


class FairPool:
    """``threads`` of them. Thread safe."""

    def __init__(self, threads: int, *, name: str) -> None:
        self.threads = threads
        self._pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix=name)
        self._lock = Lock()
        self._waiting: OrderedDict[Hashable, deque[_Work]] = OrderedDict()
        self._running: Counter[Hashable] = Counter()
        self._shares: dict[Hashable, int] = {}

    def submit(self, holder: Hashable, function: Callable[[], Any], *, share: int | None = None) -> Future[Any]:
        """The future of a call. ``share``: how many calls of this holder may run at once; None: all threads."""
        future: Future[Any] = Future()
        with self._lock:
            self._shares[holder] = self.threads if share is None else max(1, share)
            self._waiting.setdefault(holder, deque()).append((future, function))
            self._start()
        return future

    def shutdown(self) -> None:
        """Finish what runs, cancel what waits."""
        with self._lock:
            for future, _ in (work for queue in self._waiting.values() for work in queue):
                future.cancel()
            self._waiting.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> None:
        """With the lock: give free threads to the holders whose turn it is."""
        while self._running.total() < self.threads:
            holder = next((one for one in self._waiting if self._running[one] < self._shares[one]), None)
            if holder is None:
                return
            queue = self._waiting.pop(holder)
            future, function = queue.popleft()
            if queue:
                self._waiting[holder] = queue  # behind all others
            self._running[holder] += 1
            self._pool.submit(self._run, holder, future, function)

    def _run(self, holder: Hashable, future: Future[Any], function: Callable[[], Any]) -> None:
        try:
            if future.set_running_or_notify_cancel():
                _finish(future, function)
        finally:
            with self._lock:
                self._running[holder] -= 1
                self._running += Counter()
                if holder not in self._waiting and holder not in self._running:
                    del self._shares[holder]
                self._start()


def _finish(future: Future[Any], function: Callable[[], Any]) -> None:
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - it belongs to the waiter of the future
        future.set_exception(error)
    else:
        future.set_result(result)
