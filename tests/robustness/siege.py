"""All attacks at once for many minutes beside an honest client: what was refused, how long it took, how memory went.

python tests/robustness siege --minutes 30
"""

import argparse
import json
import tempfile
import threading
import time
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from support.recordings import wav
from support.serving import Server, make_token, serving
from support.synthetic import VOICES, synthetic_take

from robustness.floods import FLOODS, attacked
from robustness.honest import Honest, p95
from robustness.loads.serving import children, memory_mib, open_files
from robustness.weak_token import abused, heavy_recording

__all__ = ["main"]

ROUND_SECONDS = 60.0


def main() -> int:
    """1 where an honest request failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--share", type=float, default=1.0, help="of what each flood has alone")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setenv("VOICEPRINT_KEY_FILE", str(folder / "master.key"))
        patch.setenv("VOICEPRINT_MAX_ANSWERS_PER_HOUR", "1000000")
        with serving(folder):
            pass
        tokens = {name: make_token(folder, name, "identify") for name in ("honest", "weak")}
        with serving(folder) as server:
            told = _besiege(server, tokens, 60 * given.minutes, given.share)
    print(json.dumps(told))
    return int(bool(told["failures"]))


def _besiege(server: Server, tokens: dict[str, str], seconds: float, share: float) -> dict[str, object]:
    take = synthetic_take(next(iter(VOICES)), 0)
    pcm = (np.clip(take.samples, -1, 1) * 32767).astype("<i2").tobytes()
    idle = Honest(server.url, tokens["honest"], wav(take), pcm).ask(20)
    beside = Honest(server.url, tokens["honest"], wav(take), pcm)
    until, memory, files = time.monotonic() + seconds, list[float](), list[int]()
    attack = threading.Thread(target=_attack, args=(server.port, tokens["weak"], until, share))
    attack.start()
    while (left := until - time.monotonic()) > 1:
        beside.ask(min(ROUND_SECONDS, left))
        memory.append(round(memory_mib(server.process.pid), 1))
        files.append(open_files(server.process.pid))
    attack.join()
    return {
        "minutes": round(seconds / 60, 1),
        "share": share,
        "answers": len(beside.requests) + len(beside.streams),
        "failures": beside.refused[:20],
        "p95_ms": {"idle": _p95_ms(idle), "under siege": _p95_ms(beside)},
        "memory_mib": memory,
        "descriptors": files,
        "decoders_left": len(children(server.process.pid)),
    }


def _p95_ms(client: Honest) -> dict[str, int]:
    return {"requests": round(1000 * p95(client.requests)), "streams": round(1000 * p95(client.streams))}


def _attack(port: int, token: str, until: float, share: float) -> None:
    """Floods of all kinds and the weak token, begun anew each minute."""
    recording = heavy_recording()
    for minute in cycle(range(2)):
        left = until - time.monotonic()
        if left <= 1:
            return
        with ExitStack() as attacks:
            for kind, (_, count) in FLOODS.items():
                part = max(1, round(count * share))
                attacks.enter_context(attacked(kind, port, seconds=left, count=part))
            if minute == 0:
                attacks.enter_context(abused(port, seconds=left, token=token, claimed="0" * 32, recording=recording))
            time.sleep(min(ROUND_SECONDS, left))
