"""One runner for all: each prints one JSON object and exits with 1 at a loss.

python tests/robustness NAME [ARGUMENT ...]        (NAME --help tells them; no NAME lists all)

The attacks that are tests run at their full size here, and take arguments of pytest.
"""

import importlib
import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PROGRAMS = sorted(path.stem for path in HERE.glob("*.py") if "\ndef main()" in path.read_text(encoding="utf-8"))
ATTACKS = sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.py") if path.stem != "test_robustness")


def run(name: str) -> int:
    """The exit code of one program or attack, which reads the rest of ``sys.argv``."""
    sys.argv = sys.argv[1:]
    if name in PROGRAMS:
        return int(importlib.import_module(f"robustness.{name}").main() or 0)
    os.environ["ROBUSTNESS"] = "full"
    return int(pytest.main(["-q", "-s", str(HERE / f"test_{name}.py"), *sys.argv[1:]]))


if __name__ == "__main__":
    sys.path[0] = str(HERE.parent)
    names = sorted({*PROGRAMS, *ATTACKS})
    if len(sys.argv) < 2 or sys.argv[1] not in names:
        sys.exit(f"usage: python tests/robustness {{{','.join(names)}}} [ARGUMENT ...]")
    sys.exit(run(sys.argv[1]))
