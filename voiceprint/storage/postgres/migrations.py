"""The layout of the tables in numbered steps, in plain SQL: no function, trigger or advisory lock.

Only random ids, counters, days and sealed tokens are in the columns, and no time of anything that a person did. All of
it lies in a schema of its own.
"""

__all__ = ["LAYOUT", "MIGRATIONS", "SCHEMA"]

SCHEMA = "voiceprint"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value BYTEA NOT NULL)",
        "CREATE TABLE speakers ("
        "id TEXT PRIMARY KEY, generation BIGINT NOT NULL, key BYTEA NOT NULL, body BYTEA NOT NULL)",
        "CREATE TABLE tombstones (mark TEXT PRIMARY KEY, day TEXT NOT NULL)",
        "CREATE TABLE audit (number BIGINT PRIMARY KEY, token BYTEA NOT NULL, chain TEXT NOT NULL)",
    ),
    # When a server was last heard from, in seconds since 1970.
    ("CREATE TABLE servers (id TEXT PRIMARY KEY, token BYTEA NOT NULL, seen BIGINT NOT NULL)",),
)
LAYOUT = len(MIGRATIONS)
