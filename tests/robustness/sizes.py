"""How large the attacks are: small in CI, as the bars say with ``ROBUSTNESS=full``."""

import os

__all__ = ["FULL", "size"]

FULL = os.environ.get("ROBUSTNESS") == "full"


def size(small: int, full: int) -> int:
    """How often, how many, or how long."""
    return full if FULL else small
