"""The server's log on stderr: sentences for people, or one JSON object a line for machines.

It tells what was asked and how it went, never by whom or about whom: no names, ids, scores or addresses.
"""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime

__all__ = ["FACTS", "SESSION", "JsonLogFormatter", "set_up_logs"]

# Of the request or connection that is being answered, so that its lines can be found together.
SESSION: ContextVar[str | None] = ContextVar("session", default=None)
# What a line may carry beside its sentence (``extra`` of the logging calls).
FACTS = ("method", "route", "status", "seconds")


class JsonLogFormatter(logging.Formatter):
    """One object a line: time (ISO 8601, UTC), level, logger, message, session where there is one, facts, trace."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (session := SESSION.get()) is not None:
            line["session"] = session
        line |= {name: getattr(record, name) for name in FACTS if hasattr(record, name)}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def set_up_logs(*, as_json: bool) -> None:
    """For the whole process. As JSON every request is a line; else only what somebody should read."""
    if not as_json:
        return  # Python's own last resort prints warnings and errors as sentences
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLogFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("voiceprint").setLevel(logging.INFO)
