"""Recordings that went wrong for people who do this job: each row of the field's README, on a real service."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.paths import SHARED

from voiceprint.audio.channels import ANY, Choice
from voiceprint.audio.decoding import read_file
from voiceprint.audio.recording import Recording
from voiceprint.config import Settings
from voiceprint.encoding.encoder import Encoder
from voiceprint.errors import AudioError, SpeechError
from voiceprint.service.bulk import enroll_files
from voiceprint.service.diarization_windows import joined, turns_of
from voiceprint.service.factory import open_service
from voiceprint.service.service import VoiceprintService

FIELD = SHARED / "field"
NAMES = ("1089", "1188", "121", "1221", "1284", "1320")
# The recordings that the files were made of; the others are enrolled.
ASKED_SECONDS = (11.6, 9.0)
Read = Callable[[str], Recording]

pytestmark = pytest.mark.skipif(not FIELD.is_dir(), reason="the recordings of the field are not here")


@pytest.fixture(scope="module")
def people(speech_dev: Path, encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VoiceprintService]:
    folder = tmp_path_factory.mktemp("field")
    environ = {"VOICEPRINT_KEY_FILE": str(folder / "master.key")}
    with open_service(Settings(data=folder / "index"), environ=environ, encoder=encoder) as service:
        for name in NAMES:
            files = [
                path for path in sorted((speech_dev / "librispeech" / f"librispeech-{name}").iterdir()) if other(path)
            ]
            enroll_files(
                service, name, files[:3], on_refusal=lambda path, error: pytest.fail(f"{path}: {error.message}")
            )
        yield service


def other(path: Path) -> bool:
    seconds = read_file(path, max_seconds=60, max_bytes=2**24).seconds
    return all(abs(seconds - asked) > 0.1 for asked in ASKED_SECONDS)


@pytest.fixture
def read(people: VoiceprintService) -> Read:
    return lambda name: people.decode((FIELD / name).read_bytes())


def closest(service: VoiceprintService, recording: Recording, choice: Choice = ANY) -> str:
    """The name of the closest speaker: the threshold is another matter, judged by the accuracy tests."""
    found = service.identify(service.hear(recording, choice)).candidates
    return service.speaker(found[0].speaker_id).name


@pytest.mark.parametrize("name", ["dc0.1.wav", "hum50.wav", "beep_then.wav", "ring_then.wav"])
def test_what_is_not_noise_is_not_called_noise(people: VoiceprintService, read: Read, name: str) -> None:
    recording = read(name)
    people.admit(people.listen(recording))
    listener = people.listener()
    listener.feed(recording.first)
    assert listener.utterance().level.snr_db is not None
    assert listener.feedback() in ("ok", "no_voice"), "after the last word it is silent"


@pytest.mark.parametrize(
    ("name", "seconds", "warnings"),
    [
        ("A.wav", 11.6, []),
        ("A.ts", 11.6, []),
        ("A.wma", 11.6, []),
        ("amrnb.3gp", 11.6, []),
        ("amrnb.amr", 11.6, []),
        ("antiphase.wav", 11.6, []),
        ("gsm.wav", 11.6, []),
        ("hdr_short.wav", 11.6, ["wrong_header"]),
        ("id3.wav", 11.6, []),
        ("late6.mp4", 17.6, []),
        ("m4a_bad.m4a", 11.5, ["part_lost"]),
        ("mp3_join_same.mp3", 23.3, []),
        ("mp3_mixed.mp3", 14.6, []),
        ("tracks_sil_speech.mp4", 11.6, ["several_tracks"]),
        ("whatsapp.opus", 11.6, []),
        ("dc0.1.wav", 11.6, []),
        ("hum50.wav", 11.6, []),
    ],
)
def test_a_recording_is_heard_whole_and_the_speaker_named(
    people: VoiceprintService, read: Read, name: str, seconds: float, warnings: list[str]
) -> None:
    recording = read(name)
    assert recording.seconds == pytest.approx(seconds, abs=0.2)
    assert closest(people, recording) == "1089"
    assert [warning.code for warning in people.listen(recording).warnings] == warnings


def test_channels_that_come_late_bring_the_second_voice(people: VoiceprintService, read: Read) -> None:
    recording = read("aac_mono_stereo.aac")
    assert recording.seconds == pytest.approx(20.7, abs=0.1)
    found = {
        people.speaker(turn.answer.decision.speaker_id or "").name for turn in joined(list(turns_of(people, recording)))
    }
    assert found == {"1089", "1188"}
    with pytest.raises(SpeechError) as refused:
        people.admit(people.listen(recording))
    assert refused.value.code == "other_speaker"


@pytest.mark.parametrize("name", ["call_stereo.opus", "call_mulaw.wav"])
def test_a_call_with_one_party_a_channel_is_two_people(people: VoiceprintService, read: Read, name: str) -> None:
    recording = read(name)
    with pytest.raises(SpeechError, match="channel") as refused:
        people.admit(people.listen(recording))
    assert refused.value.code == "several_parties"
    for channel, speaker in ((1, "1089"), (2, "1188")):
        people.admit(people.listen(recording, Choice(channel=channel)))
        assert closest(people, recording, Choice(channel=channel)) == speaker
    turns = joined(list(turns_of(people, recording)))
    spoken = {
        (turn.channel, people.speaker(turn.answer.decision.speaker_id).name)
        for turn in turns
        if turn.answer.decision.speaker_id
    }
    # The bundled encoder may leave a telephone's voice without a name; under a wrong one it does not put it.
    assert {(1, "1089")} <= spoken <= {(1, "1089"), (2, "1188")}
    assert {turn.channel for turn in turns} == {1, 2}
    assert turns == sorted(turns, key=lambda turn: turn.start)


def test_time_is_kept(people: VoiceprintService, read: Read) -> None:
    first = next(iter(turns_of(people, read("late6.mp4"))))
    assert first.start == pytest.approx(6.5, abs=0.2)


def test_short_clips_are_enough_together(people: VoiceprintService) -> None:
    refused: list[str] = []
    files = sorted((FIELD / "tiny").iterdir())
    outcome = enroll_files(
        people, "Tiny", files, on_refusal=lambda path, error: refused.append(f"{path.name}: {error}")
    )
    assert refused == []
    assert outcome is not None
    assert outcome.added == len(files)
    people.forget(outcome.speaker.id)


def test_two_at_once_are_warned_of(people: VoiceprintService, read: Read) -> None:
    enrollment = people.admit(people.listen(read("mono_over.wav")))
    assert [warning.code for warning in enrollment.warnings] == ["two_at_once"]


def test_what_is_no_recording_is_closest(people: VoiceprintService) -> None:
    with pytest.raises(AudioError, match="text") as refused:
        people.decode((FIELD / "README.md").read_bytes())
    assert refused.value.code == "not_audio"


def test_a_file_name_that_is_not_unicode_is_read(people: VoiceprintService, tmp_path: Path) -> None:
    path = tmp_path / b"lat\xe9.wav".decode(errors="surrogateescape")
    shutil.copy(FIELD / "A.wav", path)
    assert closest(people, read_file(path, max_seconds=60, max_bytes=2**24)) == "1089"
