"""The library in the program's own process: every method, and the README's lines as they stand there."""

import re
from pathlib import Path

import pytest
from support.paths import ROOT
from support.recordings import wav
from support.talking import Takes

import voiceprint
from voiceprint.errors import VoiceprintError


@pytest.fixture(autouse=True)
def recordings(tmp_path: Path, takes: Takes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that the README names, in the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VOICEPRINT_KEY_FILE", str(tmp_path / "master.key"))
    for name, take in zip(("ada-1.wav", "ada-2.wav", "unknown.wav"), next(iter(takes.values())), strict=False):
        Path(name).write_bytes(wav(take))


def test_the_lines_of_the_readme_run(capsys: pytest.CaptureFixture[str], takes: Takes) -> None:
    (block,) = re.findall(r"```python\n(import voiceprint\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(compile(block, "README.md", "exec"), {})
    out = capsys.readouterr().out
    assert "Ada" in out if "synthetic" not in next(iter(takes)) else out


def test_every_method(takes: Takes) -> None:
    with voiceprint.open("index") as voices:
        enrolled = voices.enroll("Ada", ["ada-1.wav"], groups=["team"])
        assert voices.enroll("Ada", [Path("ada-2.wav")]).enrollments == 2
        assert voices.verify("Ada", "unknown.wav").claimed_speaker == enrolled.speaker
        assert voices.identify(Path("unknown.wav").read_bytes()).candidates[0].speaker == enrolled.speaker
        assert voices.timeline("unknown.wav").audio_seconds > 1
        assert [one.name for one in voices.speakers(groups=["team"])] == ["Ada"]
        assert voices.forget("Ada").enrollments == 2
        assert voices.speakers() == ()


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda voices: voices.identify("missing.wav"), "audio_unreadable"),
        (lambda voices: voices.identify(b"no audio"), "not_audio"),
        (lambda voices: voices.verify("Eve", "unknown.wav"), "unknown_speaker"),
        (lambda voices: voices.enroll(" ", ["ada-1.wav"]), "bad_name"),
    ],
)
def test_what_cannot_be_done_is_one_error(ask: "object", code: str) -> None:
    assert callable(ask)
    with voiceprint.open("index") as voices, pytest.raises(VoiceprintError) as refused:
        ask(voices)
    assert refused.value.code == code


def test_a_setting_that_is_none_is_refused() -> None:
    with pytest.raises(VoiceprintError, match="bogus"):
        voiceprint.open("index", bogus=1)
