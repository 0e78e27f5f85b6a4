"""Fetching, against a server on this machine."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.standin import make_official_stand_in

from voiceprint.encoding import fetch as model_fetch
from voiceprint.encoding.catalog import CATALOG, OFFICIAL, CatalogEntry
from voiceprint.errors import ModelError

REVISION = CATALOG[OFFICIAL].revision


@dataclass
class Hub:
    """Serves files, and misbehaves as told."""

    files: dict[str, bytes]
    url: str = ""
    catalog: Mapping[str, CatalogEntry] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    truncate: str = ""
    corrupt: str = ""
    missing: str = ""


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = make_official_stand_in(tmp_path_factory.mktemp("hub") / OFFICIAL)
    return {name: (folder / name).read_bytes() for name in CATALOG[OFFICIAL].pins}


@pytest.fixture
def hub(published: dict[str, bytes]) -> Iterator[Hub]:
    pins = {name: sha256(content).hexdigest() for name, content in published.items()}
    sizes = {name: len(content) for name, content in published.items() if name in CATALOG[OFFICIAL].sizes}
    entry = replace(CATALOG[OFFICIAL], pins=pins, sizes=sizes)
    hub = Hub(published, catalog={**CATALOG, OFFICIAL: entry})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rsplit("/", 1)[1]
            hub.asked.append(name)
            if not self.path.startswith(f"/speechbrain/{OFFICIAL}/resolve/{REVISION}/") or name == hub.missing:
                self.send_error(404)
                return
            content = hub.files[name]
            if name == hub.corrupt:
                content = content[:100] + bytes([content[100] ^ 1]) + content[101:]
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if name == hub.truncate else content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    yield hub
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(hub: Hub, models: Path) -> tuple[Path, dict[str, int]]:
    came: dict[str, int] = {}

    def progress(name: str, count: int, size: int | None) -> None:
        came[name] = came.get(name, 0) + count

    folder = model_fetch.fetch_encoder(OFFICIAL, models, progress=progress, base_url=hub.url, catalog=hub.catalog)
    return folder.path, came


def test_every_file_comes_once_verified_with_a_card_and_nothing_beside_it(hub: Hub, tmp_path: Path) -> None:
    models = tmp_path / "models"
    path, came = fetch(hub, models)
    assert sorted(hub.asked) == sorted(hub.files)
    assert came == {name: len(content) for name, content in hub.files.items()}
    assert [entry.name for entry in models.iterdir()] == [OFFICIAL]
    assert {entry.name for entry in path.iterdir()} == {*hub.files, "README.md", "SHA256SUMS"}
    fetch(hub, models)
    assert len(hub.asked) == len(hub.files)  # there already: nothing is asked for again


@pytest.mark.parametrize("fault", ["truncate", "corrupt", "missing"])
@pytest.mark.parametrize("name", ["embedding_model.ckpt", "label_encoder.txt"])
def test_what_is_not_whole_never_becomes_an_encoder_and_the_next_try_goes_on(
    hub: Hub, tmp_path: Path, fault: str, name: str
) -> None:
    models = tmp_path / "models"
    setattr(hub, fault, name)
    with pytest.raises(ModelError) as caught:
        fetch(hub, models)
    assert caught.value.code == "fetch_failed"
    assert name in caught.value.message
    assert not (models / OFFICIAL).exists()
    setattr(hub, fault, "")
    hub.asked.clear()
    fetch(hub, models)
    assert name in hub.asked
    assert [entry.name for entry in models.iterdir()] == [OFFICIAL]


def test_a_hub_out_of_reach_is_one_sentence(hub: Hub, tmp_path: Path) -> None:
    hub.url = "http://127.0.0.1:1"
    with pytest.raises(ModelError, match="cannot be fetched") as caught:
        fetch(hub, tmp_path / "models")
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("encoder_id", ["nobody", "ecapa-compact", "../x"])
def test_what_cannot_be_fetched(tmp_path: Path, encoder_id: str) -> None:
    with pytest.raises(ModelError) as caught:
        model_fetch.fetch_encoder(encoder_id, tmp_path, progress=lambda *_: None)
    assert caught.value.code == "model_unknown"
    assert list(tmp_path.iterdir()) == []
