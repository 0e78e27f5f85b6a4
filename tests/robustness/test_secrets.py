"""Malformed requests, cut uploads and a crash: nothing that a client sent lies in the log, a metric or a core file."""

import random
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from support.recordings import wav
from support.serving import Server, serving
from support.synthetic import VOICES, synthetic_take

from robustness.sizes import size

SECRET = "vp_S3cretS3cretS3cretS3cretS3cret"
NAME, AUDIO = "Zsuzsanna Quastrellius", b"Aud1oAud1oAud1o"
ROUNDS = size(4, 1250)


def _request(line: str, *headers: str, body: bytes = b"") -> bytes:
    head = [line, "Host: 127.0.0.1", f"Authorization: Bearer {SECRET}", *headers]
    return "\r\n".join([*head, "", ""]).encode("latin-1") + body


def _malformed(dice: random.Random) -> Iterator[bytes]:
    """One of each kind: all of them carry the token, a name and a piece of audio."""
    yield _request("GET / HTTP/1.1", f"X-{NAME}\x00bad: {SECRET}")
    yield _request("GET /healthz HTTP/9.x")
    yield _request(f"G@T /{SECRET} HTTP/1.1")
    yield _request("POST /v1/identify HTTP/1.1", "Transfer-Encoding: chunked", body=b"zz\r\n" + AUDIO)
    yield _request("POST /v1/identify HTTP/1.1", "Content-Length: 100000", body=AUDIO * dice.randrange(1, 9))
    yield _request("POST /v1/speakers HTTP/1.1", f"Content-Type: multipart/form-data; boundary={NAME[:9]}", body=AUDIO)
    upgrade = (
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: " + "A" * 22 + "==",
    )
    yield _request("GET /ws HTTP/1.1", *upgrade, f"Sec-WebSocket-Protocol: {SECRET}", body=b"\x81\x05" + AUDIO)
    yield dice.randbytes(20) + SECRET.encode() + AUDIO + NAME.encode()


def _send(port: int, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.2)
        try:
            while connection.recv(65536):
                pass
        except OSError:
            pass


def _secrets_in(text: bytes) -> list[str]:
    return [told for told in (SECRET, SECRET[3:20], NAME, AUDIO.decode()) if told.encode() in text]


def _enroll(url: str) -> None:
    """A speaker of that name, whose recording the server has heard."""
    body = b"--b\r\nContent-Disposition: form-data; name=name\r\n\r\n" + NAME.encode()
    for seed in range(2):
        take = wav(synthetic_take(next(iter(VOICES)), seed))
        body += b"\r\n--b\r\nContent-Disposition: form-data; name=audio; filename=a\r\n\r\n" + take
    request = urllib.request.Request(f"{url}/v1/speakers", body + b"\r\n--b--\r\n")
    request.add_header("Content-Type", "multipart/form-data; boundary=b")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 201


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def _attack(server: Server, rounds: int) -> tuple[bytes, bytes]:
    """What the metrics and the environment held before the server crashed."""
    dice = random.Random(0)
    requests = [data for _ in range(rounds) for data in _malformed(dice)]
    with ThreadPoolExecutor(16) as senders:
        list(senders.map(partial(_send, server.port), requests))
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=30) as answer:
        metrics: bytes = answer.read()
    environment = Path(f"/proc/{server.process.pid}/environ").read_bytes()
    server.process.send_signal(signal.SIGSEGV)
    server.process.wait(30)
    print(f"{len(requests)} malformed requests and a crash")
    return metrics, environment


@pytest.mark.parametrize("options", [(), ("--log-json",)])
def test_malformed_requests_and_a_crash_leave_no_secret(
    tmp_path: Path, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # where a core file would lie
    looked_at, before = list[bytes](), set[Path]()

    def run() -> None:
        with serving(tmp_path, options=options) as server:
            _enroll(server.url)
            before.update(_files(tmp_path))
            looked_at.extend(_attack(server, ROUNDS if options else 1))

    with pytest.raises(AssertionError, match="ended with -11"):
        run()
    left = _files(tmp_path)
    for content in (*looked_at, *(path.read_bytes() for path in left)):
        assert _secrets_in(content) == []
    assert left == before
    log = (tmp_path / "server.log").read_bytes()
    assert b"aiohttp.server" in log  # it was told that something came
    assert b"Traceback" not in log
    assert b'"trace"' not in log


def test_a_crash_leaves_no_core_file_and_nobody_looks_into_the_memory(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    # 3: PR_GET_DUMPABLE
    code = "import ctypes, sys; from voiceprint.cli import main; main(['token', 'list', '--data', sys.argv[1]]); "
    code += "print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True); input()"
    command = [sys.executable, "-c", code, str(tmp_path / "none")]
    with subprocess.Popen(
        command, cwd=tmp_path / "here", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"0\n"
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        process.send_signal(signal.SIGSEGV)
        assert process.wait(30) == -signal.SIGSEGV
    assert "Max core file size        0                    0 " in limits
    assert list((tmp_path / "here").iterdir()) == []
