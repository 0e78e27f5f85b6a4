"""The voiceprint server that a bridge asks."""

import ssl
from pathlib import Path

from voiceprint.client import VoiceprintClient

__all__ = ["client_of"]


def client_of(server: str, *, token: str | None, ca: Path | None) -> VoiceprintClient:
    """A client of the server at this address. ``ca``: the certificate that it is trusted by, PEM."""
    return VoiceprintClient(server, token=token, tls=None if ca is None else ssl.create_default_context(cafile=ca))
