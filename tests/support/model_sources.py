"""Stand-ins for the hub and the package index, on this machine, that serve small encoders and misbehave as told."""

import io
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from zipfile import ZipFile

from voiceprint.encoding.fetch_hub import HubSource
from voiceprint.encoding.fetch_source import Source
from voiceprint.encoding.fetch_wheel import WheelSource
from voiceprint.encoding.published import CATALOG, CatalogEntry

__all__ = ["PAGE", "Web", "make_wheel", "small_catalog", "small_files", "web"]

# What a proxy says in the place of anything.
PAGE = b"<html><body>Please sign in to this network.</body></html>"


@dataclass
class Web:
    """What is served, by path; ``truncated`` paths break off half-way, ``asked`` are those that were asked for."""

    served: dict[str, bytes] = field(default_factory=dict)
    url: str = ""
    truncated: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    always: bytes | None = None


@contextmanager
def web() -> Iterator[Web]:
    """A server on loopback, until the end of the block."""
    told = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append(self.path)
            content = told.served.get(self.path) if told.always is None else told.always
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            page = told.always is not None or self.path.endswith("/")
            self.send_header("Content-Type", "text/html" if page else "application/octet-stream")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if self.path in told.truncated else content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def small_files(encoder_id: str) -> dict[str, bytes]:
    """Files of an encoder that are whole as far as fetching goes."""
    content = {name: f"{encoder_id} {name} ".encode() * 50 for name in _names(encoder_id)}
    return {**content, "hyperparams.yaml": b"n_mels: 80\n"} if "hyperparams.yaml" in content else content


def _names(encoder_id: str) -> tuple[str, ...]:
    return (*CATALOG[encoder_id].published, *CATALOG[encoder_id].beside)


def make_wheel(encoder_id: str, files: Mapping[str, bytes]) -> tuple[str, bytes]:
    """Name and content of the wheel that these files lie in."""
    source = next(source for source in CATALOG[encoder_id].sources if isinstance(source, WheelSource))
    name, version = source.requirement.split("==")
    tag = "cp311-cp311-manylinux_2_28_x86_64" if source.tags else "py3-none-any"
    info = f"{name.replace('-', '_')}-{version}"
    packed = io.BytesIO()
    with ZipFile(packed, "w") as wheel:
        for file, content in files.items():
            wheel.writestr(source.members[file], content)
        wheel.writestr(f"{info}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}.dist-info/RECORD", "")
    return f"{info}-{tag}.whl", packed.getvalue()


def small_catalog(encoder_id: str, files: Mapping[str, bytes], wheel: bytes, hub: str) -> dict[str, CatalogEntry]:
    """The catalogue as if these files had been published, in this wheel and at this hub."""
    entry = CATALOG[encoder_id]

    def moved(source: Source) -> Source:
        if isinstance(source, HubSource):
            return replace(source, base_url=hub, sizes={name: len(content) for name, content in files.items()})
        assert isinstance(source, WheelSource)
        return replace(source, size=len(wheel))

    made = {name: sha256(content).hexdigest() for name, content in files.items()}
    beside = {name: made.pop(name) for name in entry.beside}
    sources = tuple(moved(source) for source in entry.sources)
    return {encoder_id: replace(entry, pins={**entry.pins, **made}, beside=beside, sources=sources)}
