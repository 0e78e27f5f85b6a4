"""Forms of recordings as ffmpeg and sox make them: each is heard, or named for what it is. Run by hand: it needs both.

``python tests/robustness/forms.py RECORDING FOLDER`` makes them all of one recording and says what became of each.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from voiceprint.audio.channels import main_utterance, parties_of
from voiceprint.audio.decoding import read_file
from voiceprint.audio.vad import VoiceActivity
from voiceprint.errors import AudioError

# File name, and what ffmpeg is told; "sox" first for those that sox writes.
FORMS: dict[str, str] = {
    "adpcm_ima.wav": "-c:a adpcm_ima_wav",
    "adpcm_ms.wav": "-c:a adpcm_ms",
    "g726.wav": "-ar 8000 -c:a g726 -b:a 32k",
    "g722.wav": "-c:a g722",
    "alaw.wav": "-ar 8000 -c:a pcm_alaw",
    "float64.wav": "-c:a pcm_f64le",
    "eight.wav": "-c:a pcm_u8",
    "rf64.wav": "-rf64 always",
    "six_channels.wav": "-ac 6",
    "wave64.w64": "",
    "apple.caf": "-c:a alac",
    "ima.caf": "-c:a adpcm_ima_qt",
    "aac.m4a": "-c:a aac",
    "alac.m4a": "-c:a alac",
    "mp2.mp2": "",
    "ac3.ac3": "",
    "eac3.eac3": "",
    "dts.dts": "-strict -2 -c:a dca",
    "wavpack.wv": "",
    "tta.tta": "",
    "speex.spx": "-ar 16000 -c:a libspeex",
    "vorbis.webm": "-c:a libvorbis",
    "opus.mka": "-c:a libopus",
    "flac.ogg": "-c:a flac",
    "mp3.avi": "-c:a libmp3lame",
    "wma2.asf": "-c:a wmav2",
    "aac.flv": "-ar 44100 -c:a aac",
    "speex.flv": "-ar 16000 -c:a libspeex",
    "nelly.flv": "-ar 8000 -c:a nellymoser",
    "mp2.mpg": "-c:a mp2",
    "aac.mkv": "-c:a aac",
    "latm.loas": "-c:a aac -f latm",
    "amr.amr": "-ar 8000 -c:a libopencore_amrnb -b:a 12.2k",
    "voice.voc": "sox",
    "sphere.sph": "sox",
    "gsm.gsm": "sox -r 8000",
    "sun.au": "sox",
    "mulaw.au": "sox -e mu-law",
    "aiff.aiff": "sox",
    "aifc.aifc": "sox",
    "ima.wav": "sox -e ima-adpcm",
    "gsm_ms.wav": "sox -r 8000 -e gsm-full-rate",
    "wide.amr-wb": "sox -r 16000",
    "amiga.8svx": "sox",
    "ircam.sf": "sox",
    "paris.paf": "sox",
    "sox.sox": "sox",
    "avr.avr": "sox",
    "maud.maud": "sox",
    "sample.smp": "sox",
    "psion.wve": "sox -r 8000",
    "headerless.raw": "sox -b 16 -e signed",
    "dsd.dsf": "",
    "real.rm": "-ac 2 -ar 44100 -c:a ac3 -f rm",
}


@dataclass(frozen=True)
class Found:
    name: str
    said: str
    is_heard: bool
    is_damaged: bool


def make(source: Path, folder: Path) -> list[Path]:
    """The forms that the tools here can write."""
    made = []
    for name, how in FORMS.items():
        path = folder / name
        if how.startswith("sox"):
            command = ["sox", str(source), *how.split()[1:], str(path)]
        else:
            command = ["ffmpeg", "-v", "error", "-y", "-i", str(source), *how.split(), str(path)]
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode == 0 and path.is_file() and path.stat().st_size:
            made.append(path)
    return made


def look(path: Path, activity: VoiceActivity, seconds: float) -> Found:
    """What becomes of a form."""
    try:
        recording = read_file(path, max_seconds=600, max_bytes=2**26)
    except AudioError as error:
        return Found(
            path.name, f"{error.code}: {error.message}", is_heard=False, is_damaged=error.code == "audio_damaged"
        )
    speech = main_utterance(parties_of(recording, activity)).speech_seconds
    is_whole = abs(recording.seconds - seconds) < 0.3
    return Found(path.name, f"{recording.seconds:.2f} s, {speech:.2f} s of speech", is_heard=is_whole, is_damaged=False)


def main() -> int:
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    activity = VoiceActivity.load()
    seconds = read_file(source, max_seconds=600, max_bytes=2**26).seconds
    found = [look(path, activity, seconds) for path in make(source, folder)]
    for one in found:
        print(f"{'heard' if one.is_heard else '-----'} {one.name}: {one.said}")
    damaged = sum(one.is_damaged for one in found)
    print(f"{sum(one.is_heard for one in found)} of {len(found)} heard, {damaged} called damaged")
    return int(damaged > 0)


if __name__ == "__main__":
    sys.exit(main())
