"""ECAPA-TDNN for one clip against SpeechBrain's own, on networks whose normalisation is anything but plain."""

from typing import Any

import pytest
import torch

from voiceprint.encoding.ecapa_fused import lean
from voiceprint.encoding.torchaudio_compat import import_torchaudio

BANDS = 20


def network(**changed: Any) -> Any:
    """A small one; a third of the channels are turned over by their normalisation."""
    shape = {"channels": [32, 32, 32, 32, 48], "attention_channels": 16, "se_channels": 16, "lin_neurons": 24}
    torch.manual_seed(0)
    import_torchaudio()
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    made = ECAPA_TDNN(BANDS, **(shape | changed)).eval()
    for layer in made.modules():
        if isinstance(layer, torch.nn.BatchNorm1d):
            size = len(layer.weight)
            layer.load_state_dict(
                {
                    "weight": 1.5 * torch.rand(size) - 0.5,
                    "bias": torch.randn(size),
                    "running_mean": torch.randn(size),
                    "running_var": 0.2 + torch.rand(size),
                    "num_batches_tracked": torch.tensor(1),
                }
            )
    return made


@pytest.mark.parametrize("frames", [30, 31, 187])
def test_it_says_the_same(frames: int) -> None:
    original = network()
    clip = torch.randn(1, frames, BANDS)
    with torch.no_grad():
        own, ours = original(clip).flatten(), lean(original)(clip).flatten()
    assert own.std() > 0.01
    assert ours == pytest.approx(own.numpy(), abs=2e-5 * float(own.abs().max()))


@pytest.mark.parametrize(
    "changed",
    [{"global_context": False}, {"activation": torch.nn.LeakyReLU}, {"channels": [32, 32, 48, 48, 48]}],
)
def test_what_it_does_not_know_stays_as_it_is(changed: dict[str, Any]) -> None:
    other = network(**changed)
    assert lean(other) is other
