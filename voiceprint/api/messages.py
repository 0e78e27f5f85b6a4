"""The wire: every message of the WebSocket and every answer of REST, as typed structs.

Text frames are JSON objects told apart by ``type``; binary frames carry only audio (PCM, signed 16 bit, little endian,
mono, 16 kHz). Unknown types and unknown fields are refused. Seconds, dBFS and milliseconds are in the field names;
``score`` is a raw cosine in [-1, 1]; ``probability`` is set only after calibration.
"""

from typing import Annotated, Any, get_args

import msgspec

from voiceprint.api.speaker_messages import (
    ChangeInfo,
    Forgotten,
    GivenConsent,
    KnownAbout,
    KnownEnrollment,
    KnownEvent,
    Merged,
    Message,
    SpeakerInfo,
    SpeakerList,
    SpeakerRef,
    Take,
    Takes,
    Undoable,
    Undone,
    Unlocked,
)
from voiceprint.domain.vocabulary import Band, Consent, Feedback, Mode, Notice, Part, Status, StreamMode
from voiceprint.errors import MessageError

__all__ = [
    "CLIENT_MESSAGES",
    "PROTOCOL_VERSION",
    "SERVER_MESSAGES",
    "Cancel",
    "Candidate",
    "ChangeInfo",
    "ClientMessage",
    "Consent",
    "Enrolled",
    "Error",
    "Forgotten",
    "GivenConsent",
    "Hello",
    "KnownAbout",
    "KnownEnrollment",
    "KnownEvent",
    "Merged",
    "Mode",
    "Progress",
    "Ready",
    "Result",
    "Room",
    "ServerMessage",
    "SpeakerInfo",
    "SpeakerList",
    "SpeakerRef",
    "SpeechStarted",
    "SpeechStopped",
    "Start",
    "Stop",
    "StreamMode",
    "Take",
    "Takes",
    "Undoable",
    "Undone",
    "Unlocked",
    "decode_client",
    "decode_server",
    "encode",
]

PROTOCOL_VERSION = 1


class Candidate(Part, frozen=True, kw_only=True):
    """A speaker and a score, None for callers that may not see scores."""

    speaker: SpeakerRef
    score: float | None


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    version: int
    token: str | None = None


class Start(Message, frozen=True, kw_only=True, tag="start"):
    """Begin of a take.

    ``speaker``: the claimed id (verify), or the speaker of another take (enroll); ``name``: a new speaker. ``groups``:
    the groups searched; a new speaker belongs to them. ``force``: enroll what does not sound like the speaker, too; for
    callers with the scope ``operate``. ``guesses``: answers before the end, too; most of the work of a short stream.
    ``enough_seconds``: of speech after which identify and verify end by themselves; audio until ``stop`` is ignored.
    In the mode ``room`` the stream is heard as a recording that has not ended: Room says which.

    ``encoding``: pcm_s16le, pcm_f32le, mulaw or alaw; ``sample_rate``: 8,000 to 48,000; ``channels``: 1, or 2 in turns,
    of which the louder is heard.
    """

    mode: StreamMode
    encoding: str
    sample_rate: int
    channels: int = 1
    speaker: str | None = None
    name: str | None = None
    top_k: int = 5
    consent: Consent | None = None
    groups: tuple[str, ...] | None = None
    force: bool = False
    guesses: bool = True
    enough_seconds: Annotated[float, msgspec.Meta(gt=0)] | None = None


class Stop(Message, frozen=True, kw_only=True, tag="stop"):
    pass


class Cancel(Message, frozen=True, kw_only=True, tag="cancel"):
    pass


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    version: int
    encoder: str
    encoder_sha256: str
    sample_rate: int
    speakers: int
    min_speech_seconds: float
    min_enroll_speech_seconds: float


class SpeechStarted(Message, frozen=True, kw_only=True, tag="speech_started"):
    at_seconds: float


class SpeechStopped(Message, frozen=True, kw_only=True, tag="speech_stopped"):
    at_seconds: float


class Progress(Message, frozen=True, kw_only=True, tag="progress"):
    speech_seconds: float
    needed_seconds: float
    percent: int
    level_dbfs: float
    feedback: Feedback


class Result(Message, frozen=True, kw_only=True, tag="result"):
    """An answer. For callers without the scope ``operate`` all but the decision is left out.

    ``band``: the side of the threshold on which the best score lies; None for too little speech. Without the scope
    ``operate`` score, threshold, margin and probability are None, candidates empty, announced False. ``score`` and
    ``margin`` are also None for an empty gallery (``margin`` for a gallery of one, too). ``announced``: the name was
    safe before the end and stays; only the final answer can take it back, and its ``rule`` then says why.
    ``several_voices``: more than one voice seems to speak; nothing is announced before the end then.
    ``track``, ``channel``: the place in a recording that has several; ``lost_seconds``: what did not decode;
    ``warnings``: what was wrong with the recording.
    """

    mode: Mode
    status: Status
    speaker: SpeakerRef | None
    claimed_speaker: SpeakerRef | None = None
    band: Band | None
    score: float | None
    threshold: float | None
    margin: float | None
    probability: float | None
    rule: str
    candidates: tuple[Candidate, ...]
    speech_seconds: float
    needed_speech_seconds: float
    audio_seconds: float
    latency_ms: float
    announced: bool = False
    several_voices: bool = False
    track: int | None = None
    channel: int | None = None
    lost_seconds: float = 0.0
    warnings: tuple[Notice, ...] = ()
    final: bool


class Enrolled(Message, frozen=True, kw_only=True, tag="enrolled"):
    """The outcome of an enrollment.

    ``consistency``: lowest cosine between an enrollment of the speaker and the template of all of them.
    ``warnings``: what is doubtful about the recordings that were taken. ``pending``: takes of the speaker that wait for
    an operator, these among them where another token enrolled the speaker.
    """

    speaker: SpeakerRef
    enrollments: int
    speech_seconds: float
    speech_seconds_total: float
    consistency: float | None
    similar_speakers: tuple[Candidate, ...]
    warnings: tuple[Notice, ...] = ()
    pending: int = 0


class Room(Message, frozen=True, kw_only=True, tag="room"):
    """How far a room was heard: at its begin, each time that its turns were looked at, and at its end (``final``).

    ``recording``: the id by which REST tells its timeline, names its voices and saves it, as of any recording.
    """

    recording: str
    heard_seconds: float
    final: bool = False


class Error(Message, frozen=True, kw_only=True, tag="error"):
    code: str
    message: str


ClientMessage = Hello | Start | Stop | Cancel
ServerMessage = (
    Ready
    | SpeechStarted
    | SpeechStopped
    | Progress
    | Result
    | Enrolled
    | Room
    | SpeakerInfo
    | SpeakerList
    | KnownAbout
    | Forgotten
    | Unlocked
    | Takes
    | Merged
    | Undoable
    | Undone
    | Error
)
CLIENT_MESSAGES: tuple[type[Any], ...] = get_args(ClientMessage)
SERVER_MESSAGES: tuple[type[Any], ...] = get_args(ServerMessage)

_encoder = msgspec.json.Encoder()
_client_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(ClientMessage)
_server_decoder: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)


def encode(message: ServerMessage | ClientMessage) -> str:
    """One text frame."""
    return _encoder.encode(message).decode()


def decode_client(frame: str) -> ClientMessage:
    """The message of a client.

    Raises MessageError (``bad_message``) that names the wrong place in the message.
    """
    try:
        return _client_decoder.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise MessageError("bad_message", f"The message cannot be read: {error}.") from error


def decode_server(frame: str) -> ServerMessage:
    """The message of a server, for clients in Python. Raises MessageError (``bad_message``)."""
    try:
        return _server_decoder.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise MessageError("bad_message", f"The message cannot be read: {error}.") from error
