"""Construction of the service from settings: key, encoder, store, speech detection, policy."""

import logging
import os
from collections.abc import Mapping

import msgspec

from voiceprint.audio.vad import VoiceActivity
from voiceprint.config import Settings
from voiceprint.decision.policy import Policy
from voiceprint.domain.speaker import EncoderIdentity
from voiceprint.encoding.catalog import choose_encoder, find_encoder
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.export_cache import default_cache
from voiceprint.encoding.model_folder import ModelFolder
from voiceprint.encoding.segmentation import Segmentation
from voiceprint.service.recogniser import CONFIDENT_SHARE, PreviousEncoder
from voiceprint.service.service import VoiceprintService
from voiceprint.storage.sealing.key_file import create_key_file
from voiceprint.storage.sealing.key_sources import find_key_source
from voiceprint.storage.sealing.master_keys import MasterKeys
from voiceprint.storage.store import Store, check_encoder, has_store

__all__ = ["identity_of", "load_encoder", "open_keys", "open_service"]

log = logging.getLogger(__name__)


def open_service(
    settings: Settings,
    *,
    environ: Mapping[str, str] | None = None,
    encoder: Encoder | None = None,
    previous: Encoder | None = None,
    activity: VoiceActivity | None = None,
) -> VoiceprintService:
    """The service over a store and its encoder, ready to use. Raises SetupError, StoreError.

    Where the settings name no encoder, a store keeps its own and a new store gets the best one installed.
    ``encoder``, ``previous``: the store's encoder and the one that it is leaving, where they are loaded already.
    """
    keys = open_keys(settings, environ=environ)
    if encoder is None:
        kept = Store.encoder_of(settings.place, keys)
        encoder = load_encoder(choose_encoder(settings, store_encoder=kept.id if kept else None), settings)
    store = Store.open(settings.place, keys, identity_of(encoder))
    try:
        return VoiceprintService(
            store=store,
            encoder=encoder,
            activity=activity or VoiceActivity.load(),
            policy=_policy(encoder, settings),
            settings=settings,
            previous=_open_previous(store, settings, previous),
            segmentation=Segmentation.find(settings.models, default_cache(os.environ)),
        )
    except BaseException:
        store.close()
        raise


def load_encoder(folder: ModelFolder, settings: Settings) -> Encoder:
    """The encoder of a model folder. Raises ModelError."""
    return Encoder.load(folder, runtime=settings.runtime, cache=default_cache(os.environ))


def identity_of(encoder: Encoder) -> EncoderIdentity:
    """The identity of an encoder, as a store keeps it."""
    return EncoderIdentity(encoder.id, encoder.fingerprint, encoder.dimension)


def _policy(encoder: Encoder, settings: Settings, *, share: float = 1.0) -> Policy:
    return Policy.for_encoder(
        encoder.id,
        encoder.fingerprint,
        min_speech_seconds=settings.min_identify_speech_seconds,
        target_fpir=settings.target_fpir * share,
        calibration_file=settings.calibration,
    )


def _open_previous(store: Store, settings: Settings, encoder: Encoder | None) -> PreviousEncoder | None:
    """The encoder that the store is leaving, or None.

    Raises ModelError where it is not installed any more.
    """
    if store.previous_encoder is None:
        return None
    if encoder is None:
        encoder = load_encoder(find_encoder(store.previous_encoder.id, settings), settings)
    check_encoder(store.name, store.previous_encoder, identity_of(encoder))
    own = msgspec.structs.replace(settings, calibration=None)  # an operator's calibration is for the new encoder
    return PreviousEncoder(encoder, _policy(encoder, own), _policy(encoder, own, share=CONFIDENT_SHARE))


def open_keys(settings: Settings, *, environ: Mapping[str, str] | None = None) -> MasterKeys:
    """The master keys; a new one only where there is no store yet. Raises KeyFileError."""
    source = find_key_source(settings.key, settings.old_key, environ)
    path = source.path
    if path is not None and not path.exists() and not has_store(settings.place):
        keys = create_key_file(path, data=settings.data)
        log.warning("A new key was made: %s. Keep a copy of it: without it the voiceprints cannot be opened.", path)
        return keys
    return source.load(data=settings.data)
