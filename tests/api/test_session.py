"""One connection as a state machine, over the real service."""

import json
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soxr
from msgspec.structs import replace
from support.recordings import pcm

from voiceprint.api.messages import (
    Cancel,
    ClientMessage,
    Enrolled,
    Error,
    Hello,
    Progress,
    Ready,
    Result,
    ServerMessage,
    SpeechStarted,
    SpeechStopped,
    Start,
    Stop,
    encode,
)
from voiceprint.api.session import MAX_FRAME_BYTES, Session
from voiceprint.audio.decoding import Waveform
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import MessageError
from voiceprint.service.service import VoiceprintService

Takes = dict[str, list[Waveform]]


def start(**fields: object) -> Start:
    if fields.get("name"):
        fields = {"consent": Consent(purpose="to be recognised at the door"), **fields}
    return Start(**{"mode": "identify", "encoding": "pcm_s16le", "sample_rate": 16000, **fields})  # type: ignore[arg-type]


def frames(waveform: Waveform, size: int = 3200) -> Iterator[bytes]:
    audio = pcm(waveform)
    return (audio[at : at + size] for at in range(0, len(audio), size))


class Client:
    """Speaks to a session and keeps what it said."""

    def __init__(self, service: VoiceprintService, *, hello: bool = True) -> None:
        ticks = iter(range(1_000_000))
        self.session = Session(service, clock=lambda: next(ticks) / 1000)
        if hello:
            self.say(Hello(version=1))

    def say(self, message: ClientMessage) -> list[ServerMessage]:
        return self.session.on_text(encode(message))

    def take(self, waveform: Waveform, **fields: object) -> list[ServerMessage]:
        said = self.say(start(**fields))
        for frame in frames(waveform):
            said += self.session.on_audio(frame)
        return said + self.say(Stop())

    def final(self, waveform: Waveform, **fields: object) -> ServerMessage:
        return self.take(waveform, **fields)[-1]


@pytest.fixture
def client(service: VoiceprintService) -> Client:
    return Client(service)


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_enroll_then_be_named_and_a_stranger_is_not(client: Client, takes: Takes) -> None:
    ada, stranger = list(takes)[:2]
    said = client.take(takes[ada][0], mode="enroll", name="Ada")
    enrolled = said[-1]
    assert isinstance(enrolled, Enrolled)
    assert enrolled.speaker.name == "Ada"
    assert any(isinstance(message, Progress) and message.percent == 100 for message in said)
    again = client.final(takes[ada][1], mode="enroll", speaker=enrolled.speaker.id)
    assert isinstance(again, Enrolled)
    assert again.enrollments == 2

    named = client.final(takes[ada][2])
    assert isinstance(named, Result)
    assert (named.status, named.final) == ("identified", True)
    assert named.speaker == enrolled.speaker
    nobody = client.final(takes[stranger][0])
    assert isinstance(nobody, Result)
    assert (nobody.status, nobody.speaker) == ("unknown", None)


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_verify_answers_a_claim(client: Client, takes: Takes) -> None:
    ada, other = list(takes)[:2]
    enrolled = client.final(takes[ada][0], mode="enroll", name="Ada")
    assert isinstance(enrolled, Enrolled)
    results = [
        client.final(takes[ada][1], mode="verify", speaker=enrolled.speaker.id),
        client.final(takes[other][0], mode="verify", speaker=enrolled.speaker.id),
        client.final(takes[ada][1], mode="verify", speaker="0" * 32),
    ]
    assert [result.status for result in results if isinstance(result, Result)] == [
        "accepted",
        "rejected",
        "not_enrolled",
    ]


def test_guesses_come_while_speaking_and_the_last_word_is_final(client: Client, takes: Takes) -> None:
    said = client.take(next(iter(takes.values()))[0])
    results = [message for message in said if isinstance(message, Result)]
    assert [result.final for result in results] == [False] * (len(results) - 1) + [True]
    assert len(results) >= 4
    assert any(isinstance(message, SpeechStarted) for message in said)
    assert isinstance(said[-1], Result)
    seconds = [result.speech_seconds for result in results]
    assert seconds == sorted(seconds)
    unguessed = [one for one in client.take(next(iter(takes.values()))[0], guesses=False) if isinstance(one, Result)]
    assert [replace(result, latency_ms=0.0) for result in unguessed] == [replace(results[-1], latency_ms=0.0)]


def test_a_take_with_enough_speech_ends_by_itself(client: Client, takes: Takes) -> None:
    waveform, said, answered = next(iter(takes.values()))[0], client.say(start(enough_seconds=2.0, guesses=False)), 0
    for number, frame in enumerate(frames(waveform)):
        said += client.session.on_audio(frame)
        answered = answered or number * isinstance(said[-1], Result)
    assert 20 <= answered < waveform.seconds * 10 - 1
    assert client.say(Stop()) == []
    (result,) = [message for message in said if isinstance(message, Result)]
    assert said[-1] == result, "what comes after is not heard"
    assert result.final
    assert 2.0 <= result.speech_seconds < 2.2
    assert isinstance(client.final(waveform), Result), "the next take begins anew"


def test_a_take_with_less_than_enough_ends_with_its_audio(client: Client, takes: Takes) -> None:
    results = [
        one for one in client.take(next(iter(takes.values()))[0], enough_seconds=60.0) if isinstance(one, Result)
    ]
    assert [result.final for result in results] == [False] * (len(results) - 1) + [True]
    with pytest.raises(MessageError, match="enough_seconds"):
        client.session.on_text(
            '{"type":"start","mode":"identify","encoding":"mulaw","sample_rate":8000,"enough_seconds":0}'
        )


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
def test_a_second_voice_in_the_stream_is_noticed(client: Client, takes: Takes) -> None:
    ada, other = list(takes)[:2]
    alone = Waveform(np.concatenate([take.samples for take in takes[ada]])[: 10 * 16_000])
    both = Waveform(np.concatenate([alone.samples[: 6 * 16_000], takes[other][0].samples]))
    one, two = client.final(alone), client.final(both)
    assert isinstance(one, Result)
    assert isinstance(two, Result)
    assert (one.several_voices, two.several_voices) == (False, True)
    assert two.rule.endswith("more than one voice seems to speak")


def test_any_cut_of_the_stream_gives_the_same_answer(service: VoiceprintService, takes: Takes) -> None:
    first, second = list(takes)[:2]
    Client(service).take(takes[first][0], mode="enroll", name="Ada")
    answers = []
    for size in (2, 640, 3200, 31_998):
        client = Client(service)
        client.say(start())
        waveform = Waveform(takes[second][0].samples[:48_000])
        for frame in frames(waveform, size):
            client.session.on_audio(frame)
        final = client.say(Stop())[-1]
        assert isinstance(final, Result)
        answers.append((final.status, final.score, final.speech_seconds, final.audio_seconds))
    assert len(set(answers)) == 1


def test_silence_is_not_enough_speech_and_enrolls_nobody(client: Client, service: VoiceprintService) -> None:
    silence = Waveform(np.zeros(48_000, np.float32))
    answer = client.final(silence)
    assert isinstance(answer, Result)
    assert (answer.status, answer.needed_speech_seconds) == ("not_enough_speech", 1.0)
    refusal = client.final(silence, mode="enroll", name="Nobody")
    assert isinstance(refusal, Error)
    assert service.count() == 0


def test_a_cancelled_take_leaves_nothing_and_the_next_one_works(client: Client, takes: Takes) -> None:
    waveform = next(iter(takes.values()))[0]
    client.say(start(mode="enroll", name="Ada"))
    for frame in frames(waveform):
        client.session.on_audio(frame)
    assert client.say(Cancel()) == []
    assert isinstance(client.final(waveform, mode="enroll", name="Ada"), Enrolled)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sample_rate": 96_000}, "wrong_rate"),
        ({"channels": 3}, "wrong_channels"),
        ({"encoding": "opus"}, "wrong_encoding"),
        ({"top_k": 0}, "bad_top_k"),
        ({"top_k": 10**9}, "bad_top_k"),
        ({"mode": "enroll"}, "who"),
        ({"mode": "enroll", "name": "a", "speaker": "b"}, "who"),
        ({"mode": "enroll", "name": " "}, "bad_name"),
        ({"mode": "enroll", "name": "Ada", "consent": None}, "consent_missing"),
        ({"mode": "enroll", "name": "Ada", "consent": Consent(purpose=" ")}, "bad_consent"),
        ({"mode": "enroll", "name": "Ada", "consent": Consent(purpose="x", expires="2020-01-01")}, "consent_expired"),
        ({"mode": "enroll", "speaker": "../../etc/passwd"}, "unknown_speaker"),
        ({"mode": "verify"}, "who"),
    ],
)
def test_a_take_that_cannot_be_is_refused_and_the_connection_lives_on(
    client: Client, fields: dict[str, object], code: str
) -> None:
    refusal = client.say(start(**fields))
    assert [message.code for message in refusal if isinstance(message, Error)] == [code]
    assert client.session.on_audio(b"\0\0" * 1600) == []  # audio that was under way already
    assert client.say(Stop()) == []
    assert client.say(start()) == []


def test_half_a_sample_waits_and_a_file_in_place_of_samples_ends_the_take_only(client: Client) -> None:
    client.say(start())
    for frame in (b"\0\0\0", b"\0", bytes(31)):
        assert not any(isinstance(message, Error) for message in client.session.on_audio(frame))
    client.say(Cancel())
    client.say(start())
    (refusal,) = client.session.on_audio(b"RIFF" + bytes(100))
    assert isinstance(refusal, Error)
    assert refusal.code == "wrong_encoding"
    assert client.say(start()) == []


def test_a_stream_of_another_form_is_named_all_the_same(client: Client, takes: Takes) -> None:
    """48 kHz, two channels that cancel, floating point, in pieces that cut samples."""
    ada, other = list(takes)[:2]
    for speaker in (ada, other):
        client.take(takes[speaker][0], mode="enroll", name=speaker)
    samples = soxr.resample(takes[ada][1].samples, 16_000, 48_000).astype("<f4")
    data = np.stack([samples, -samples], axis=1).tobytes()
    client.say(start(encoding="pcm_f32le", sample_rate=48_000, channels=2))
    assert client.session.bytes_a_second == 384_000
    for at in range(0, len(data), 10_001):
        client.session.on_audio(data[at : at + 10_001])
    final = client.say(Stop())[-1]
    assert isinstance(final, Result)
    assert final.speaker is not None
    assert final.speaker.name == ada


def test_a_take_that_never_ends_is_ended(service: VoiceprintService) -> None:
    client = Client(service)
    client.say(start())
    second = b"\0\0" * 16_000
    said: list[ServerMessage] = []
    for _ in range(int(service.settings.max_stream_seconds) + 2):
        said += client.session.on_audio(second)
    assert [message.code for message in said if isinstance(message, Error)] == ["audio_too_long"]


HELLO = '{"type":"hello","version":1}'
BREACHES: dict[str, Callable[[Session], object]] = {
    "binary before hello": lambda session: session.on_audio(b"\0\0"),
    "start before hello": lambda session: session.on_text(encode(start())),
    "binary before start": lambda session: (session.on_text(HELLO), session.on_audio(b"\0\0")),
    "stop before start": lambda session: (session.on_text(HELLO), session.on_text('{"type":"stop"}')),
    "hello twice": lambda session: (session.on_text(HELLO), session.on_text(HELLO)),
    "start twice": lambda session: [session.on_text(text) for text in (HELLO, encode(start()), encode(start()))],
    "another version": lambda session: session.on_text('{"type":"hello","version":2}'),
    "not a message": lambda session: session.on_text("hello"),
    "frame too large": lambda session: (
        session.on_text(HELLO),
        session.on_text(encode(start())),
        session.on_audio(bytes(MAX_FRAME_BYTES + 2)),
    ),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_of_the_protocol_is_named(service: VoiceprintService, breach: str) -> None:
    session = Session(service, clock=lambda: 0.0)
    with pytest.raises(MessageError) as caught:
        BREACHES[breach](session)
    assert caught.value.code in {"wrong_order", "wrong_version", "bad_message", "frame_too_large"}


def test_ready_tells_what_a_client_needs(service: VoiceprintService) -> None:
    (ready,) = Client(service, hello=False).say(Hello(version=1))
    assert isinstance(ready, Ready)
    assert json.loads(encode(ready)) == {
        "type": "ready",
        "version": 1,
        "encoder": "ecapa-compact",
        "encoder_sha256": service.encoder.fingerprint,
        "sample_rate": 16000,
        "speakers": 0,
        "min_speech_seconds": 1.0,
        "min_enroll_speech_seconds": 2.0,
    }


def test_speech_that_stops_is_announced(client: Client, takes: Takes) -> None:
    voice = next(iter(takes.values()))[0].samples[:64_000]
    said = client.take(Waveform(np.concatenate([voice, np.zeros(32_000, np.float32)])))
    started = [message.at_seconds for message in said if isinstance(message, SpeechStarted)]
    stopped = [message.at_seconds for message in said if isinstance(message, SpeechStopped)]
    assert started
    assert len(started) == len(stopped)
    assert all(begin < end for begin, end in zip(started, stopped, strict=True))
