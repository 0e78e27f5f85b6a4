"""The encoders that are fetched, with their real weights, on real speech."""

from pathlib import Path

import numpy as np
import pytest
from support.fetched import fetched

from voiceprint.audio.decoding import Waveform
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.published import CAMPPLUS, OFFICIAL


@pytest.fixture(scope="module", params=[CAMPPLUS, OFFICIAL])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Encoder, Encoder]:
    """SpeechBrain's own, and the export of it."""
    folder = fetched(request.param)
    cache: Path = tmp_path_factory.mktemp("exports")
    return Encoder.load(folder), Encoder.load(folder, runtime="onnx", cache=cache)


def test_the_export_says_what_speechbrain_says(pair: tuple[Encoder, Encoder], takes: dict[str, list[Waveform]]) -> None:
    clips = [take for several in takes.values() for take in several[:2]]
    plain, exported = (encoder.encode(clips) for encoder in pair)
    assert np.einsum("nd,nd->n", plain, exported).min() > 1 - 1e-4


@pytest.mark.usefixtures("speech_dev")
@pytest.mark.parametrize("draft", [False, True])
def test_people_are_told_apart(pair: tuple[Encoder, Encoder], takes: dict[str, list[Waveform]], draft: bool) -> None:
    encode = pair[1].encode_int8 if draft else pair[1].encode
    vectors = {name: encode(several) for name, several in takes.items()}
    own = min((some @ some.T).min() for some in vectors.values())
    other = max(
        (some @ more.T).max() for name, some in vectors.items() for also, more in vectors.items() if also > name
    )
    assert own > other
