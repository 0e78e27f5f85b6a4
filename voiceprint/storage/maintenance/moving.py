"""The move of a store to another place: a data folder or a PostgreSQL database, in either direction.

Rows are copied as they are sealed, under the store's own id, in one transaction of the new place, while nothing can be
written to the old one. The old one stays, for its owner to delete once the servers use the new one.
"""

import msgspec

from voiceprint.errors import StoreError
from voiceprint.storage.engine import Place, create
from voiceprint.storage.maintenance.check import check
from voiceprint.storage.sealing.master_keys import MasterKeys
from voiceprint.storage.store import Store, has_store

__all__ = ["MoveReport", "move"]


class MoveReport(msgspec.Struct, frozen=True, kw_only=True):
    """Result of a move. ``source``, ``target``: their names."""

    source: str
    target: str
    speakers: int


def move(source: Place, target: Place, keys: MasterKeys) -> MoveReport:
    """The report of a move; the new store was checked.

    Raises StoreError (also ``store_there``, ``store_damaged``: the old one has faults), KeyFileError; nothing changed.
    """
    if has_store(target):
        raise StoreError("store_there", "There is a store at the new place already; nothing was moved.")
    store = Store.open_existing(source, keys)
    try:
        if faults := check(store).faults:
            raise StoreError("store_damaged", f"The store {store.name} has faults, see 'voiceprint check': {faults[0]}")
        with store.writing() as rows:
            create(target, rows.tables.copy_to)
    finally:
        store.close()
    moved = Store.open_existing(target, store.keys)
    try:
        report = check(moved)
    finally:
        moved.close()
    if report.faults:
        raise StoreError("store_damaged", f"The moved store has faults, use the old one: {report.faults[0]}")
    return MoveReport(source=store.name, target=moved.name, speakers=report.speakers)
