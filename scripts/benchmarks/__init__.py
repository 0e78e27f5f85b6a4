"""What scripts/bench.py measures, each against the plain way, interleaved in one run."""
