"""What the test modules stand on: real speech where it is there, a real service over an empty store."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.paths import SPEECH
from support.synthetic import VOICES, synthetic_take

from voiceprint.audio.decoding import Waveform, read_file
from voiceprint.audio.vad import VoiceActivity
from voiceprint.config import Settings
from voiceprint.encoding.catalog import find_encoder
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.published import BUNDLED
from voiceprint.service.factory import open_service
from voiceprint.service.service import VoiceprintService

pytest_plugins = ["support.postgres", "support.store_fixtures"]

TAKES_A_SPEAKER = 4
# Two men and a woman; which ones does not matter, that they are told apart is the encoder's own test.
SPEAKERS = ("librispeech-1089", "librispeech-121", "librispeech-1188")


def pytest_runtest_setup() -> None:
    """SpeechBrain leaves stand-ins for its old modules in sys.modules that raise when hypothesis looks at them."""
    for name, module in list(sys.modules.items()):
        if type(module).__module__ == "speechbrain.utils.importutils":
            del sys.modules[name]


@pytest.fixture(scope="session", autouse=True)
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Exports of encoders go there, in this process and in those that it starts; never into the home folder.

    And no store or fetched encoder of this machine is the default one: what a test sees does not depend on them.
    """
    folder, home = tmp_path_factory.mktemp("cache"), tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("VOICEPRINT_MODELS", str(home / "pretrained_models"))
        patch.setattr("voiceprint.config.home", lambda: home)
        yield folder


@pytest.fixture(scope="session")
def speech_dev() -> Path:
    """The folder of real human speech, beside the checkout."""
    if not SPEECH.is_dir():
        pytest.skip(f"real speech is not at {SPEECH}")
    return SPEECH


@pytest.fixture(scope="session")
def takes() -> dict[str, list[Waveform]]:
    """Four takes each of three speakers: real ones where there are any, else synthesised ones."""
    if not SPEECH.is_dir():
        return {voice: [synthetic_take(voice, seed) for seed in range(TAKES_A_SPEAKER)] for voice in VOICES}
    speakers = [SPEECH / "librispeech" / name for name in SPEAKERS]
    return {
        speaker.name: [
            read_file(path, max_seconds=60, max_bytes=2**24).first
            for path in sorted(speaker.iterdir())[:TAKES_A_SPEAKER]
        ]
        for speaker in speakers
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path / "index")


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    """The bundled encoder, loaded once."""
    return Encoder.load(find_encoder(BUNDLED, Settings()))


@pytest.fixture(scope="session")
def voice_activity() -> VoiceActivity:
    """The speech detector, loaded once."""
    return VoiceActivity.load()


@pytest.fixture
def service(
    settings: Settings, tmp_path: Path, encoder: Encoder, voice_activity: VoiceActivity
) -> Iterator[VoiceprintService]:
    environ = {"VOICEPRINT_KEY_FILE": str(tmp_path / "master.key")}
    with open_service(settings, environ=environ, encoder=encoder, activity=voice_activity) as opened:
        yield opened
