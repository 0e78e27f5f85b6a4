"""Put the service together from settings: encoder, key, store, speech detection, policy."""

from voiceprint.config import Settings
from voiceprint.encoder import Encoder
from voiceprint.records import EncoderIdentity
from voiceprint.resources import shipped
from voiceprint.scoring import Policy
from voiceprint.service import VoiceprintService
from voiceprint.speech import VoiceActivity
from voiceprint.store import Store

__all__ = ["open_service"]


def open_service(settings: Settings) -> VoiceprintService:
    """Everything that a command needs, ready to use. Raises SetupError, StoreError."""
    encoder = Encoder.load(shipped("pretrained_models") / "ecapa-compact")
    identity = EncoderIdentity(encoder.id, encoder.fingerprint, encoder.dimension)
    store = Store.open(settings.data, None, identity)
    policy = Policy(min_speech_seconds=settings.min_identify_speech_seconds)
    return VoiceprintService(
        store=store, encoder=encoder, activity=VoiceActivity.load(), policy=policy, settings=settings
    )
