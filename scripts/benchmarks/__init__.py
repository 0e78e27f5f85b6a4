"""Measurements of speed and size; ``python scripts/benchmarks NAME`` runs one alone."""

import sys
from pathlib import Path

# Stand-ins and big stores are shared with the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))
