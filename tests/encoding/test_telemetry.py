"""What the libraries would send away, or only write down to send it later."""

import os
import subprocess
import sys
from pathlib import Path

HEARS = """
import numpy
from voiceprint.audio.decoding import Waveform
from voiceprint.audio.vad import VoiceActivity, listen
listen(Waveform(numpy.zeros(16000, numpy.float32)), VoiceActivity.load())
"""


def test_nothing_is_left_in_the_home_folder_by_hearing(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    subprocess.run([sys.executable, "-c", HEARS], env={**kept, "HOME": str(tmp_path)}, check=True)
    assert [str(path) for path in tmp_path.rglob("*") if path.is_file()] == []
