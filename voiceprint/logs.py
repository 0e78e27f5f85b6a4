"""The server's log on stderr: sentences for people, or JSON Lines for machines.

It records requests and their results, never the client or the speaker: no names, ids, scores or addresses. What
libraries log may hold what a client sent (a header with a token in it), and so may the words of any exception: of a
library's record only its logger and the kind of the error are told, of a trace only the places in the code.
"""

import json
import logging
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime

__all__ = ["FACTS", "SESSION", "JsonLogFormatter", "SentenceFormatter", "set_up_logs"]

# Id of the request or connection in progress, common to its log records.
SESSION: ContextVar[str | None] = ContextVar("session", default=None)
# Fields that a record may carry beside its message (``extra`` of the logging calls).
FACTS = ("method", "route", "status", "seconds")
_OURS = "voiceprint"


class JsonLogFormatter(logging.Formatter):
    """One JSON object a record: time (ISO 8601, UTC), level, logger, message, session, facts."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _sentence(record),
        }
        if (session := SESSION.get()) is not None:
            fields["session"] = session
        fields |= {name: getattr(record, name) for name in FACTS if hasattr(record, name)}
        if trace := _trace(record):
            fields["trace"] = trace
        return json.dumps(fields, ensure_ascii=False)


class SentenceFormatter(logging.Formatter):
    """One sentence a record, and the traceback of an unforeseen error."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(filter(None, (_sentence(record), _trace(record))))


def set_up_logs(*, as_json: bool) -> None:
    """Set up the log of the process: every request as JSON, or warnings and errors as text."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLogFormatter() if as_json else SentenceFormatter())
    handler.addFilter(_is_told)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.raiseExceptions = False  # a line that cannot be written must not print what is in it
    logging.getLogger(_OURS).setLevel(logging.INFO if as_json else logging.WARNING)
    logging.captureWarnings(capture=True)


def _is_told(record: logging.LogRecord) -> bool:
    """Whether a record is ours, or a library's warning or error: some libraries set a lower level themselves."""
    return record.name.partition(".")[0] == _OURS or record.levelno >= logging.WARNING


def _sentence(record: logging.LogRecord) -> str:
    if record.name.partition(".")[0] == _OURS:
        return record.getMessage()
    kind = record.exc_info[0] if record.exc_info else None
    return f"{record.name}: {kind.__name__ if kind else record.levelname.lower()} in {record.module}.{record.funcName}"


def _trace(record: logging.LogRecord) -> str:
    """Kind of the error, and where it came from; nothing of what it says."""
    kind, error, trace = record.exc_info or (None, None, None)
    if kind is None or error is None or record.name.partition(".")[0] != _OURS:
        return ""
    return "".join([*traceback.format_tb(trace), kind.__qualname__])
