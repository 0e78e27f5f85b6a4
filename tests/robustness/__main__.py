"""One runner for all: each prints one JSON object and exits with 1 at a loss.

python tests/robustness NAME [ARGUMENT ...]        (NAME --help tells them; no NAME lists all)
"""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = sorted(path.stem for path in HERE.glob("*.py") if "\ndef main()" in path.read_text(encoding="utf-8"))


def run(name: str) -> int:
    """The exit code of one program, which reads the rest of ``sys.argv``."""
    sys.argv = sys.argv[1:]
    return int(importlib.import_module(f"robustness.{name}").main() or 0)


if __name__ == "__main__":
    sys.path[0] = str(HERE.parent)
    if len(sys.argv) < 2 or sys.argv[1] not in PROGRAMS:
        sys.exit(f"usage: python tests/robustness {{{','.join(PROGRAMS)}}} [ARGUMENT ...]")
    sys.exit(run(sys.argv[1]))
