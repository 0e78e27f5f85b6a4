"""The operations of REST as a table: the source of its description."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Literal

import msgspec

from voiceprint.api.diarization_message import DiarizedRecording
from voiceprint.api.messages import (
    Enrolled,
    Forgotten,
    KnownAbout,
    Merged,
    Result,
    SpeakerInfo,
    SpeakerList,
    Takes,
    Undoable,
    Undone,
    Unlocked,
)
from voiceprint.api.page_views import Health, Timeline, VoiceMap
from voiceprint.api.recording_messages import MoveTurn, RecordingGone, RecordingJob, RecordingList, ThatWas
from voiceprint.domain.vocabulary import Consent

__all__ = ["OPERATIONS", "Change", "Merge", "Operation", "SignIn", "Undo"]

Sound = Literal["audio", "audios", "file"]


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """``groups``: all those of the caller's that the speaker is to belong to."""

    name: str | None = None
    groups: tuple[str, ...] | None = None


class Merge(msgspec.Struct, forbid_unknown_fields=True):
    """``from_id`` (``from`` on the wire): the entry that goes; ``force``: though the two do not sound alike."""

    from_id: str = msgspec.field(name="from")
    force: bool = False


class Undo(msgspec.Struct, forbid_unknown_fields=True):
    """``change``: the id of the change to be undone, if it is the last one still; without it, the last one."""

    change: str | None = None


class SignIn(msgspec.Struct, forbid_unknown_fields=True):
    token: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path.

    ``answer``: a struct of the wire, None for a plain JSON object; ``sound``: whether the body holds one recording or
    several; ``fields``: text parts beside them (JSON where the type is a struct); ``body``: a JSON body; ``query``: the
    parameters in the address.
    """

    method: str
    path: str
    summary: str
    answer: type[msgspec.Struct] | None = None
    status: HTTPStatus = HTTPStatus.OK
    sound: Sound | None = None
    fields: Mapping[str, type] = field(default_factory=dict)
    body: type[msgspec.Struct] | None = None
    query: Mapping[str, type] = field(default_factory=dict)
    media_type: str = "application/json"


# As often as wanted: only speakers of these groups are met, and a new one belongs to them.
_GROUP: Mapping[str, type] = {"group": list[str]}
# Which part of a recording to hear; as fields beside it, too.
_CHOICE: Mapping[str, type] = {"track": int, "channel": int}
_SPEAKER = "/v1/speakers/{id}"
_RECORDING = "/v1/recordings/{id}"
OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/healthz", "Whether the server is alive."),
    Operation("GET", "/readyz", "Whether it can answer: encoder, size of the gallery, threshold and what it promises."),
    Operation("GET", "/metrics", "What is measured, for Prometheus: numbers, never a name.", media_type="text/plain"),
    Operation("GET", "/openapi.json", "This description."),
    Operation("GET", "/asyncapi.json", "The description of the WebSocket at /ws."),
    Operation("GET", "/docs", "Both descriptions, to read.", media_type="text/html"),
    Operation(
        "POST", "/v1/identify", "The speaker of a recording, or unknown.", Result, sound="audio",
        query={"top_k": int, **_GROUP, **_CHOICE},
    ),
    Operation(
        "POST", "/v1/verify", "Whether it is the claimed speaker.", Result, sound="audio", fields={"speaker": str},
        query={"speaker": str, **_GROUP, **_CHOICE},
    ),
    Operation("POST", "/v1/timeline", "Who spoke when in a recording.", Timeline, sound="audio", query=_GROUP),
    Operation(
        "POST", "/v1/audio/diarization", "The same as segments, as clients of servers like OpenAI's know it.",
        DiarizedRecording, sound="file", query=_GROUP,
    ),
    Operation(
        "POST", f"{_RECORDING}/transcript", "A transcript of a recording, with its speakers' names.", sound="audio",
        query={"format": str}, media_type="application/octet-stream",
    ),
    Operation(
        "POST", "/v1/recordings", "Who spoke when in a recording of any length: it is heard as a job.", RecordingJob,
        HTTPStatus.ACCEPTED, sound="audio", query={"size": int, **_GROUP, **_CHOICE},
    ),
    Operation("GET", "/v1/recordings", "The jobs of the caller's token.", RecordingList),
    Operation("GET", _RECORDING, "How far a recording is heard, and its timeline so far.", RecordingJob),
    Operation("DELETE", _RECORDING, "Cancel a recording, and forget its voices.", RecordingGone),
    Operation("PUT", f"{_RECORDING}/audio", "The sound of a recording, its size told.", RecordingJob, sound="audio"),
    Operation(
        "GET", f"{_RECORDING}/timeline", "The timeline as JSON, RTTM, SRT, VTT or CSV.", Timeline,
        query={"format": str},
    ),
    Operation(
        "POST", f"{_RECORDING}/voices/{{voice}}", "Say whose voice it was, and have it enrolled.", RecordingJob,
        body=ThatWas,
    ),
    Operation(
        "POST", f"{_RECORDING}/turns/{{turn}}", "Say whose a single turn was.", RecordingJob, body=MoveTurn,
    ),
    Operation("POST", f"{_RECORDING}/undo", "Take back what was said last of its voices.", RecordingJob),
    Operation("GET", "/v1/speakers", "The enrolled speakers.", SpeakerList, query=_GROUP),
    Operation(
        "POST", "/v1/speakers", "Enroll a new speaker from one or more recordings.", Enrolled, HTTPStatus.CREATED,
        sound="audios", fields={"name": str, "consent": Consent, "force": bool}, query={**_GROUP, **_CHOICE},
    ),
    Operation("GET", _SPEAKER, "One speaker.", SpeakerInfo),
    Operation("PATCH", _SPEAKER, "Give a speaker another name, other groups, or both.", SpeakerInfo, body=Change),
    Operation("DELETE", _SPEAKER, "Forget a speaker: destroys the voiceprint and its key.", Forgotten),
    Operation("GET", f"{_SPEAKER}/export", "What is known about a person, for that person.", KnownAbout),
    Operation("DELETE", f"{_SPEAKER}/lock", "Let a speaker be claimed again after too many wrong claims.", Unlocked),
    Operation(
        "POST", f"{_SPEAKER}/enrollments", "More recordings of an enrolled speaker.", Enrolled, HTTPStatus.CREATED,
        sound="audios", fields={"consent": Consent, "force": bool}, query={"force": bool, **_GROUP, **_CHOICE},
    ),
    Operation("GET", f"{_SPEAKER}/enrollments", "The recordings of a speaker, and how each fits the others.", Takes),
    Operation("DELETE", f"{_SPEAKER}/enrollments/{{enrollment}}", "Take one recording of a speaker out.", Takes),
    Operation("POST", f"{_SPEAKER}/enrollments/{{enrollment}}/confirm", "Let a pending recording decide.", Takes),
    Operation("POST", f"{_SPEAKER}/merge", "Two entries of one person become one.", Merged, body=Merge),
    Operation("GET", "/v1/undo", "The last change of speakers, if it can be undone.", Undoable),
    Operation("POST", "/v1/undo", "Undo the last change of speakers.", Undone, body=Undo),
    Operation("GET", "/v1/map", "The voices as places on a plane: near means alike.", VoiceMap, query=_GROUP),
    Operation("GET", "/v1/health", "The encoder, its evidence, and what was decided.", Health, query=_GROUP),
    Operation("GET", "/v1/session", "Whether a token is required, and the scopes of the caller."),
    Operation("POST", "/v1/session", "Sign a page in: a token for a cookie.", body=SignIn),
    Operation("DELETE", "/v1/session", "Sign the page out."),
)  # fmt: skip
