#!/usr/bin/env python3
"""A receiver of voiceprint's webhook, to copy from: needs nothing but Python.

    webhook_receiver.py SECRET_FILE [--port 8080]

It refuses a changed call (401), a late one (400) and a replayed one (409), and prints the event of every other. The
format is that of https://www.standardwebhooks.com, for which there are libraries in many languages.
"""

import argparse
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any

TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 65_536


class RefusedCallError(Exception):
    """A call that must not be acted upon. ``status``: the answer of HTTP to it."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Receiver:
    """Checks calls. Thread safe. Ids are remembered for as long as their calls would not be late."""

    def __init__(self, secret: str, *, clock: Callable[[], float] = time.time) -> None:
        """``secret``: as in the file, ``whsec_`` and base64."""
        self._secret = base64.b64decode(secret.strip().removeprefix("whsec_"))
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._lock = Lock()

    def receive(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The event of a call. Raises RefusedCallError."""
        headers = {name.lower(): value for name, value in headers.items()}
        call_id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        digest = hmac.digest(self._secret, f"{call_id}.{at}.".encode() + body, hashlib.sha256)
        expected = "v1," + base64.b64encode(digest).decode()
        given = headers.get("webhook-signature", "").split()
        if not any(hmac.compare_digest(expected.encode(), one.encode()) for one in given):
            raise RefusedCallError(401, "changed, or signed with another secret")
        now = self._clock()
        if abs(now - int(at)) > TOLERANCE_SECONDS:
            raise RefusedCallError(400, "late")
        with self._lock:
            self._seen = {seen: when for seen, when in self._seen.items() if now - when <= 2 * TOLERANCE_SECONDS}
            if call_id in self._seen:
                raise RefusedCallError(409, "replayed")
            self._seen[call_id] = now
        event: dict[str, Any] = json.loads(body)
        return event


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if not length.isdigit() or int(length) > MAX_BODY_BYTES:
                self.send_error(400)
                return
            try:
                event = receiver.receive(dict(self.headers.items()), self.rfile.read(int(length)))
            except RefusedCallError as error:
                self.send_error(error.status, str(error))
                return
            print(json.dumps(event), flush=True)  # here goes what is to be done
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """No line for each call."""

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("secret_file", type=Path)
    parser.add_argument("--port", type=int, default=8080)
    args = parser.parse_args()
    receiver = Receiver(args.secret_file.read_text(encoding="ascii"))
    ThreadingHTTPServer(("127.0.0.1", args.port), _handler(receiver)).serve_forever()


if __name__ == "__main__":
    main()
