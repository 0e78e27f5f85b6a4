"""Clients for programs in Python, asynchronous and synchronous. They need msgspec and aiohttp, and nothing else."""

from voiceprint.api.recording_messages import MoveTurn, ThatWas
from voiceprint.client.asynchronous import ServerHealth, VoiceprintClient
from voiceprint.client.refusal import RefusedError
from voiceprint.client.synchronous import SyncVoiceprintClient

__all__ = ["MoveTurn", "RefusedError", "ServerHealth", "SyncVoiceprintClient", "ThatWas", "VoiceprintClient"]
