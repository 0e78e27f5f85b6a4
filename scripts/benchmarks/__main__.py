"""Runner: python scripts/benchmarks {acquisition,gallery,latency,store,measure_open_set,embed_folder}"""

import importlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = sorted(path.stem for path in HERE.glob("*.py") if "\ndef main()" in path.read_text(encoding="utf-8"))

if __name__ == "__main__":
    sys.path[0] = str(HERE.parent)
    if len(sys.argv) < 2 or sys.argv[1] not in PROGRAMS:
        sys.exit(f"usage: python scripts/benchmarks {{{','.join(PROGRAMS)}}} [ARGUMENT ...]")
    sys.argv = sys.argv[1:]
    sys.exit(importlib.import_module(f"benchmarks.{sys.argv[0]}").main())
