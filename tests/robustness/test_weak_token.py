"""One weak token at its worst, beside honest callers with another: they hardly notice, and its claims harm nobody's."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from support.recordings import wav
from support.serving import Server, make_token, serving
from support.synthetic import VOICES, synthetic_take

from robustness.honest import Beside, Honest
from robustness.sizes import FULL, size
from robustness.weak_token import abused, heavy_recording

pytestmark = pytest.mark.slow
SECONDS, ROUNDS = size(6, 20), size(1, 4)
MOST = 2.0 if FULL else 10.0
VOICE = next(iter(VOICES))


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A running server, and its tokens by name."""
    folder: Path = tmp_path_factory.mktemp("weak")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VOICEPRINT_KEY_FILE", str(folder / "master.key"))
        with serving(folder):
            pass
        made = {
            name: make_token(folder, name, scope)
            for name, scope in (("honest", "identify"), ("weak", "identify"), ("operator", "operate"))
        }
        # Enough for the honest one to be measured all the time; the weak one has as many.
        patch.setenv("VOICEPRINT_MAX_ANSWERS_PER_HOUR", "100000")
        with serving(folder) as running:
            yield running, made


async def post(url: str, path: str, token: str, seeds: tuple[int, ...], **fields: str) -> dict[str, Any]:
    form = aiohttp.FormData(fields)
    for seed in seeds:
        form.add_field("audio", wav(synthetic_take(VOICE, seed)), filename="clip.wav")
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(url, headers=headers) as session, session.post(path, data=form) as answer:
        said: dict[str, Any] = await answer.json()
        return said


def enroll(url: str, token: str) -> str:
    said = asyncio.run(post(url, "/v1/speakers", token, (0, 1), name="Ada"))
    return str(said["speaker"]["id"])


def claim(url: str, token: str, speaker_id: str) -> str:
    said = asyncio.run(post(url, "/v1/verify", token, (3,), speaker=speaker_id))
    return str(said.get("status") or said["error"]["code"])


def test_honest_callers_are_served_as_before(tokens: tuple[Server, dict[str, str]]) -> None:
    server, by_name = tokens
    ada = enroll(server.url, by_name["operator"])
    take = synthetic_take(VOICE, 0)
    pcm = (np.clip(take.samples, -1, 1) * 32767).astype("<i2").tobytes()
    recording = heavy_recording()

    def honest(seconds: float) -> Honest:
        return Honest(server.url, by_name["honest"], wav(take), pcm).ask(seconds)

    honest(1)
    idle, beside, claims = Beside(), Beside(), list[str]()
    for _ in range(ROUNDS):
        idle.add(honest(SECONDS))
        with abused(server.port, seconds=SECONDS + 5, token=by_name["weak"], claimed=ada, recording=recording):
            beside.add(honest(SECONDS))
            claims.append(claim(server.url, by_name["honest"], ada))
    ratios = beside.over(idle)
    print(f"weak token: p95 beside it over idle {ratios}, of {len(beside.requests)} answers; claims {claims}")
    assert beside.refused == []
    assert set(claims) <= {"accepted", "rejected"}
    assert max(ratios.values()) <= MOST, ratios
