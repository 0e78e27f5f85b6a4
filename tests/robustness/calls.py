"""Telephone calls at once: how much was said when each was decided on, and whether any was dropped.

    python tests/robustness calls SPEECH_FOLDER [--calls 50] [--protocol audiosocket twilio] [--speech-seconds 2.5]

For each protocol a server and the server of its calls are started on an empty store, in which a fifth as many people as
there are calls are enrolled as a telephone carries them: calls without a name move the threshold of those that come
later. Calls begin within a second and last six, 20 ms a frame at the pace of speech. A loss: a call without a decision,
or one that is ``unavailable``; the rest tells how many were named right, and the processor time that a call took.
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import numpy as np
from support.calls import audiosocket_frames, mulaw, narrow, telephone

from robustness.loads.serving import cpu_seconds, end, start
from voiceprint.audio.decoding import Waveform, read_file
from voiceprint.audio.vad import Listener, VoiceActivity
from voiceprint.client import VoiceprintClient

SECONDS, SPREAD_SECONDS, FRAME_SECONDS, RATE = 6.0, 1.0, 0.02, 8_000
CALLS_A_PERSON, ENROLLED = 5, 3
AFTER_SECONDS = 15.0
Facts = dict[str, Any]


@dataclass(slots=True)
class Call:
    """One leg. ``began``, ``named``: in monotonic seconds."""

    number: int
    person: str
    take: Waveform
    began: float = 0.0
    named: float = float("inf")
    said: Facts = field(default_factory=dict)


def people(folder: Path, count: int) -> dict[str, list[Waveform]]:
    """Recordings of each speaker, as long as a call; of speakers with enough of them."""
    found: dict[str, list[Waveform]] = {}
    for speaker in sorted(one for one in folder.iterdir() if one.is_dir()):
        files = sorted(speaker.iterdir())[: ENROLLED + CALLS_A_PERSON]
        takes = [read_file(path, max_seconds=60, max_bytes=2**24).first for path in files]
        longest = [take for take in takes if len(take.samples) >= SECONDS * 2 * RATE]
        if len(longest) >= ENROLLED + 2:
            found[speaker.name] = [Waveform(take.samples[: int(SECONDS * 2 * RATE)]) for take in longest]
        if len(found) == count:
            return found
    sys.exit(f"{folder} holds fewer than {count} speakers with {ENROLLED + 2} recordings of {SECONDS:.0f} seconds")


async def audiosocket(port: int, call: Call) -> None:
    frames = audiosocket_frames(call.number, narrow(call.take))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    call.began = time.monotonic()
    for number, frame in enumerate(frames):
        await asyncio.sleep(max(0.0, call.began + FRAME_SECONDS * number - time.monotonic()))
        writer.write(frame)
        await writer.drain()
    writer.write_eof()
    await asyncio.wait_for(reader.read(), AFTER_SECONDS)
    writer.close()


async def twilio(port: int, call: Call) -> None:
    form = {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1}
    started = {"callSid": str(UUID(int=call.number)), "mediaFormat": form, "customParameters": {}}
    audio, size = mulaw(call.take), int(FRAME_SECONDS * RATE)
    async with aiohttp.ClientSession() as http, http.ws_connect(f"http://127.0.0.1:{port}/") as line:
        await line.send_json({"event": "start", "start": started})
        call.began = time.monotonic()
        for number, at in enumerate(range(0, len(audio), size), 1):
            await asyncio.sleep(max(0.0, call.began + FRAME_SECONDS * number - time.monotonic()))
            payload = b64encode(audio[at : at + size]).decode()
            await line.send_json({"event": "media", "media": {"chunk": str(number), "payload": payload}})
        await line.send_json({"event": "stop"})
        await line.receive(timeout=AFTER_SECONDS)


PROTOCOLS = {"audiosocket": ("audiosocket", "tcp", audiosocket), "twilio": ("media-streams", "http", twilio)}


async def all_at_once(protocol: str, url: str, calls: Sequence[Call], speech_seconds: float) -> float:
    """Processor seconds of the server of calls. Each call is told what was said of it."""
    command, scheme, speak = PROTOCOLS[protocol]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    options = ["--server", url, "--listen", f"{scheme}://127.0.0.1:{port}", "--speech-seconds", str(speech_seconds)]
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voiceprint", command, *options, stdout=subprocess.PIPE
    )
    assert program.stdout is not None
    await program.stdout.readline()
    listening = asyncio.create_task(_listen(program.stdout, {str(UUID(int=call.number)): call for call in calls}))

    async def begin(call: Call) -> None:
        await asyncio.sleep(SPREAD_SECONDS * call.number / len(calls))
        await speak(port, call)

    await asyncio.gather(*(begin(call) for call in calls), return_exceptions=True)
    await asyncio.wait({listening}, timeout=AFTER_SECONDS)
    spent = cpu_seconds(program.pid)
    program.terminate()
    await program.wait()
    return spent


async def _listen(lines: asyncio.StreamReader, calls: dict[str, Call]) -> None:
    for _ in calls:
        said = json.loads(await lines.readline())
        call = calls[said["call"]]
        call.named, call.said = time.monotonic(), said


def measure(protocol: str, args: argparse.Namespace, found: dict[str, list[Waveform]]) -> Facts:
    """What became of the calls of one protocol."""
    with tempfile.TemporaryDirectory() as folder:
        process, url = start(Path(folder), max_streams=args.calls + 8, max_uploads=8)
        try:
            return asyncio.run(_row(protocol, args, found, url, process.pid))
        finally:
            end(process)


async def _row(protocol: str, args: argparse.Namespace, found: dict[str, list[Waveform]], url: str, pid: int) -> Facts:
    async with VoiceprintClient(url) as client:
        for name, takes in found.items():
            await client.enroll(name, [telephone(take) for take in takes[:ENROLLED]])
    names = list(found)
    calls = [
        Call(number, name, found[name][ENROLLED + number // len(names) % (len(found[name]) - ENROLLED)])
        for number in range(args.calls)
        for name in [names[number % len(names)]]
    ]
    before = cpu_seconds(pid)
    spent = await all_at_once(protocol, url, calls, args.speech_seconds)
    return {
        "protocol": protocol,
        **_told(calls),
        "cpu_ms_a_call": {
            "voiceprint": round(1000 * (cpu_seconds(pid) - before) / len(calls)),
            "server of calls, its start included": round(1000 * spent / len(calls)),
        },
    }


def _told(calls: Sequence[Call]) -> Facts:
    decided = [call for call in calls if call.said.get("status") not in (None, "unavailable")]
    activity = VoiceActivity.load()
    spoken = [_spoken(activity, call) for call in decided]
    return {
        "calls": len(calls),
        "dropped": len(calls) - len(decided),
        "named": sum(call.said.get("name") == call.person for call in decided),
        "wrong_name": sum(call.said.get("name") not in (None, call.person) for call in decided),
        "statuses": dict(Counter(str(call.said.get("status")) for call in calls)),
        "speech_before_s": {
            f"p{share}": round(float(np.percentile(spoken, share)), 2) for share in (50, 95, 100) if spoken
        },
    }


def _spoken(activity: VoiceActivity, call: Call) -> float:
    """Seconds of speech in what was sent until the decision was told."""
    listener = Listener(activity)
    listener.feed(Waveform(call.take.samples[: int((call.named - call.began) * 2 * RATE)]))
    return listener.speech_seconds


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("speech", type=Path)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--protocol", nargs="+", choices=sorted(PROTOCOLS), default=sorted(PROTOCOLS))
    parser.add_argument("--speech-seconds", type=float, default=2.5)
    args = parser.parse_args()
    found = people(args.speech, max(1, args.calls // CALLS_A_PERSON))
    rows = [measure(protocol, args, found) for protocol in args.protocol]
    print(json.dumps({"processors": os.cpu_count(), "load": round(os.getloadavg()[0], 1), "calls": rows}))
    return int(any(row["dropped"] for row in rows))
