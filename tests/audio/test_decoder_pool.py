"""The process that forks the decoders: what happens to it, or to a child, is one refusal and nothing more."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.recordings import wav

from voiceprint.audio import decoding
from voiceprint.audio.decoder_pool import Decoders
from voiceprint.audio.decoding import SAMPLE_RATE, Waveform, decode
from voiceprint.errors import AudioError

RECORDING = wav(Waveform(np.random.default_rng(0).normal(scale=0.1, size=SAMPLE_RATE).astype(np.float32)))


@pytest.fixture
def decoders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Decoders]:
    fresh = Decoders()
    monkeypatch.setattr(decoding, "_decoders", fresh)
    yield fresh
    fresh.close()


def hear() -> float:
    return decode(RECORDING, max_seconds=60, max_bytes=2**20).seconds


def first(decoders: Decoders) -> int:
    process = decoders._first
    assert process is not None
    return process.pid


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until_nobody_works(pid: int) -> None:
    deadline = time.monotonic() + 10
    while children(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_one_process_serves_many_recordings_and_leaves_nobody_behind(decoders: Decoders) -> None:
    assert [hear() for _ in range(5)] == [1.0] * 5
    pid = first(decoders)
    assert hear() == 1.0
    assert first(decoders) == pid
    wait_until_nobody_works(pid)
    decoders.close()
    assert not Path(f"/proc/{pid}").exists()


def test_when_it_is_killed_the_next_recording_is_heard_all_the_same(decoders: Decoders) -> None:
    hear()
    pid = first(decoders)
    os.kill(pid, signal.SIGKILL)
    assert hear() == 1.0
    assert first(decoders) != pid


def test_a_child_that_dies_is_one_refusal(decoders: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    start = decoders.start

    def dying(max_seconds: float) -> object:
        child = start(max_seconds)
        child.kill()
        return child

    with monkeypatch.context() as patch:
        patch.setattr(decoders, "start", dying)
        with pytest.raises(AudioError) as caught:
            hear()
    assert caught.value.code == "audio_damaged"
    assert hear() == 1.0


def test_a_child_has_its_three_pipes_and_limits_of_its_own(decoders: Decoders) -> None:
    hear()
    wait_until_nobody_works(first(decoders))
    with decoders.start(60.0) as child:
        pid = children(first(decoders))[0]
        deadline = time.monotonic() + 10
        while "Max file size             0 " not in Path(f"/proc/{pid}/limits").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert sorted(path.name for path in Path(f"/proc/{pid}/fd").iterdir()) == ["0", "1", "2"]
        child.stdin.close()
        assert child.stdout.read() == b""
        assert b"not_audio" in child.stderr.read()


def test_it_ends_with_its_parent() -> None:
    script = (
        "import os, sys; from voiceprint.audio.decoder_pool import Decoders\n"
        "d = Decoders(); d.start(1.0).kill(); print(d._first.pid, flush=True); os._exit(0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    pid, deadline = int(done.stdout), time.monotonic() + 10
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_no_descriptor_is_left_over(decoders: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    hear()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        hear()
    made, pipes = os.pipe, iter(range(2))

    def scarce() -> tuple[int, int]:
        if next(pipes, None) is None:
            raise OSError(24, "Too many open files")
        return made()

    with monkeypatch.context() as patch:
        patch.setattr(os, "pipe", scarce)
        with pytest.raises(AudioError):
            hear()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_where_none_can_be_started_it_is_said(decoders: Decoders, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(AudioError) as caught:
        hear()
    assert caught.value.code == "audio_not_decoded"
    assert "No such file" in caught.value.message
