"""A small shard of training data, and batches of it."""

from pathlib import Path

import pytest
from training import batches, data

from support.training import HEAD, stand_in_teacher, voice


@pytest.fixture
def shard(tmp_path: Path) -> data.Shard:
    pieces = [voice(90 + 12 * n, 2.2, seed=m) for n in range(8) for m in range(2)]
    speakers = [f"librispeech/speaker-{n}/s1.00f1.00" for n in range(8) for _ in range(2)]
    held = [n >= 6 for n in range(8) for _ in range(2)]
    folder = tmp_path / "librispeech-s1.00f1.00"
    data.write_shard(folder, pieces, speakers, held, [stand_in_teacher(p) for p in pieces], HEAD)
    return data.read_shard(folder)


@pytest.fixture
def drawn(shard: data.Shard) -> batches.Batches:
    mean = batches.teacher_mean([shard])
    return batches.Batches([shard], mean, HEAD, size=6, bank=8, crops=((1.5, 1.0),))
