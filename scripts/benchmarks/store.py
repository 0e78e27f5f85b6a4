"""Times of opening and maintaining a store of many speakers.

    python scripts/benchmarks store [SPEAKERS ...]        (10000; give 100000 too where there is time)

Random unit vectors (192,), one enrollment a speaker. Seconds are of the wall clock and of the processor, memory is the
peak of the process.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from support.big_store import ENCODER, fill

from benchmarks.opening import measure_opening
from voiceprint.gallery.index import Gallery
from voiceprint.storage.maintenance.bundle import read_bundle, take_bundle
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.key_rotation import rotate
from voiceprint.storage.maintenance.restore import restore
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.sealing.key_file import create_key_file, load_key_file
from voiceprint.storage.sqlite.database import DATABASE_NAME
from voiceprint.storage.store import Store

Result = TypeVar("Result")


def main() -> int:
    for speakers in [int(word) for word in sys.argv[1:]] or [10_000]:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(speakers, Path(folder))), flush=True)
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure_opening(Path(folder), speakers)), flush=True)
    return 0


def measure(speakers: int, folder: Path) -> dict[str, float]:
    """Seconds of each step, and megabytes of memory and disk."""
    data, key = folder / "index", folder / "key"
    fill(data, create_key_file(key, data=data), speakers)
    found: dict[str, float] = {"speakers": speakers}

    def timed(name: str, step: Callable[[], Result]) -> Result:
        began, worked = time.perf_counter(), time.process_time()
        result = step()
        found[f"{name}_seconds"] = round(time.perf_counter() - began, 3)
        found[f"{name}_cpu_seconds"] = round(time.process_time() - worked, 3)
        return result

    store = timed("open", lambda: Store.open(data, load_key_file(key, data=data), ENCODER))
    people = timed("load", store.load).speakers
    gallery = Gallery(192)
    timed("index", lambda: gallery.put_all((who.id, who.enrollments[0].embedding) for who in people))
    found["megabytes_after_loading"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    found["megabytes_on_disk"] = round((data / DATABASE_NAME).stat().st_size / 1e6, 1)
    times = []
    worked = time.process_time()
    for who in people[:20]:
        began = time.perf_counter()
        store.forget(who.id)
        times.append(time.perf_counter() - began)
    found["forget_cpu_seconds"] = round((time.process_time() - worked) / len(times), 4)
    found["forget_seconds_median"] = round(float(np.median(times)), 4)
    found["forget_seconds_worst"] = round(max(times), 4)
    timed("check", lambda: check(store))
    timed("rotate", lambda: rotate(store))
    timed("renew", lambda: renew(store))
    timed("load_renewed", store.load)
    sealed = timed("export", lambda: take_bundle(store))
    keys = load_key_file(key, data=data)
    timed("import", lambda: restore(folder / "new", keys, read_bundle(sealed, keys=keys)))
    store.close()
    return found
