"""Let every write, sync, truncation, link and rename of every operation fail in turn, and see what is left.

    python tests/robustness fault [OPERATION ...]        (all)

Needs a C compiler: a small library is put before the C library, counts those calls and lets the N-th fail with
"no space left on device", "input/output error" or "read-only file system", once or from then on. Each time: the
operation raises one sentence, everything that was there before is there, the next write works, nothing is torn.
Exit code 1 with the first difference.
"""

import ctypes
import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from support.former_store import make_former

from voiceprint.domain.speaker import EncoderIdentity, Enrollment
from voiceprint.errors import VoiceprintError
from voiceprint.storage.changes import merge
from voiceprint.storage.maintenance.audit_trimming import trim
from voiceprint.storage.maintenance.bundle import read_bundle, take_bundle, write_bundle
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.maintenance.encoder_migration import begin
from voiceprint.storage.maintenance.key_rotation import rotate
from voiceprint.storage.maintenance.restore import restore
from voiceprint.storage.maintenance.template_renewal import renew
from voiceprint.storage.sealing.key_file import create_key_file, load_key_file
from voiceprint.storage.store import Store

ENCODER = EncoderIdentity("fault-test", "c" * 64, 192)
OTHER_ENCODER = EncoderIdentity("fault-test-2", "d" * 64, 192)
SHIM = Path(__file__).with_name("fault_shim.c")
FAULTS = [(errno.ENOSPC, 0), (errno.EIO, 0), (errno.EROFS, 1), (errno.ENOSPC, 1)]

SpeakerNames = list[tuple[str, int]]


def main() -> int:
    if "LD_PRELOAD" in os.environ:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(run(Path(folder), ctypes.CDLL(os.environ["LD_PRELOAD"]))))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "shim.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, SHIM, "-ldl"], check=True)
        environ = {**os.environ, "LD_PRELOAD": str(library)}
        again = [sys.executable, str(Path(__file__).parent), "fault", *sys.argv[1:]]
        return subprocess.run(again, env=environ, check=False).returncode


def enrollment(seed: int) -> Enrollment:
    vector = np.random.default_rng(seed).normal(size=192).astype(np.float32)
    return Enrollment.new(vector / np.linalg.norm(vector), 3.0, f"content {seed}")


def export(store: Store) -> None:
    write_bundle(take_bundle(store), Path(store.name).parent.parent / "out.bundle")


def bring_in(store: Store) -> None:
    bundle = read_bundle((Path(store.name).parent.parent / "others.bundle").read_bytes(), keys=store.keys)
    assert restore(Path(store.name).parent, store.keys, bundle).added == 2


OPERATIONS: dict[str, Callable[[Store, str], object]] = {
    "enroll": lambda store, _: store.add_speaker("new", [enrollment(5)]),
    "update": lambda store, who: store.add_enrollments(who, [enrollment(6)]),
    "rename": lambda store, who: store.rename(who, "other"),
    "forget": lambda store, who: store.forget(who),
    "rotate": lambda store, _: rotate(store),
    "renew": lambda store, _: renew(store),
    "seen": lambda store, who: store.touch(who, "2030-01-01"),
    "decision": lambda store, who: store.note("decision", who, mode="identify", status="identified"),
    "trim": lambda store, _: trim(store, days=1, now=time.time() + 2 * 86_400),
    "merge": lambda store, who: merge(store, who, store.load().speakers[1].id),
    "migrate": lambda store, _: begin(store, OTHER_ENCODER, enroll_waiting=True),
    "export": lambda store, _: export(store),
    "import": lambda store, _: bring_in(store),
}


def run(folder: Path, shim: ctypes.CDLL) -> dict[str, object]:
    """Raises AssertionError at the first broken promise; otherwise the counts."""
    counts: Counter[str] = Counter()
    codes: Counter[str] = Counter()
    base = folder / "base"
    prepare(base)
    for name in sys.argv[1:] or OPERATIONS:
        operation = OPERATIONS[name]
        for number, stays in FAULTS:
            at = 1
            while one_fault(folder, base, shim, operation, (at, number, stays), codes):
                counts[name] += 1
                at += 1
    counts["move"] = move_faults(folder, base, shim, codes)
    counts["create"] = create_faults(folder, shim, codes)
    return {"faults": sum(counts.values()), "by_operation": dict(counts), "codes": dict(codes), "lost": 0, "torn": 0}


def prepare(base: Path) -> None:
    store = Store.open(base / "index", create_key_file(base / "keys" / "key", data=base / "index"), ENCODER)
    for number in range(3):
        store.add_speaker(f"speaker {number}", [enrollment(number)])
    others = Store.open(base / "others", store.keys, ENCODER)
    others.forget(others.add_speaker("gone", [enrollment(20)]).id)
    for number in range(2):
        others.add_speaker(f"other {number}", [enrollment(10 + number)])
    write_bundle(take_bundle(others), base / "others.bundle")
    others.close()
    store.close()


def one_fault(
    folder: Path,
    base: Path,
    shim: ctypes.CDLL,
    operation: Callable[[Store, str], object],
    fault: tuple[int, int, int],
    codes: Counter[str],
) -> bool:
    """False when the operation makes fewer calls than that, so that nothing failed."""
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base, work)
    data = work / "index"
    store = Store.open(data, load_key_file(work / "keys" / "key", data=data), ENCODER)
    before = people(store)
    code = ""
    shim.voiceprint_fault_arm(*fault)
    try:
        operation(store, store.load().speakers[0].id)
    except VoiceprintError as error:
        code = told(error)
    finally:
        calls = shim.voiceprint_fault_disarm()
    if code:
        codes[code] += 1
        assert people(store) == before or code.startswith(("key", "rotation")), (fault, people(store), before)
    store.add_speaker("after", [enrollment(9)])  # the next write works, on the same connection
    expected = people(store)
    store.close()
    again = Store.open(data, load_key_file(work / "keys" / "key", data=data), store.encoder)
    assert people(again) == expected
    report = check(again)
    assert report.whole, (fault, report.faults)
    again.close()
    return bool(calls >= fault[0])


def people(store: Store) -> SpeakerNames:
    loaded = store.load()
    assert loaded.damaged == (), loaded.damaged
    return [(who.name, len(who.enrollments) + len(who.former)) for who in loaded.speakers]


def move_faults(folder: Path, base: Path, shim: ctypes.CDLL, codes: Counter[str]) -> int:
    """The same while a store of the former layout is opened, which moves it."""
    shutil.copytree(base, folder / "former")
    make_former(folder / "former" / "index", load_key_file(folder / "former" / "keys" / "key", data=base), ENCODER)
    count = 0
    for number, stays in FAULTS:
        for at in range(1, 1000):
            work = folder / "work"
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(folder / "former", work)
            shim.voiceprint_fault_arm(at, number, stays)
            try:
                opened(work).close()
            except VoiceprintError as error:
                codes[told(error)] += 1
            finally:
                calls = shim.voiceprint_fault_disarm()
            store = opened(work)
            assert len(people(store)) == 3
            assert check(store).whole
            store.close()
            if calls < at:
                break
            count += 1
    return count


def opened(work: Path) -> Store:
    return Store.open(work / "index", load_key_file(work / "keys" / "key", data=work / "index"), ENCODER)


def create_faults(folder: Path, shim: ctypes.CDLL, codes: Counter[str]) -> int:
    """The same while a key file and a store are made."""
    count = 0
    for number, stays in FAULTS:
        for at in range(1, 1000):
            work = folder / "create"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            shim.voiceprint_fault_arm(at, number, stays)
            try:
                make(work)
            except VoiceprintError as error:
                codes[told(error)] += 1
            finally:
                calls = shim.voiceprint_fault_disarm()
            make(work)
            if calls < at:
                break
            count += 1
    return count


def told(error: VoiceprintError) -> str:
    """The code, if the message is a sentence."""
    assert error.message.endswith("."), error.message
    return error.code


def make(work: Path) -> None:
    store = Store.open(work / "index", create_key_file(work / "key", data=work / "index"), ENCODER)
    store.close()
