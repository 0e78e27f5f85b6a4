"""The tables in a PostgreSQL database."""

from collections.abc import Iterator, Sequence
from typing import Any

from psycopg import Connection, Cursor

from voiceprint.storage.postgres.migrations import LAYOUT, MIGRATIONS, SCHEMA
from voiceprint.storage.tables import SPEAKER_TYPES, SPEAKERS, SpeakerRow, Tables

__all__ = ["PostgresSession", "PostgresTables", "layout_of", "migrate"]

_TRIGGERS = "SELECT DISTINCT trigger_name FROM information_schema.triggers WHERE event_object_schema = ?"
_BATCH = 2000


class PostgresSession:
    """A connection that takes question marks for values."""

    def __init__(self, connection: Connection[tuple[Any, ...]]) -> None:
        self.connection = connection

    def execute(self, sql: str, values: Sequence[object] = (), /) -> Cursor[tuple[Any, ...]]:
        return self.connection.execute(sql.replace("?", "%s").encode(), values or None, binary=True)


class PostgresTables(Tables):
    """``Tables`` of a PostgreSQL database."""

    database: PostgresSession

    def schema_faults(self) -> list[str]:
        found = self.database.execute(_TRIGGERS, (SCHEMA,)).fetchall()
        return [f"The database has the trigger {name!r:.80}, which voiceprint did not make." for (name,) in found]

    def faults(self) -> list[str]:
        return self.schema_faults()

    def speakers(self) -> Iterator[SpeakerRow]:
        with self.database.connection.cursor(name="speakers", binary=True) as cursor:
            cursor.itersize = _BATCH
            row: Any
            for row in cursor.execute(SPEAKERS.encode()):
                if tuple(map(type, row)) == SPEAKER_TYPES:
                    yield row


def layout_of(session: PostgresSession) -> int | None:
    """The number of the last step taken; None without a store."""
    query = "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = 'layout'"
    if not session.execute(query, (SCHEMA,)).fetchall():
        return None
    return int(session.execute("SELECT max(version) FROM layout").fetchall()[0][0])


def migrate(session: PostgresSession) -> None:
    """Take the missing steps, within a transaction of the caller."""
    done = layout_of(session)
    if done is None:
        session.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        session.execute("CREATE TABLE layout (version BIGINT PRIMARY KEY)")
    for number in range(done or 0, LAYOUT):
        for statement in MIGRATIONS[number]:
            session.execute(statement)
        session.execute("INSERT INTO layout VALUES (?)", (number + 1,))
