"""The client for programs, against the real server in this process."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp.test_utils import TestServer
from support.recordings import pcm, wav

from voiceprint.api.messages import Enrolled, Progress, Ready, Result
from voiceprint.audio.decoding import Waveform
from voiceprint.client import RefusedError, VoiceprintClient
from voiceprint.domain.vocabulary import Consent
from voiceprint.server import create_app
from voiceprint.server.run import RUNNER_OPTIONS
from voiceprint.service.service import VoiceprintService

Takes = dict[str, list[Waveform]]
CONSENT = Consent(purpose="the door")


def with_client(service: VoiceprintService, talk: Callable[[VoiceprintClient], Awaitable[None]]) -> None:
    async def run() -> None:
        server = TestServer(create_app(service, service.settings))
        await server.start_server(**RUNNER_OPTIONS)
        try:
            async with VoiceprintClient(str(server.make_url("/"))) as client:
                await talk(client)
        finally:
            await server.close()

    asyncio.run(run())


async def spoken(waveform: Waveform, size: int = 6400) -> AsyncIterator[bytes]:
    audio = pcm(waveform)
    for at in range(0, len(audio), size):
        yield audio[at : at + size]


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_a_program_enrolls_asks_and_forgets(service: VoiceprintService, takes: Takes) -> None:
    ada = next(iter(takes.values()))

    async def talk(client: VoiceprintClient) -> None:
        enrolled = await client.enroll("Ada", [wav(take) for take in ada[:2]], consent=CONSENT)
        who = enrolled.speaker.id
        assert (await client.enroll_more(who, [wav(ada[2])])).enrollments == 3
        assert (await client.verify(who, wav(ada[3]))).status == "accepted"
        assert (await client.identify(wav(ada[3]), top_k=1)).candidates[0].speaker == enrolled.speaker
        assert (await client.rename(who, "Ada L.")).name == "Ada L."
        assert [speaker.name for speaker in await client.speakers()] == ["Ada L."]
        assert (await client.known_about(who)).consent == CONSENT
        assert (await client.unlock(who)).rejections == 0
        assert (await client.forget(who)).enrollments == 3
        assert await client.speakers() == ()

    with_client(service, talk)


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_a_program_insists_merges_and_takes_back(service: VoiceprintService, takes: Takes) -> None:
    ada, ben, _ = takes.values()

    async def talk(client: VoiceprintClient) -> None:
        assert await client.last_change() is None
        one, two = [(await client.enroll(name, [wav(ada[at])])).speaker for at, name in enumerate(("Ada", "Ada B."))]
        with pytest.raises(RefusedError):
            await client.enroll_more(one.id, [wav(ben[0])])
        assert (await client.enroll_more(one.id, [wav(ben[0])], force=True)).enrollments == 2
        assert (await client.undo()).event == "updated"
        merged = await client.merge(one.id, two.id)
        assert (merged.speaker.id, merged.speaker.enrollments) == (one.id, 2)
        change = await client.last_change()
        assert change is not None
        assert (await client.undo(change.id)).event == "merged"
        assert [speaker.id for speaker in await client.speakers()] == [one.id, two.id]
        with pytest.raises(RefusedError) as refused:
            await client.undo(change.id)
        assert refused.value.code == "nothing_to_undo"
        with pytest.raises(RefusedError):
            await client.enroll("Ben", [wav(ben[0]), wav(ada[2])])
        await client.enroll("Both", [wav(ben[0]), wav(ada[2])], force=True)
        other = (await client.enroll("Ben", [wav(ben[1])], force=True)).speaker
        with pytest.raises(RefusedError):
            await client.merge(two.id, other.id)
        assert (await client.merge(two.id, other.id, force=True)).speaker.enrollments == 2

    with_client(service, talk)


def test_a_program_speaks_live(service: VoiceprintService, takes: Takes) -> None:
    ada = next(iter(takes.values()))

    async def talk(client: VoiceprintClient) -> None:
        said = [message async for message in client.stream(spoken(ada[0]), mode="enroll", name="Ada", consent=CONSENT)]
        assert isinstance(said[0], Ready)
        assert isinstance(said[-1], Enrolled)
        assert any(isinstance(message, Progress) for message in said)
        answers = [message async for message in client.stream(spoken(ada[1])) if isinstance(message, Result)]
        assert [answer.final for answer in answers] == [False] * (len(answers) - 1) + [True]
        assert answers[-1].candidates[0].speaker == said[-1].speaker

    with_client(service, talk)


def test_a_refusal_is_one_error(service: VoiceprintService, takes: Takes) -> None:
    async def talk(client: VoiceprintClient) -> None:
        with pytest.raises(RefusedError, match="Nobody is enrolled") as unknown:
            await client.forget("0" * 32)
        assert (unknown.value.code, unknown.value.status) == ("unknown_speaker", 404)
        with pytest.raises(RefusedError) as not_audio:
            await client.identify(b"no audio at all")
        assert not_audio.value.code == "not_audio"
        with pytest.raises(RefusedError) as nobody:
            [_ async for _ in client.stream(spoken(next(iter(takes.values()))[0]), mode="enroll")]
        assert nobody.value.code == "who"

    with_client(service, talk)


def test_frames_that_fail_end_the_stream_with_their_error(service: VoiceprintService, takes: Takes) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for frame in spoken(next(iter(takes.values()))[0]):
            yield frame
            raise OSError("the microphone is gone")

    async def talk(client: VoiceprintClient) -> None:
        with pytest.raises(OSError, match="microphone"):
            async with asyncio.timeout(20):
                [message async for message in client.stream(broken())]

    with_client(service, talk)


def test_a_server_that_goes_away_ends_the_stream_with_an_error(service: VoiceprintService, takes: Takes) -> None:
    async def run() -> None:
        server = TestServer(create_app(service, service.settings))
        await server.start_server(**RUNNER_OPTIONS)

        async def waiting() -> AsyncIterator[bytes]:
            yield pcm(next(iter(takes.values()))[0])[:6400]
            await server.close()
            await asyncio.sleep(60)

        async with VoiceprintClient(str(server.make_url("/"))) as client, asyncio.timeout(40):
            with pytest.raises(RefusedError, match="closed the connection"):
                [message async for message in client.stream(waiting())]

    asyncio.run(run())
