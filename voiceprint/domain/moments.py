"""Times as text."""

from datetime import UTC, datetime

__all__ = ["iso_moment"]


def iso_moment(seconds: float) -> str:
    """ISO 8601 in UTC, to the second, of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
