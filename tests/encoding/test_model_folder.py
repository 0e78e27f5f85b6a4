import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from voiceprint.encoding.model_folder import SUMS, ModelFolder, write_sums
from voiceprint.errors import ModelError
from voiceprint.resources import shipped


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(shipped("pretrained_models") / "ecapa-compact", tmp_path / "ecapa-compact"))


def test_the_bundled_encoder_is_whole_and_tells_its_accuracy() -> None:
    bundled = ModelFolder.open(shipped("pretrained_models") / "ecapa-compact")
    assert bundled.id == "ecapa-compact"
    assert set(bundled.sums) == {"README.md", "embedding_model.ckpt", "hyperparams.yaml"}
    assert "EER" in bundled.accuracy()
    assert bundled.size_bytes < 16 * 2**20


def test_the_fingerprint_covers_what_computes_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    before = ModelFolder.open(folder).fingerprint
    moved = Path(shutil.copytree(folder, tmp_path / "elsewhere" / "other-name"))
    assert ModelFolder.open(moved).fingerprint == before
    for name in ("README.md", "embedding_model.ckpt", "hyperparams.yaml"):
        changed = Path(shutil.copytree(folder, tmp_path / name))
        with (changed / name).open("ab") as file:
            file.write(b"\n")
        write_sums(changed)
        assert (ModelFolder.open(changed).fingerprint == before) == (name == "README.md")


def flip(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / name).write_bytes(content)

    return change


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no sums": (lambda folder: (folder / SUMS).unlink(), "model_missing"),
    "flipped weights": (flip("embedding_model.ckpt"), "model_damaged"),
    "flipped card": (flip("README.md"), "model_damaged"),
    "flipped sums": (flip(SUMS), "model_damaged"),
    "file missing": (lambda folder: (folder / "README.md").unlink(), "model_damaged"),
    "file too many": (lambda folder: (folder / "extra.py").write_text("import os"), "model_damaged"),
    "folder inside": (lambda folder: (folder / "inside").mkdir(), "model_damaged"),
    "a link": (lambda folder: (folder / "link").symlink_to("/etc/passwd"), "model_damaged"),
    "path in the sums": (lambda folder: (folder / SUMS).write_text("0" * 64 + "  ../../etc/passwd\n"), "model_damaged"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_found_and_named(folder: Path, what: str) -> None:
    change, code = DAMAGE[what]
    change(folder)
    with pytest.raises(ModelError) as caught:
        ModelFolder.open(folder)
    assert caught.value.code == code
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "line",
    [
        "x: !apply:os.system ['true']",
        "x: !new:subprocess.Popen ['true']",
        "x: !name:os.system",
        "x: !include:/etc/passwd",
        "x: !module:os",
        "!new:os.system : x",
        "x: !!python/object/apply:os.system ['true']",
        "x: !<tag:yaml.org,2002:python/name:os.system> ''",
        "%TAG !e! !new:os.\n---\nx: !e!system\n",
        "x: https://example.org/embedding_model.ckpt",
        "x: !ref <pretrained_path>/../other/embedding_model.ckpt",
        "x: /etc/passwd",
        "x: ~/embedding_model.ckpt",
    ],
)
def test_what_no_encoder_needs_is_refused_before_anything_runs(folder: Path, line: str) -> None:
    file = folder / "hyperparams.yaml"
    file.write_text(line if line.startswith("%") else file.read_text() + line + "\n")
    write_sums(folder)
    with pytest.raises(ModelError) as caught:
        ModelFolder.open(folder)
    assert caught.value.code in {"model_untrusted", "model_damaged"}
