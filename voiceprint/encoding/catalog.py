"""Which encoders there are, where they are looked for, and which one a new store gets."""

from dataclasses import dataclass

from voiceprint.config import Settings
from voiceprint.encoding.model_folder import CARD, ModelFolder, accuracy_of
from voiceprint.encoding.published import BUNDLED, CATALOG, RECOMMENDED, check_pins
from voiceprint.errors import ModelError
from voiceprint.resources import shipped

__all__ = ["Listed", "choose_encoder", "find_encoder", "list_encoders"]


@dataclass(frozen=True, slots=True)
class Listed:
    """An encoder as it is here; ``folder``: None where it is not there, or not whole."""

    id: str
    description: str
    state: str
    accuracy: str
    folder: ModelFolder | None


def find_encoder(encoder_id: str, settings: Settings) -> ModelFolder:
    """The verified folder of an encoder. Raises ModelError: model_missing, model_damaged, model_untrusted."""
    for root in (settings.models, *([shipped("pretrained_models")] if encoder_id == BUNDLED else [])):
        path = root / encoder_id
        if path.is_dir() and path.parent.resolve() == root.resolve():
            return check_pins(ModelFolder.open(path), CATALOG.get(encoder_id))
    raise ModelError("model_missing", _how_to_get(encoder_id, settings))


def choose_encoder(settings: Settings, *, store_encoder: str | None = None) -> ModelFolder:
    """The encoder that was asked for; else the store's own; else the recommended where it is, else the bundled one."""
    if wanted := settings.encoder or store_encoder:
        return find_encoder(wanted, settings)
    return find_encoder(RECOMMENDED if (settings.models / RECOMMENDED).is_dir() else BUNDLED, settings)


def list_encoders(settings: Settings) -> list[Listed]:
    """Every encoder that is there or could be fetched, verified now."""
    ids = dict.fromkeys(CATALOG)
    if settings.models.is_dir():
        ids.update(dict.fromkeys(sorted(path.name for path in settings.models.iterdir() if path.is_dir())))
    return [_listed(encoder_id, settings) for encoder_id in ids if not encoder_id.startswith(".")]


def _listed(encoder_id: str, settings: Settings) -> Listed:
    entry = CATALOG.get(encoder_id)
    description = entry.description if entry else "a folder of your own"
    # Of the encoders that are fetched the words of this version count, not of the one that fetched them.
    accuracy = accuracy_of(entry.written.get(CARD, "")) if entry else ""
    try:
        folder = find_encoder(encoder_id, settings)
    except ModelError as error:
        state = "not fetched" if error.code == "model_missing" else error.message
        return Listed(encoder_id, description, state, accuracy, None)
    return Listed(encoder_id, description, "verified", accuracy or folder.accuracy(), folder)


def _how_to_get(encoder_id: str, settings: Settings) -> str:
    if encoder_id in CATALOG:
        return f"The encoder {encoder_id} is not there; 'voiceprint models fetch {encoder_id}' gets it."
    return f"There is no encoder {encoder_id!r:.60} in {settings.models}; 'voiceprint models' lists what is there."
