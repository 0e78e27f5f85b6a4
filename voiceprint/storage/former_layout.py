"""The move of a store from layouts 1 and 2 to one row a speaker: one transaction, so that a kill leaves all or nothing.

A speaker who does not open keeps a row of that generation with nothing to open in it, and stays named as damaged.
"""

import sqlite3
from collections.abc import Callable

from voiceprint.storage.sealing.former_codec import open_former
from voiceprint.storage.sealing.seals import Seals
from voiceprint.storage.sealing.vault import SealBrokenError
from voiceprint.storage.sqlite.database import shrink, transaction
from voiceprint.storage.sqlite.former_tables import FormerSpeaker, former_speakers
from voiceprint.storage.sqlite.migrations import LAYOUT, MOVED_LAYOUT, layout_of, migrate
from voiceprint.storage.sqlite.tables import SqliteTables
from voiceprint.storage.tables import SpeakerRow, Tables

__all__ = ["move_former"]


def move_former(database: sqlite3.Connection, seals: Callable[[Tables], Seals]) -> None:
    """Bring a store to the present layout; nothing of the former one is left in the file or its log."""
    if layout_of(database) == LAYOUT:
        return
    tables = SqliteTables(database)
    with transaction(database):
        if layout_of(database) < LAYOUT:  # no other process was quicker
            migrate(database, MOVED_LAYOUT)
            for former in former_speakers(database):
                tables.put_speaker(_moved(seals(tables), former))
            migrate(database)
    shrink(database)


def _moved(seals: Seals, former: FormerSpeaker) -> SpeakerRow:
    speaker_id, generation, token, records = former
    try:
        speaker = open_former(seals, speaker_id, generation, token, records)
    except SealBrokenError:
        return speaker_id, generation, b"", b""
    return speaker_id, generation, *seals.seal_speaker(speaker, generation)
