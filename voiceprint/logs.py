"""The server's log on stderr: sentences for people, or JSON Lines for machines.

It records requests and their results, never the client or the speaker: no names, ids, scores or addresses.
"""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

__all__ = ["FACTS", "SESSION", "JsonLogFormatter", "set_up_logs"]

# Id of the request or connection in progress, common to its log records.
SESSION: ContextVar[str | None] = ContextVar("session", default=None)
# Fields that a record may carry beside its message (``extra`` of the logging calls).
FACTS = ("method", "route", "status", "seconds")


class JsonLogFormatter(logging.Formatter):
    """One JSON object a record: time (ISO 8601, UTC), level, logger, message, session, facts."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (session := SESSION.get()) is not None:
            fields["session"] = session
        fields |= {name: getattr(record, name) for name in FACTS if hasattr(record, name)}
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


def set_up_logs(*, as_json: bool) -> None:
    """Set up the log of the process: every request as JSON, or warnings and errors as text."""
    if not as_json:
        return  # Python's own last resort prints warnings and errors as sentences
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLogFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("voiceprint").setLevel(logging.INFO)
