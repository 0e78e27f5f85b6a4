"""The wire: every message of the WebSocket and every answer of REST, as typed structs.

Text frames are JSON objects told apart by ``type``; binary frames carry only audio (PCM, signed 16 bit, little endian,
mono, 16 kHz). Unknown types and unknown fields are refused. Seconds, dBFS and milliseconds are in the field names;
``score`` is a raw cosine in [-1, 1]; ``probability`` is set only after calibration.
"""

from typing import Any, get_args

import msgspec

from voiceprint.domain.vocabulary import Band, Consent, Feedback, KeptBecause, Mode, Notice, Part, Status
from voiceprint.errors import MessageError

__all__ = [
    "CLIENT_MESSAGES",
    "PROTOCOL_VERSION",
    "SERVER_MESSAGES",
    "Cancel",
    "Candidate",
    "ClientMessage",
    "Consent",
    "Enrolled",
    "Error",
    "Forgotten",
    "Hello",
    "KnownAbout",
    "KnownEnrollment",
    "KnownEvent",
    "Mode",
    "Progress",
    "Ready",
    "Result",
    "ServerMessage",
    "SpeakerInfo",
    "SpeakerList",
    "SpeakerRef",
    "SpeechStarted",
    "SpeechStopped",
    "Start",
    "Stop",
    "Unlocked",
    "decode_client",
    "decode_server",
    "encode",
]

PROTOCOL_VERSION = 1


class _Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="type"):
    pass


class SpeakerRef(Part, frozen=True, kw_only=True):
    id: str
    name: str


class Candidate(Part, frozen=True, kw_only=True):
    """``score``: None for who may not see scores."""

    speaker: SpeakerRef
    score: float | None


class Hello(_Message, frozen=True, kw_only=True, tag="hello"):
    version: int
    token: str | None = None


class Start(_Message, frozen=True, kw_only=True, tag="start"):
    """``speaker``: the claimed id (verify), or the speaker who gets another take (enroll); ``name``: a new speaker.
    ``groups``: only speakers of these are searched; a new speaker belongs to them.
    """

    mode: Mode
    encoding: str
    sample_rate: int
    speaker: str | None = None
    name: str | None = None
    top_k: int = 5
    consent: Consent | None = None
    groups: tuple[str, ...] | None = None


class Stop(_Message, frozen=True, kw_only=True, tag="stop"):
    pass


class Cancel(_Message, frozen=True, kw_only=True, tag="cancel"):
    pass


class Ready(_Message, frozen=True, kw_only=True, tag="ready"):
    version: int
    encoder: str
    encoder_sha256: str
    sample_rate: int
    speakers: int
    min_speech_seconds: float
    min_enroll_speech_seconds: float


class SpeechStarted(_Message, frozen=True, kw_only=True, tag="speech_started"):
    at_seconds: float


class SpeechStopped(_Message, frozen=True, kw_only=True, tag="speech_stopped"):
    at_seconds: float


class Progress(_Message, frozen=True, kw_only=True, tag="progress"):
    speech_seconds: float
    needed_seconds: float
    percent: int
    level_dbfs: float
    feedback: Feedback


class Result(_Message, frozen=True, kw_only=True, tag="result"):
    """An answer. ``band``: on which side of the threshold the best score is; None for too little speech. For callers
    without the scope ``operate`` score, threshold, margin, probability are None, candidates empty, announced False.
    ``score`` and ``margin`` are also None where nobody is enrolled (``margin`` where only one is, too).
    ``track``, ``channel``: where in the recording it was heard, where it has several; ``lost_seconds``: what did not
    decode; ``warnings``: what was wrong with the recording.
    ``announced``: the name was safe before the end and stays; only the final answer can take it back, and its ``rule``
    then says why. ``several_voices``: more than one voice seems to speak; nothing is announced before the end then.
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


class Enrolled(_Message, frozen=True, kw_only=True, tag="enrolled"):
    """``consistency``: lowest cosine between an enrollment of this speaker and the template of all of them.
    ``warnings``: what is doubtful about the recordings that were taken.
    """

    speaker: SpeakerRef
    enrollments: int
    speech_seconds: float
    speech_seconds_total: float
    consistency: float | None
    similar_speakers: tuple[Candidate, ...]
    warnings: tuple[Notice, ...] = ()


class SpeakerInfo(_Message, frozen=True, kw_only=True, tag="speaker"):
    """``created_at``, ``consent_at``: ISO 8601, UTC. Days are YYYY-MM-DD, UTC: ``last_seen``, when the voice was last
    recognised; ``kept_until``, the last day before retention erases (``kept_because``: what makes it that day).
    ``waiting``: the store was moved to another encoder, and the person is not enrolled under that yet.
    """

    id: str
    name: str
    enrollments: int
    speech_seconds_total: float
    created_at: str
    kept_until: str
    kept_because: KeptBecause
    last_seen: str | None = None
    consent: Consent | None = None
    consent_at: str | None = None
    waiting: bool = False
    groups: tuple[str, ...] = ()


class SpeakerList(_Message, frozen=True, kw_only=True, tag="speakers"):
    speakers: tuple[SpeakerInfo, ...]


class KnownEnrollment(Part, frozen=True, kw_only=True):
    id: str
    speech_seconds: float
    enrolled_at: str


class KnownEvent(Part, frozen=True, kw_only=True):
    """A line of the audit log about the person."""

    time: str
    event: str
    details: dict[str, str | int | float]


class KnownAbout(_Message, frozen=True, kw_only=True, tag="known_about"):
    """What is known about one person, for that person to read: everything but the vectors themselves.

    Times and days as in SpeakerInfo. ``imported_from``: the store that the person came from.
    """

    id: str
    name: str
    encoder: str
    created_at: str
    last_seen: str | None
    consent: Consent | None
    consent_at: str | None
    kept_until: str
    kept_because: KeptBecause
    imported_from: str | None
    enrollments: tuple[KnownEnrollment, ...]
    log: tuple[KnownEvent, ...]


class Forgotten(_Message, frozen=True, kw_only=True, tag="forgotten"):
    """``receipt``: signed by the store, for ``voiceprint verify-receipt``."""

    id: str
    enrollments: int
    receipt: dict[str, str | int | bool]


class Unlocked(_Message, frozen=True, kw_only=True, tag="unlocked"):
    """``rejections``: wrong claims of this id, by all tokens, that count no longer."""

    id: str
    rejections: int


class Error(_Message, frozen=True, kw_only=True, tag="error"):
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
    | SpeakerInfo
    | SpeakerList
    | KnownAbout
    | Forgotten
    | Unlocked
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
    """What a client said. Raises MessageError (``bad_message``) with the place in the message that is wrong."""
    try:
        return _client_decoder.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise MessageError("bad_message", f"The message cannot be read: {error}.") from error


def decode_server(frame: str) -> ServerMessage:
    """What the server said, for clients written in Python. Raises MessageError like decode_client."""
    try:
        return _server_decoder.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise MessageError("bad_message", f"The message cannot be read: {error}.") from error
