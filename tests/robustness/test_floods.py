"""Nobody without a token can stop the server: an honest client hardly notices each of these attacks.

At full size it prints the ratios; the bar is twice the idle p95. In CI the machine is shared and the counts are small,
so that only what gives way by a kind, not by a share, fails here.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from support.recordings import wav
from support.serving import Server, make_token, serving
from support.synthetic import VOICES, synthetic_take

from robustness.floods import FLOODS, attacked
from robustness.honest import Beside, Honest
from robustness.sizes import FULL, size

pytestmark = pytest.mark.slow

SECONDS, ROUNDS = size(4, 16), size(1, 4)
MOST = 2.0 if FULL else 10.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A running server with tokens, and one of them."""
    folder = tmp_path_factory.mktemp("flooded")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOICEPRINT_KEY_FILE", str(folder / "master.key"))
        patch.setenv("VOICEPRINT_MAX_ANSWERS_PER_HOUR", "1000000")
        with serving(folder):
            pass
        token = make_token(folder, "honest", "identify")
        with serving(folder) as running:
            yield running, token


def honest(server: tuple[Server, str], seconds: float) -> Honest:
    take = synthetic_take(next(iter(VOICES)), 0)
    pcm = (np.clip(take.samples, -1, 1) * 32767).astype("<i2").tobytes()
    return Honest(server[0].url, server[1], wav(take), pcm).ask(seconds)


@pytest.mark.parametrize("kind", FLOODS)
def test_an_honest_client_is_served_as_before(server: tuple[Server, str], kind: str) -> None:
    honest(server, 1)
    idle, beside = Beside(), Beside()
    for _ in range(ROUNDS):
        idle.add(honest(server, SECONDS))
        with attacked(kind, server[0].port, seconds=SECONDS + 5, count=FLOODS[kind][1]):
            beside.add(honest(server, SECONDS))
    ratios = beside.over(idle)
    print(f"{kind}: p95 under attack over idle {ratios}, of {len(beside.requests)} and {len(idle.requests)} answers")
    assert idle.refused == []
    assert beside.refused == []
    assert max(ratios.values()) <= MOST, ratios
