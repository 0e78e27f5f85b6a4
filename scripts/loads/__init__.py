"""What scripts/load_test.py, stop_test.py and their like do to a running server."""
