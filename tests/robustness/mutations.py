"""Random changes of a store's files, for ``mutation``."""

import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

__all__ = ["MUTATIONS", "Material", "Row"]

PAGE = 4096
Row = tuple[Any, ...]


class Material(Protocol):
    """What may be put into a store: rows by table, its own of former times and those of another store; who is gone."""

    old: dict[str, list[Row]]
    foreign: dict[str, list[Row]]
    gone: set[str]


# Mutations of the bytes


def flip_bits(path: Path, chance: random.Random, _bench: Material) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(chance.choice([1, 1, 1, 8, 64])):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def cut(path: Path, chance: random.Random, _bench: Material) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: chance.choice([0, 1, 100, PAGE, chance.randrange(len(data))])])


def zero_a_page(path: Path, chance: random.Random, _bench: Material) -> None:
    overwrite(path, chance, bytes(PAGE))


def randomize_a_page(path: Path, chance: random.Random, _bench: Material) -> None:
    overwrite(path, chance, chance.randbytes(PAGE))


def swap_pages(path: Path, chance: random.Random, _bench: Material) -> None:
    data = bytearray(path.read_bytes())
    one, two = (chance.randrange(len(data) // PAGE) * PAGE for _ in range(2))
    data[one : one + PAGE], data[two : two + PAGE] = data[two : two + PAGE], data[one : one + PAGE]
    path.write_bytes(data)


def overwrite(path: Path, chance: random.Random, page: bytes) -> None:
    data = bytearray(path.read_bytes())
    at = chance.randrange(len(data) // PAGE) * PAGE
    data[at : at + PAGE] = page
    path.write_bytes(data)


# Mutations of the rows


def swap_tokens(path: Path, chance: random.Random, _bench: Material) -> None:
    column = chance.choice(["key", "body"])
    (one, first), (two, second) = chance.sample(execute(path, f"SELECT id, {column} FROM speakers"), 2)
    for token, speaker_id in ((second, one), (first, two)):
        execute(path, f"UPDATE speakers SET {column} = ? WHERE id = ?", token, speaker_id)


def take_from_another_store(path: Path, chance: random.Random, bench: Material) -> None:
    table, name, column, place = chance.choice(
        [("speakers", "id", "key", 2), ("speakers", "id", "body", 3), ("meta", "key", "value", 1)]
    )
    foreign = chance.choice(bench.foreign[table])
    mine = chance.choice(execute(path, f"SELECT {name} FROM {table}"))[0]
    execute(path, f"UPDATE {table} SET {column} = ? WHERE {name} = ?", foreign[place], mine)


def bring_in_a_stranger(path: Path, chance: random.Random, bench: Material) -> None:
    put_speaker(path, bench.foreign, chance.choice(bench.foreign["speakers"])[0])


def exchange_owners(path: Path, chance: random.Random, _bench: Material) -> None:
    one, two = (row[0] for row in chance.sample(execute(path, "SELECT id FROM speakers"), 2))
    for old, new in ((one, "x"), (two, one), ("x", two)):
        execute(path, "UPDATE speakers SET id = ? WHERE id = ?", new, old)


def roll_back_a_row(path: Path, chance: random.Random, bench: Material) -> None:
    table, marks = chance.choice([("speakers", "?, ?, ?, ?"), ("meta", "?, ?")])
    execute(path, f"INSERT OR REPLACE INTO {table} VALUES ({marks})", *chance.choice(bench.old[table]))


def roll_back_a_column(path: Path, chance: random.Random, bench: Material) -> None:
    row = chance.choice(bench.old["speakers"])
    column, place = chance.choice([("generation", 1), ("key", 2), ("body", 3)])
    execute(path, f"UPDATE speakers SET {column} = ? WHERE id = ?", row[place], row[0])


def put_the_forgotten_back(path: Path, chance: random.Random, bench: Material) -> None:
    put_speaker(path, bench.old, chance.choice(sorted(bench.gone)))
    if chance.random() < 0.5:
        execute(path, "DELETE FROM tombstones")
    if chance.random() < 0.3:
        execute(path, "DELETE FROM audit WHERE number > ?", chance.randrange(1, 30))
    if chance.random() < 0.2:
        state = next(row for row in bench.old["meta"] if row[0] == "state")
        execute(path, "INSERT OR REPLACE INTO meta VALUES (?, ?)", *state)


def swap_whole_rows(path: Path, chance: random.Random, bench: Material) -> None:
    rows = execute(path, "SELECT * FROM speakers")
    (one, *first), (two, *second) = chance.sample(rows, 2)
    if chance.random() < 0.3:
        second = list(chance.choice(bench.foreign["speakers"])[1:])
    for speaker_id, row in ((one, second), (two, first)):
        put_speaker(path, {"speakers": [(speaker_id, *row)]}, speaker_id)


def damage_a_token(path: Path, chance: random.Random, _bench: Material) -> None:
    speaker_id, key, body = chance.choice(execute(path, "SELECT id, key, body FROM speakers"))
    column, token = chance.choice([("key", key), ("body", body)])
    spoilt = bytearray(token)
    spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
    execute(path, f"UPDATE speakers SET {column} = ? WHERE id = ?", bytes(spoilt), speaker_id)


def take_a_row_away(path: Path, chance: random.Random, _bench: Material) -> None:
    table = chance.choice(["speakers", "meta", "audit", "tombstones"])
    execute(path, f"DELETE FROM {table} WHERE rowid = (SELECT rowid FROM {table} ORDER BY random() LIMIT 1)")


def change_a_number(path: Path, chance: random.Random, _bench: Material) -> None:
    table, column = chance.choice([("speakers", "generation"), ("audit", "number")])
    execute(
        path,
        f"UPDATE {table} SET {column} = ? WHERE rowid = (SELECT rowid FROM {table} ORDER BY random() LIMIT 1)",
        chance.choice([-1, 0, 1, 2, 3, 1000, 2**62]),
    )


def put_speaker(path: Path, rows: dict[str, list[Row]], speaker_id: str) -> None:
    for row in rows["speakers"]:
        if row[0] == speaker_id:
            execute(path, "INSERT OR REPLACE INTO speakers VALUES (?, ?, ?, ?)", *row)


def execute(path: Path, sql: str, *values: object) -> list[Row]:
    database = sqlite3.connect(path)
    try:
        with database:
            return database.execute(sql, values).fetchall()
    except sqlite3.IntegrityError:
        return []  # a number that is taken: no mutation this time
    finally:
        database.close()


MUTATIONS: list[Callable[[Path, random.Random, Material], None]] = [
    flip_bits,
    cut,
    zero_a_page,
    randomize_a_page,
    swap_pages,
    swap_tokens,
    take_from_another_store,
    bring_in_a_stranger,
    exchange_owners,
    roll_back_a_row,
    roll_back_a_column,
    put_the_forgotten_back,
    swap_whole_rows,
    damage_a_token,
    take_a_row_away,
    change_a_number,
]
