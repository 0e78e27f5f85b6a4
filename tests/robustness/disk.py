"""Send recordings over every path, kill the server in the middle, and search the disk for anything of them.

    python tests/robustness disk [CLIPS] [--speech FOLDER] [--trace]        (40, ../shared/speech/dev)

Every clip is a real recording with noise of its own, so that no other bytes in the world are like it. The server's
data, temporary folder, working folder, home and log are in one new folder, which is searched for pieces of every clip:
as 16 bit samples, as floats and doubles, in base64. --trace runs the server under strace instead and lists every file
that was opened for writing, made or renamed. Exit code 1 where anything was found.
"""

import argparse
import asyncio
import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import wave
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp
import numpy as np
from numpy.typing import NDArray
from support.paths import ROOT, SPEECH

from voiceprint.api import messages
from voiceprint.api.messages import Cancel, Hello, Start, Stop
from voiceprint.audio.decoding import SAMPLE_RATE, read_file
from voiceprint.domain.vocabulary import Consent

CONSENT = Consent(purpose="to look for traces")
FRAME = 6400
PIECES = 8
TRACED = "openat,open,creat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,memfd_create,mknodat"
PATHS = (
    *("live_enroll", "live_identify", "live_cancel", "live_cut", "identify", "enroll", "not_audio", "cut_short"),
    *("recording", "recording_forgotten", "recording_not_audio", "recording_cut"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", type=int, nargs="?", default=40)
    parser.add_argument("--speech", type=Path, default=SPEECH)
    parser.add_argument("--trace", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = (trace if args.trace else search_all)(args.clips, args.speech, Path(folder).resolve())
    print(json.dumps(found))
    return 1 if found["hits"] else 0


def search_all(count: int, speech: Path, folder: Path) -> dict[str, object]:
    """Every path, a kill in the middle of three of them, a restart; the counts."""
    clips = list(make_clips(count + 4, speech))
    sent: Counter[str] = Counter()
    with serving(folder) as (url, process):
        asyncio.run(talk(url, clips[:count], sent))
        asyncio.run(be_killed(url, process, clips[count : count + 2], sent))
    after_kill = search(folder, clips)
    commands(folder, clips[count + 2 :], sent)
    with serving(folder):
        pass
    hits = [*after_kill, *search(folder, clips)]
    leak = folder / "home" / "control"
    leak.write_bytes(b"x" + pcm(clips[0]))
    assert search(folder, clips), "the search does not find what it looks for"
    leak.unlink()
    files = [path for path in folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    return {"clips": len(clips), **sent, "files_searched": len(files), "bytes_searched": size, "hits": hits}


def trace(count: int, speech: Path, folder: Path) -> dict[str, object]:
    """Which files the server and its children opened for writing, made or renamed."""
    clips = list(make_clips(count, speech))
    with serving(folder):  # what is made once, at the first start, is not what is looked for
        pass
    log = folder / "strace"
    with serving(folder, "strace", "-f", "-qq", "-e", f"trace={TRACED}", "-o", str(log)) as (url, _):
        asyncio.run(talk(url, clips, Counter()))
    written = sorted({re.sub(r"^" + re.escape(str(folder)), "…", path) for path in written_files(log.read_text())})
    known = re.compile(r"…/index/voiceprint\.db(-wal|-shm|\.room)?|…/keys/master\.key(\.lock)?|/dev/null|/dev/tty")
    return {"clips": len(clips), "written": written, "hits": [path for path in written if not known.fullmatch(path)]}


def written_files(log: str) -> Iterator[str]:
    """The paths of successful calls that can leave something on a disk."""
    for line in log.splitlines():
        call = re.search(r'(\w+)\(.*?"([^"]*)"(.*)\)\s+= (-?\d+)', line)
        if call is None or int(call[4]) < 0:
            continue
        if not call[1].startswith("open") or re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE", call[3]):
            yield call[2]


@contextmanager
def serving(folder: Path, *before: str) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """A server whose every folder is in ``folder``; it may be killed meanwhile."""
    for name in ("tmp", "home", "cwd", "keys"):
        (folder / name).mkdir(exist_ok=True)
    command = [*before, sys.executable, "-m", "voiceprint", "serve", "--data", str(folder / "index"), "--port", "0"]
    with (folder / "server.log").open("a") as log:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder / "cwd",
            env=environ(folder),
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("ready on "):
                    yield line.split()[-1], process
                    break
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)  # strace keeps a signal for itself, so it goes to both
            process.stdout.close()
            process.wait(60)


def environ(folder: Path) -> dict[str, str]:
    own = {"HOME": folder / "home", "TMPDIR": folder / "tmp", "VOICEPRINT_KEY_FILE": folder / "keys" / "master.key"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VOICEPRINT_", "XDG_"))}
    if models := os.environ.get("VOICEPRINT_MODELS"):  # with the segmentation, which tells voices apart
        kept["VOICEPRINT_MODELS"] = models
    return {**kept, "PYTHONPATH": str(ROOT), **{name: str(value) for name, value in own.items()}}


# The clips


def make_clips(count: int, speech: Path) -> Iterator[NDArray[np.int16]]:
    """Recordings (samples,), 16 bit at 16 kHz, each with noise of its own."""
    files = sorted(path for path in speech.rglob("*") if path.suffix in (".flac", ".wav", ".mp3", ".ogg", ".opus"))
    if not files:
        sys.exit(f"disk_test: there is no recording in {speech}; give a folder with --speech.")
    chance = np.random.default_rng()
    for number in range(count):
        samples = read_file(files[number * 7 % len(files)], max_seconds=60, max_bytes=2**24).first.samples[
            : 8 * SAMPLE_RATE
        ]
        noisy = samples + chance.normal(scale=0.001, size=len(samples))
        yield np.round(np.clip(noisy, -1, 1) * 32767).astype("<i2")


def pcm(clip: NDArray[np.int16]) -> bytes:
    return clip.tobytes()


def wav(clip: NDArray[np.int16]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes(pcm(clip))
    return buffer.getvalue()


def pieces(clip: NDArray[np.int16]) -> Iterator[bytes]:
    """What would be found of a clip if it lay anywhere."""
    for at in np.linspace(SAMPLE_RATE // 2, len(clip) - 200, PIECES).astype(int):
        part = clip[at : at + 24]
        yield part.tobytes()
        yield base64.b64encode(clip[at : at + 60].tobytes())[4:68]
        for scale in (32767, 32768):
            yield (part[:12] / np.float32(scale)).astype("<f4").tobytes()
            yield (part[:8].astype(np.float64) / scale).tobytes()


def search(folder: Path, clips: list[NDArray[np.int16]]) -> list[str]:
    """Files that hold a piece of a clip."""
    needles = [piece for clip in clips for piece in pieces(clip)]
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if (content := path.read_bytes()) and any(one in content for one in needles)]


# What is done with them


async def talk(url: str, clips: list[NDArray[np.int16]], sent: Counter[str]) -> None:
    for number, clip in enumerate(clips):
        path = PATHS[number % len(PATHS)]
        if path.startswith("live"):
            said = await live(url, path, clip, f"Person {number}")
        elif path.startswith("recording"):
            said = await recording(url, path, clip, f"Person {number}")
        else:
            said = await upload(url, path, clip, f"Person {number}")
        sent[path] += 1
        sent[f"said_{said}"] += 1


async def live(url: str, path: str, clip: NDArray[np.int16], name: str) -> str:
    """The type of the last message."""
    async with aiohttp.ClientSession(url) as session, session.ws_connect("/ws") as socket:
        await socket.send_str(messages.encode(Hello(version=1)))
        who = {"mode": "enroll", "name": name, "consent": CONSENT} if path == "live_enroll" else {"mode": "identify"}
        start = Start(encoding="pcm_s16le", sample_rate=SAMPLE_RATE, **who)
        await socket.send_str(messages.encode(start))
        audio = pcm(clip)
        end = len(audio) if path in ("live_enroll", "live_identify") else len(audio) // 2
        for at in range(0, end, FRAME):
            await socket.send_bytes(audio[at : min(at + FRAME, end)])
        if path == "live_cut":
            return "nothing"
        await socket.send_str(messages.encode(Cancel() if path == "live_cancel" else Stop()))
        while path != "live_cancel":
            said = json.loads(await socket.receive_str(timeout=120))
            if said["type"] in ("enrolled", "error") or said.get("final"):
                return str(said["type"])
        return "nothing"


async def upload(url: str, path: str, clip: NDArray[np.int16], name: str) -> str:
    """The type of the answer."""
    async with aiohttp.ClientSession(url) as session:
        if path == "enroll":
            form = aiohttp.FormData({"name": name})
            long = np.tile(clip, 6)  # above the megabyte from which aiohttp's own reader would use the disk
            form.add_field("audio", io.BytesIO(wav(long)), filename="clip.wav")
            said = await (await session.post("/v1/speakers", data=form)).json()
            return str(said.get("type", "error"))
        body = wav(clip)
        body = {"not_audio": b"<html>" + body, "cut_short": body[: len(body) // 2]}.get(path, body)
        said = await (await session.post("/v1/identify", data=body)).json()
        return str(said.get("type", "error"))


async def recording(url: str, path: str, clip: NDArray[np.int16], name: str) -> str:
    """The state of the job at its end; a voice in one that is done is named, and it is forgotten."""
    whole = wav(np.tile(clip, 4))
    sent = {"recording_not_audio": b"<html>" + whole, "recording_cut": whole[: len(whole) // 2]}.get(path, whole)

    async def body() -> AsyncIterator[bytes]:
        for at in range(0, len(sent), 1 << 16):
            yield sent[at : at + (1 << 16)]

    async with aiohttp.ClientSession(url) as session:
        size = len(whole) if path == "recording_cut" else len(sent)
        job = await (await session.post(f"/v1/recordings?size={size}")).json()
        one = f"/v1/recordings/{job['id']}"
        await session.put(f"{one}/audio", data=body())
        while job["state"] in ("waiting", "running"):
            await asyncio.sleep(0.2)
            job = await (await session.get(one)).json()
        for voice in (job["timeline"] or {}).get("voices", ()):
            named = {"name": f"{name} {voice['voice']}", "consent": {"purpose": CONSENT.purpose}}
            await session.post(f"{one}/voices/{voice['voice']}", json=named)
        if path == "recording_forgotten":
            await session.delete(one)
        return str(job["state"])


async def be_killed(
    url: str, process: "subprocess.Popen[str]", clips: list[NDArray[np.int16]], sent: Counter[str]
) -> None:
    """Half an upload and half a take are there when the kill comes."""

    async def half() -> AsyncIterator[bytes]:
        yield wav(clips[0])[: len(clips[0])]
        await asyncio.sleep(1)
        process.send_signal(signal.SIGKILL)

    with suppress(aiohttp.ClientError, ConnectionError, asyncio.TimeoutError):
        async with aiohttp.ClientSession(url) as session, session.ws_connect("/ws") as socket:
            await socket.send_str(messages.encode(Hello(version=1)))
            await socket.send_str(
                messages.encode(Start(mode="identify", encoding="pcm_s16le", sample_rate=SAMPLE_RATE))
            )
            for at in range(0, len(pcm(clips[1])) // 2, FRAME):
                await socket.send_bytes(pcm(clips[1])[at : at + FRAME])
            job = await (await session.post("/v1/recordings", data=io.BytesIO(wav(np.tile(clips[0], 8))))).json()
            assert job["state"] in ("waiting", "running"), job
            await session.post("/v1/identify", data=half())
    sent["killed"] += 3


def commands(folder: Path, clips: list[NDArray[np.int16]], sent: Counter[str]) -> None:
    """The command line, on recordings that lie elsewhere."""
    with tempfile.TemporaryDirectory() as elsewhere:
        for clip, words in zip(clips, (["enroll", "Ada"], ["identify"]), strict=True):
            path = Path(elsewhere) / f"{time.monotonic_ns()}.wav"
            path.write_bytes(wav(clip))
            command = [sys.executable, "-m", "voiceprint", *words, str(path), "--data", str(folder / "index")]
            done = subprocess.run(command, env=environ(folder), cwd=folder / "cwd", capture_output=True, check=False)
            assert done.returncode in (0, 1, 2), done.stderr[-500:]
            sent["command_line"] += 1
