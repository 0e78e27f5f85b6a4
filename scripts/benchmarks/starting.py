"""Time from process start to first embedding: the server's path, and SpeechBrain alone."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.timing import Figures

__all__ = ["measure_start"]

_OURS = """
import sys
from pathlib import Path
import numpy as np
from voiceprint.config import Settings
from voiceprint.audio.decoding import Waveform
from voiceprint.service.factory import open_service
model = Path(sys.argv[2])
settings = Settings(data=Path(sys.argv[1]) / "index", models=model.parent, encoder=model.name, runtime="onnx")
with open_service(settings) as service:
    clip = Waveform(np.random.default_rng(0).normal(scale=0.1, size=48_000).astype(np.float32))
    service.identify(service.hear(clip))
    service.encoder.encode([clip])
print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))
"""
_PLAIN = """
import sys
from pathlib import Path
import numpy as np
from voiceprint.encoding.model_folder import ModelFolder
from voiceprint.encoding.speechbrain_runtime import SpeechBrainRuntime
reference = SpeechBrainRuntime.load(ModelFolder.open(Path(sys.argv[2])))
reference.embed(np.random.default_rng(0).normal(scale=0.1, size=48_000).astype(np.float32))
print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))
"""


def measure_start(model: Path, cache_home: Path, data: Path, rounds: int) -> Figures:
    """Ratios ``start`` and ``memory`` (peak resident), and their seconds and megabytes."""
    environ = {
        **os.environ,
        "XDG_CACHE_HOME": str(cache_home),
        "VOICEPRINT_KEY_FILE": str(data / "key"),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }
    runs = [[_run(code, environ, data, model) for code in (_OURS, _PLAIN)] for _ in range(rounds + 1)][1:]
    (ours, plain) = np.median(np.array(runs), axis=0)
    helps = [_help(environ) for _ in range(rounds)]
    return {
        "start": float(ours[0] / plain[0]),
        "memory": float(ours[1] / plain[1]),
        "start_s": float(ours[0]),
        "start_speechbrain_s": float(plain[0]),
        "memory_mb": float(ours[1] / 1024),
        "memory_speechbrain_mb": float(plain[1] / 1024),
        "help_s": float(np.median(helps)),
    }


def _run(code: str, environ: dict[str, str], data: Path, model: Path) -> tuple[float, float]:
    begun = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", code, str(data), str(model)], env=environ, capture_output=True, text=True, check=True
    )
    return time.perf_counter() - begun, float(ran.stdout.split()[-1])


def _help(environ: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "voiceprint", "identify", "--help"], env=environ, capture_output=True, check=True
    )
    return time.perf_counter() - begun
