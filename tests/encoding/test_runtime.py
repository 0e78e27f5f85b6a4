"""The exported encoder against SpeechBrain's encode_batch, and where exports are kept."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support.standin import make_official_stand_in

from voiceprint.audio.decoding import Waveform
from voiceprint.campplus import CAMPPlus
from voiceprint.cli import main
from voiceprint.encoding import onnx_export, quantized
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.export_cache import ExportCache, default_cache
from voiceprint.encoding.model_card import CAMPPLUS_HYPERPARAMS
from voiceprint.encoding.model_folder import ModelFolder, write_sums
from voiceprint.encoding.onnx_runtime import OnnxRuntime
from voiceprint.encoding.quantized import keep_quick
from voiceprint.encoding.runtime import load_runtime
from voiceprint.encoding.speechbrain_runtime import SpeechBrainRuntime
from voiceprint.errors import ModelError
from voiceprint.resources import shipped

BUNDLED = shipped("pretrained_models") / "ecapa-compact"
LENGTHS = (8_000, 8_001, 12_345, 48_000, 77_777)


@pytest.fixture(scope="module")
def folder() -> ModelFolder:
    return ModelFolder.open(BUNDLED)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


@pytest.fixture(scope="module")
def exported(folder: ModelFolder, cache: Path) -> Encoder:
    return Encoder.load(folder, runtime="onnx", cache=cache)


def exact_in(cache: Path) -> bytes:
    """The content of the only export there."""
    (path,) = (path for path in cache.glob("*.onnx") if ".quick" not in path.name)
    return path.read_bytes()


def sounds() -> list[Waveform]:
    """Noise that grows and a tone that slides, of lengths that no hop divides."""
    random = np.random.default_rng(5)
    made = []
    for count in LENGTHS:
        time = np.arange(count) / 16_000
        wave = np.sin(2 * np.pi * (120 + 300 * time) * time) * 0.2 + random.normal(scale=0.02, size=count) * time
        made.append(Waveform(wave.astype(np.float32)))
    return made


def agreement(one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[float, float]:
    """The lowest cosine of two encoders' embeddings of the same clips, and how far their scores lie apart at most."""
    cosines = np.einsum("nd,nd->n", one.astype(float), other.astype(float))
    return float(cosines.min()), float(np.abs(one @ one.T - other @ other.T).max())


def test_the_export_says_what_the_reference_says(encoder: Encoder, exported: Encoder) -> None:
    assert (encoder.runtime, exported.runtime) == ("speechbrain", "onnx")
    assert exported.dimension == encoder.dimension
    cosine, apart = agreement(encoder.encode(sounds()), exported.encode(sounds()))
    assert cosine > 1 - 1e-5
    assert apart < 1e-4


def test_real_speech_gets_the_same_scores(
    encoder: Encoder, exported: Encoder, takes: dict[str, list[Waveform]]
) -> None:
    clips = [take for several in takes.values() for take in several]
    cosine, apart = agreement(encoder.encode(clips), exported.encode(clips))
    assert cosine > 1 - 1e-5
    assert apart < 1e-4


def test_the_quick_copy_says_nearly_what_the_export_says(exported: Encoder, takes: dict[str, list[Waveform]]) -> None:
    clips = [take for several in takes.values() for take in several]
    exact, nearly = exported.encode(clips), exported.encode_int8(clips)
    cosine, apart = agreement(exact, nearly)
    assert cosine > 0.99
    assert exported.is_quick == (cosine < 1 - 1e-6), "another network, or none where the processor cuts its sums off"
    assert apart < 0.05
    assert np.linalg.norm(nearly, axis=1) == pytest.approx(np.ones(len(clips)), abs=1e-5)


def test_the_quick_copy_is_used_where_it_is_close(
    folder: ModelFolder, exported: Encoder, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantized, "MIN_COSINE", -1.0)  # as on a processor that has the instructions for it
    ExportCache(tmp_path).keep(folder.fingerprint, exact_in(cache))
    trusting = Encoder.load(folder, runtime="onnx", cache=tmp_path)
    assert trusting.is_quick
    assert not np.array_equal(trusting.encode_int8(sounds()), trusting.encode(sounds()))


def test_a_quick_copy_that_is_far_off_is_not_used(
    folder: ModelFolder, exported: Encoder, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantized, "MIN_COSINE", 1.0)
    ExportCache(tmp_path).keep(folder.fingerprint, exact_in(cache))
    for place in (cache, tmp_path, tmp_path):  # made where it was close, made where it is not, found there
        careful = Encoder.load(folder, runtime="onnx", cache=place)
        assert not careful.is_quick
        assert np.array_equal(careful.encode_int8(sounds()), careful.encode(sounds()))
    assert [path.stat().st_size for path in tmp_path.glob("*.quick-*.onnx")] == [0]


def test_a_damaged_quick_copy_is_made_again(folder: ModelFolder, exported: Encoder, cache: Path) -> None:
    (path,) = cache.glob("*.quick-*.onnx")
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    again = Encoder.load(folder, runtime="onnx", cache=cache)
    assert path.read_bytes() == whole
    assert again.is_quick == exported.is_quick


def test_without_a_place_for_it_there_is_no_quick_copy(folder: ModelFolder) -> None:
    alone = Encoder.load(folder, runtime="onnx", cache=None)
    assert not alone.is_quick
    assert np.array_equal(alone.encode_int8(sounds()), alone.encode(sounds()))


def make_campplus(path: Path) -> Path:
    """CAM++ with random weights."""
    path.mkdir()
    torch.manual_seed(0)
    torch.save(CAMPPlus().state_dict(), path / "embedding_model.ckpt")
    (path / "hyperparams.yaml").write_text(CAMPPLUS_HYPERPARAMS)
    write_sums(path)
    return path


@pytest.mark.parametrize("make", [make_official_stand_in, make_campplus])
def test_other_architectures_are_exported_as_well(make: Callable[[Path], Path], tmp_path: Path) -> None:
    opened = ModelFolder.open(make(tmp_path / "spkrec-ecapa-voxceleb"))
    reference, exported = Encoder.load(opened), Encoder.load(opened, runtime="onnx", cache=tmp_path)
    (quick,) = tmp_path.glob("*.quick-*.onnx")
    assert exported.is_quick == (quick.stat().st_size > 0), (
        "a copy that is far off is empty, and no start tries it again"
    )
    cosine, apart = agreement(reference.encode(sounds()), exported.encode(sounds()))
    assert cosine > 1 - 1e-5
    assert apart < 1e-4


def test_an_export_is_made_once(
    folder: ModelFolder, exported: Encoder, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SpeechBrainRuntime, "load", lambda _folder: pytest.fail("the reference was loaded"))
    assert Encoder.load(folder, runtime="auto", cache=cache).runtime == "onnx"
    assert len(list(cache.glob("*.onnx"))) == 2, "the export and its quick copy"


def test_a_damaged_export_is_not_used(folder: ModelFolder, exported: Encoder, cache: Path, tmp_path: Path) -> None:
    content = exact_in(cache)
    kept = ExportCache(tmp_path)
    path = kept.keep(folder.fingerprint, content)
    assert kept.find(folder.fingerprint) == content
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 1
    path.write_bytes(damaged)
    assert kept.find(folder.fingerprint) is None


def test_an_export_of_other_weights_is_not_used(folder: ModelFolder, exported: Encoder, cache: Path) -> None:
    content = exact_in(cache)
    assert ExportCache(cache).find("0" * 64) is None
    with pytest.raises(ModelError) as caught:
        OnnxRuntime.load(content, "0" * 64)
    assert caught.value.code == "export_unusable"
    with pytest.raises(ModelError):
        OnnxRuntime.load(b"no model", folder.fingerprint)


def test_how_long_it_takes_here_is_measured_once(folder: ModelFolder, exported: Encoder, cache: Path) -> None:
    kept = ExportCache(cache)
    took = kept.milliseconds(folder.fingerprint)
    assert took is not None
    assert took > 0
    kept.keep_milliseconds(folder.fingerprint, 12345.0)
    Encoder.load(folder, runtime="onnx", cache=cache)
    assert kept.milliseconds(folder.fingerprint) == 12345.0
    (path,) = cache.glob("*.milliseconds")
    path.unlink()
    Encoder.load(folder, runtime="onnx", cache=cache)
    assert (kept.milliseconds(folder.fingerprint) or 0) < 12345.0, "measured for an export of an earlier version"
    path.write_text("half a num")
    assert kept.milliseconds(folder.fingerprint) is None


def test_a_newer_export_takes_the_place_of_the_older(tmp_path: Path) -> None:
    kept = ExportCache(tmp_path / "not" / "yet")
    kept.keep("a" * 64, b"one")
    kept.keep("b" * 64, b"other encoder")
    assert kept.keep("a" * 64, b"two").stat().st_mode & 0o777 == 0o644, "made by root, read by the service"
    assert (kept.find("a" * 64), kept.find("b" * 64)) == (b"two", b"other encoder")
    assert len(list(kept.folder.iterdir())) == 2


def test_what_cannot_be_exported_is_run_by_the_reference(
    folder: ModelFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_export, "MIN_COSINE", 1.1)
    assert load_runtime(folder, "auto", tmp_path).name == "speechbrain"
    with pytest.raises(ModelError) as caught:
        load_runtime(folder, "onnx", tmp_path)
    assert caught.value.code == "export_differs"
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(folder: ModelFolder, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert load_runtime(folder, "auto", tmp_path / "file" / "cache").name == "onnx"


SERVING = """
import sys
from pathlib import Path
import numpy as np
from voiceprint.config import Settings
from voiceprint.audio.decoding import Waveform
from voiceprint.service.factory import open_service
import voiceprint.server, voiceprint.service.bulk, voiceprint.api.session, voiceprint.api.presenters
with open_service(Settings(data=Path(sys.argv[1]) / "index", models=Path(sys.argv[1]))) as service:
    service.warm_up()
    assert service.encoder.runtime == "onnx", service.encoder.runtime
heavy = sorted({"torch", "speechbrain", "onnx", "torchaudio"} & set(sys.modules))
assert not heavy, heavy
"""


def test_the_serving_path_starts_without_torch(
    folder: ModelFolder, exported: Encoder, cache: Path, cache_home: Path, tmp_path: Path
) -> None:
    ExportCache(cache_home / "voiceprint").keep(folder.fingerprint, exact_in(cache))
    keep_quick(cache_home / "voiceprint", folder.fingerprint, exact_in(cache))
    environ = {"VOICEPRINT_KEY_FILE": str(tmp_path / "key"), "XDG_CACHE_HOME": str(cache_home), "OMP_NUM_THREADS": "1"}
    environ["PYTHONPATH"] = str(Path(onnx_export.__file__).parents[2])
    ran = subprocess.run(
        [sys.executable, "-c", SERVING, str(tmp_path)], env=environ, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-2000:]


def test_one_command_makes_the_export(
    folder: ModelFolder, cache_home: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    kept = ExportCache(cache_home / "voiceprint")
    for old in kept.folder.glob("*.onnx"):
        old.unlink()
    caplog.clear()
    assert main(["models", "export", "--json"]) == 0, "of the encoder that a new store takes"
    said = json.loads(capsys.readouterr().out)
    steps = [record.message for record in caplog.records if " of 3: " in record.message]
    assert [re.findall(r"(\d) of 3", step) for step in steps] == [["1"], ["2"], ["3"]]
    assert "ecapa-compact is prepared for this machine" in steps[0]
    assert (kept.milliseconds(folder.fingerprint) or 0) > 0
    content = kept.find(folder.fingerprint)
    assert content is not None
    assert (said["path"], said["size_bytes"]) == (
        str(next(kept.folder.glob(f"{folder.fingerprint}-*.onnx"))),
        len(content),
    )


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from voiceprint.cli import main; main(['identify', '--help'])"
    watch = f"import atexit, sys; atexit.register(lambda: print(*sorted(sys.modules), file=sys.stderr)); {code}"
    environ = {"PYTHONPATH": str(Path(onnx_export.__file__).parents[2])}
    ran = subprocess.run([sys.executable, "-c", watch], env=environ, capture_output=True, text=True, check=True)
    heavy = {"numpy", "torch", "onnxruntime", "faiss", "aiohttp", "cryptography", "importlib.metadata"}
    assert not heavy & set(ran.stderr.split()), heavy & set(ran.stderr.split())
    assert "voiceprint.cli.identify" in ran.stderr.split()


def test_the_cache_lies_where_caches_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_cache({"XDG_CACHE_HOME": "/var/cache"}) == Path("/var/cache/voiceprint")
    assert default_cache({"XDG_CACHE_HOME": "relative"}) == Path("/home/ada/.cache/voiceprint")
    assert default_cache({}) == Path("/home/ada/.cache/voiceprint")

    def homeless() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    assert default_cache({}) is None
    assert default_cache({"XDG_CACHE_HOME": "/var/cache"}) == Path("/var/cache/voiceprint")
