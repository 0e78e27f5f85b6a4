"""Every type of the wire goes there and back, and nothing else gets in."""

import json
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceprint.api import messages
from voiceprint.api.messages import CLIENT_MESSAGES, SERVER_MESSAGES, Candidate, SpeakerRef
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import MessageError

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)


def instances(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any value of a message type, every field filled."""
    fields = {name: st.from_type(hint) for name, hint in get_type_hints(kind).items()}
    if "enough_seconds" in fields:
        fields["enough_seconds"] = st.none() | st.floats(0, exclude_min=True, allow_infinity=False, width=32)
    return st.builds(kind, **fields)


st.register_type_strategy(str, text)
st.register_type_strategy(float, numbers)
st.register_type_strategy(int, st.integers(-(2**53), 2**53))
for part in (SpeakerRef, Candidate, Consent):
    st.register_type_strategy(part, instances(part))


@given(st.one_of([instances(kind) for kind in CLIENT_MESSAGES]))
def test_client_messages_survive_the_wire(message: Any) -> None:
    assert messages.decode_client(messages.encode(message)) == message


@given(st.one_of([instances(kind) for kind in SERVER_MESSAGES]))
def test_server_messages_survive_the_wire(message: Any) -> None:
    assert messages.decode_server(messages.encode(message)) == message


def test_every_type_has_a_name_of_its_own() -> None:
    kinds = [*CLIENT_MESSAGES, *SERVER_MESSAGES]
    tags = [kind.__struct_config__.tag for kind in kinds]
    assert len(set(tags)) == len(kinds)
    assert all(tag == tag.lower() and " " not in tag for tag in tags)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "not json",
        "null",
        "[]",
        "{}",
        '{"type": "nobody_knows"}',
        '{"type": "stop", "more": 1}',
        '{"type": "hello"}',
        '{"type": "hello", "version": "1"}',
        '{"type": "start", "mode": "guess", "encoding": "pcm_s16le", "sample_rate": 16000}',
        '{"type": "ready", "version": 1}',
        "[" * 100_000,
        '{"type":' * 100_000,
        "\ud800",
    ],
)
def test_anything_else_is_one_sentence(frame: str) -> None:
    with pytest.raises(MessageError) as caught:
        messages.decode_client(frame)
    assert caught.value.code == "bad_message"
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


def test_field_names_carry_their_units() -> None:
    frame = json.loads(
        messages.encode(
            messages.Progress(speech_seconds=1.4, needed_seconds=2.0, percent=70, level_dbfs=-23.0, feedback="ok")
        )
    )
    assert frame == {
        "type": "progress",
        "speech_seconds": 1.4,
        "needed_seconds": 2.0,
        "percent": 70,
        "level_dbfs": -23.0,
        "feedback": "ok",
    }
