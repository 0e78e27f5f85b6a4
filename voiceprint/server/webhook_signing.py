"""Signatures of webhook calls, as https://www.standardwebhooks.com specifies them (symmetric, version 1)."""

import base64
import hashlib
import hmac
from binascii import Error as Base64Error
from collections.abc import Mapping
from pathlib import Path

from voiceprint.errors import ConfigError

__all__ = ["load_secret", "signed_headers"]

PREFIX, MIN_SECRET_BYTES = "whsec_", 24


def load_secret(file: Path | None) -> bytes | None:
    """The shared secret in a file: ``whsec_`` and base64 of 24 bytes or more. Raises ConfigError."""
    if file is None:
        return None
    try:
        text = file.read_text(encoding="ascii").strip()
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (OSError, UnicodeError, Base64Error) as error:
        raise ConfigError("bad_webhook", f"The secret of the webhook in {file} cannot be read: {error}.") from error
    if not text.startswith(PREFIX) or len(secret) < MIN_SECRET_BYTES:
        raise ConfigError(
            "bad_webhook",
            f"The secret of the webhook in {file} must be {PREFIX} and base64 of at least {MIN_SECRET_BYTES} bytes.",
        )
    return secret


def signed_headers(event_id: str, body: bytes, *, secret: bytes | None, at: int) -> Mapping[str, str]:
    """The headers of one attempt. ``at``: seconds since 1970; without a secret there is no signature."""
    headers = {"Content-Type": "application/json", "webhook-id": event_id, "webhook-timestamp": str(at)}
    if secret is not None:
        digest = hmac.digest(secret, f"{event_id}.{at}.".encode() + body, hashlib.sha256)
        headers["webhook-signature"] = f"v1,{base64.b64encode(digest).decode()}"
    return headers
