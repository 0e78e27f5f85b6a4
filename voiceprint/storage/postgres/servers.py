"""The servers over a PostgreSQL database: one row each, by the clock of the database."""

from voiceprint.storage.postgres.tables import PostgresSession

__all__ = ["PostgresServers"]

_NOW = "CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)"
_LIVE_SECONDS, _KEPT_SECONDS = 6, 600


class PostgresServers:
    """``ServerRows`` of a PostgreSQL database."""

    def __init__(self, session: PostgresSession) -> None:
        self._session = session

    def put(self, server_id: str, token: bytes) -> None:
        """Those that were killed go after a while."""
        self._session.execute(f"DELETE FROM servers WHERE seen < {_NOW} - {_KEPT_SECONDS}")  # noqa: S608 - our own
        self._session.execute(
            f"INSERT INTO servers VALUES (?, ?, {_NOW}) ON CONFLICT (id)"  # noqa: S608 - our own
            " DO UPDATE SET token = excluded.token, seen = excluded.seen",
            (server_id, token),
        )

    def remove(self, server_id: str) -> None:
        self._session.execute("DELETE FROM servers WHERE id = ?", (server_id,))

    def live(self) -> list[tuple[str, bytes]]:
        query = f"SELECT id, token FROM servers WHERE seen >= {_NOW} - {_LIVE_SECONDS}"  # noqa: S608 - our own
        return [(server_id, bytes(token)) for server_id, token in self._session.execute(query).fetchall()]
