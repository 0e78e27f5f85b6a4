"""The synchronous client against a real server that runs in another thread."""

import socket
import time
from collections.abc import Iterator

import pytest
from aiohttp import ClientConnectionError
from support.recordings import pcm, wav
from support.talking import Takes, serving_url

from voiceprint.api.messages import Consent, Enrolled, Ready, Result
from voiceprint.client import RefusedError, SyncVoiceprintClient
from voiceprint.service.service import VoiceprintService


@pytest.fixture
def url(service: VoiceprintService) -> Iterator[str]:
    """The address of a server over the test's service."""
    with serving_url(service) as found:
        yield found


CONSENT = Consent(purpose="the door")


def frames(audio: bytes) -> Iterator[bytes]:
    yield from (audio[at : at + 6400] for at in range(0, len(audio), 6400))


def test_a_program_enrolls_asks_and_forgets(url: str, takes: Takes) -> None:
    ada = next(iter(takes.values()))
    with SyncVoiceprintClient(url) as client:
        enrolled = client.enroll("Ada", [wav(take) for take in ada[:2]], groups=["team"]).speaker
        assert client.enroll_more(enrolled.id, [wav(ada[2])]).enrollments == 3
        assert client.identify(wav(ada[3])).candidates[0].speaker == enrolled
        assert client.identify(wav(ada[3]), groups=["other"]).candidates == ()
        assert client.verify(enrolled.id, wav(ada[3])).claimed_speaker == enrolled
        assert client.timeline(wav(ada[3])).turns
        assert client.set_groups(enrolled.id, ["desk"]).groups == ("desk",)
        assert client.speakers(groups=["team"]) == ()
        held = client.takes(enrolled.id).takes
        assert [one.id for one in client.remove_take(enrolled.id, held[0].id).takes] == [one.id for one in held[1:]]
        with pytest.raises(RefusedError, match="waits"):
            client.confirm_take(enrolled.id, held[1].id)
        assert client.rename(enrolled.id, "Ada L.").name == "Ada L."
        assert client.known_about(enrolled.id).name == "Ada L."
        assert client.unlock(enrolled.id).rejections == 0
        assert client.health().speakers == 1
        assert client.forget(enrolled.id).enrollments == 2


def test_a_program_speaks_live(url: str, takes: Takes) -> None:
    ada = next(iter(takes.values()))
    with SyncVoiceprintClient(url) as client:
        said = list(client.stream(frames(pcm(ada[0])), mode="enroll", name="Ada", consent=CONSENT))
        assert isinstance(said[0], Ready)
        assert isinstance(said[-1], Enrolled)
        last = list(client.stream(frames(pcm(ada[1]))))[-1]
        assert isinstance(last, Result)
        assert last.final
        with pytest.raises(RefusedError) as refused:
            list(client.stream(frames(pcm(ada[1])), mode="enroll"))
        assert refused.value.code == "who"
        stream = client.stream(frames(pcm(ada[1])))
        assert isinstance(next(stream), Ready)
        del stream  # left in the middle: the next request is answered all the same
        assert client.health().ready


def test_a_refusal_and_no_server_are_errors(url: str) -> None:
    with SyncVoiceprintClient(url) as client, pytest.raises(RefusedError) as refused:
        client.identify(b"no audio at all")
    assert (refused.value.code, refused.value.status) == ("not_audio", 422)
    with SyncVoiceprintClient("http://127.0.0.1:9") as client, pytest.raises(ClientConnectionError):
        client.health()


def test_a_server_that_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url, began = f"http://127.0.0.1:{silent.getsockname()[1]}", time.monotonic()
        with SyncVoiceprintClient(url, timeout=0.3) as client, pytest.raises(TimeoutError):
            client.health()
    assert time.monotonic() - began < 10
