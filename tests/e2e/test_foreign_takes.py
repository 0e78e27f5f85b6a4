"""A stranger's takes: refused with the reason on every path, taken with the operator's word, and undone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from support.command_line import Command, command_over
from support.recordings import pcm, wav
from support.talking import Client, Takes, with_server

from voiceprint.api import messages
from voiceprint.api.messages import Enrolled, Error, Hello, Start, Stop
from voiceprint.audio.decoding import Waveform
from voiceprint.audio.vad import VoiceActivity
from voiceprint.domain.vocabulary import Consent
from voiceprint.encoding.encoder import Encoder
from voiceprint.service.service import VoiceprintService

Said = tuple[bool, str]


@dataclass(frozen=True)
class Scene:
    """Ada and Ben are enrolled with two takes each; ``takes`` are a stranger's, or Ben's."""

    service: VoiceprintService
    command: Command
    folder: Path
    ada: str
    takes: list[Waveform]


def files(scene: Scene) -> list[Path]:
    folder = scene.folder / "people" / "Ada"
    folder.mkdir(parents=True, exist_ok=True)
    for number, take in enumerate(scene.takes):
        (folder / f"{number}.wav").write_bytes(wav(take))
    return sorted(folder.iterdir())


def over_rest(scene: Scene, *, force: bool, **headers: str) -> Said:
    said: list[Said] = []

    async def talk(client: Client) -> None:
        form = aiohttp.FormData({"force": "true"} if force else {})
        for take in scene.takes:
            form.add_field("audio", wav(take), filename="clip.wav")
        at = {name: str(client.make_url("/"))[:-1] for name in headers}
        answer = await client.post(f"/v1/speakers/{scene.ada}/enrollments", data=form, headers=at)
        body = await answer.json()
        said.append((answer.status == 201, "" if answer.status == 201 else body["error"]["message"]))

    with_server(scene.service, talk)
    return said[0]


def live(scene: Scene, *, force: bool) -> Said:
    said: list[Said] = []

    async def talk(client: Client) -> None:
        async with client.ws_connect("/ws") as socket:
            await socket.send_str(messages.encode(Hello(version=1)))
            await socket.receive_str()
            start = Start(mode="enroll", encoding="pcm_s16le", sample_rate=16_000, speaker=scene.ada, force=force)
            await socket.send_str(messages.encode(start))
            audio = pcm(scene.takes[0])
            for at in range(0, len(audio), 32_000):
                await socket.send_bytes(audio[at : at + 32_000])
            await socket.send_str(messages.encode(Stop()))
            while True:
                message = messages.decode_server(await socket.receive_str())
                if isinstance(message, Enrolled | Error):
                    said.append((True, "") if isinstance(message, Enrolled) else (False, message.message))
                    return

    with_server(scene.service, talk)
    return said[0]


def by_command(scene: Scene, *arguments: object, force: bool, capsys: pytest.CaptureFixture[str]) -> Said:
    code = scene.command("enroll", *arguments, *(["--anyway"] if force else []))
    return code == 0, capsys.readouterr().err


PATHS: dict[str, Callable[..., Said]] = {
    "page": lambda scene, force, capsys: over_rest(scene, force=force, Origin=""),
    "page, live": lambda scene, force, capsys: live(scene, force=force),
    "REST": lambda scene, force, capsys: over_rest(scene, force=force),
    "command line": lambda scene, force, capsys: by_command(scene, "Ada", *files(scene), force=force, capsys=capsys),
    "folder": lambda scene, force, capsys: by_command(
        scene, "--folder", files(scene)[0].parents[1], force=force, capsys=capsys
    ),
}


@pytest.fixture
def scene(
    service: VoiceprintService,
    takes: Takes,
    tmp_path: Path,
    encoder: Encoder,
    voice_activity: VoiceActivity,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    def enroll(name: str, clips: list[Waveform]) -> str:
        admitted = [service.admit(service.listen(clip)) for clip in clips]
        return service.enroll_new(name, admitted, consent=Consent(purpose="test")).speaker.id

    ada, ben, stranger = (takes[name] for name in takes)
    command = command_over(tmp_path, encoder, voice_activity, monkeypatch)
    enroll("Ben", ben[:2])
    return Scene(service, command, tmp_path, enroll("Ada", ada[:2]), stranger[:2])


def recordings(scene: Scene) -> int:
    scene.service.refresh()
    return len(scene.service.speaker(scene.ada).enrollments)


@pytest.mark.usefixtures("speech_dev")  # synthesised voices are too much alike to be told apart
@pytest.mark.parametrize("path", PATHS)
def test_a_strangers_takes_are_refused_taken_when_insisted_and_undone(
    scene: Scene, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    taken, said = PATHS[path](scene, False, capsys)
    assert (taken, recordings(scene)) == (False, 2)
    assert "does not sound like Ada" in said
    taken, said = PATHS[path](scene, True, capsys)
    assert (taken, said) == (True, "")
    assert recordings(scene) > 2
    assert scene.command("undo") == 0
    assert "Undone: what was added to Ada is out again" in capsys.readouterr().out
    assert recordings(scene) == 2
    assert scene.command("undo") == 2


@pytest.mark.usefixtures("speech_dev")
@pytest.mark.parametrize("path", ["REST", "folder"])
def test_it_is_said_who_the_takes_sound_like(
    scene: Scene, takes: Takes, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ben = list(takes.values())[1]
    other = Scene(scene.service, scene.command, scene.folder, scene.ada, ben[2:4])
    taken, said = PATHS[path](other, False, capsys)
    assert (taken, recordings(scene)) == (False, 2)
    assert "does not sound like Ada but like Ben" in said
