"""Put the service together from settings: key, encoder, store, speech detection, policy."""

import logging
import os
from collections.abc import Mapping

from voiceprint.config import Settings
from voiceprint.decision.scoring import Policy
from voiceprint.encoder import Encoder
from voiceprint.hearing.speech import VoiceActivity
from voiceprint.models.catalog import choose_encoder
from voiceprint.runtime.cache import default_cache
from voiceprint.service import VoiceprintService
from voiceprint.storage.keyfile import MasterKeys, create_key_file, find_key_file, load_key_file
from voiceprint.storage.records import EncoderIdentity
from voiceprint.storage.store import Store, has_store

__all__ = ["open_keys", "open_service"]

log = logging.getLogger(__name__)


def open_service(
    settings: Settings,
    *,
    environ: Mapping[str, str] | None = None,
    encoder: Encoder | None = None,
    activity: VoiceActivity | None = None,
) -> VoiceprintService:
    """Everything that a command needs, ready to use. Raises SetupError, StoreError.

    Without a wish for an encoder an existing store keeps its own, and a new one gets the best that is there.
    """
    keys = open_keys(settings, environ=environ)
    if encoder is None:
        known = Store.encoder_of(settings.data, keys)
        folder = choose_encoder(settings, store_encoder=known.id if known else None)
        encoder = Encoder.load(folder, runtime=settings.runtime, cache=default_cache(os.environ))
    identity = EncoderIdentity(encoder.id, encoder.fingerprint, encoder.dimension)
    store = Store.open(settings.data, keys, identity)
    return VoiceprintService(
        store=store,
        encoder=encoder,
        activity=activity or VoiceActivity.load(),
        policy=Policy.for_encoder(
            encoder.id,
            encoder.fingerprint,
            min_speech_seconds=settings.min_identify_speech_seconds,
            target_fpir=settings.target_fpir,
            calibration_file=settings.calibration,
        ),
        settings=settings,
    )


def open_keys(settings: Settings, *, environ: Mapping[str, str] | None = None) -> MasterKeys:
    """The master keys; a new one only where there is no store yet. Raises KeyFileError."""
    path = find_key_file(os.environ if environ is None else environ)
    if not path.exists() and not has_store(settings.data):
        keys = create_key_file(path, data=settings.data)
        log.warning("A new key was made: %s. Keep a copy of it: without it the voiceprints cannot be opened.", path)
        return keys
    return load_key_file(path, data=settings.data)
