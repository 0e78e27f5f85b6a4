"""Shared by the commands: the store or the service of the options, and what is said about it."""

import argparse
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voiceprint.cli.common import add_data_option, add_json_option, print_json, settings_from
from voiceprint.config import Settings
from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.service.service import VoiceprintService
    from voiceprint.storage.sealing.master_keys import MasterKeys
    from voiceprint.storage.store import Store

__all__ = [
    "add_care_options",
    "check_store",
    "open_service",
    "open_store",
    "read_small_file",
    "store_keys",
    "tell",
    "warn",
]

MAX_SMALL_BYTES = 1 << 20
# In the folder that the program was started in.
FORMER_PLACE = Path("index")


def add_care_options(parser: argparse.ArgumentParser) -> None:
    """Add --json and --data."""
    add_json_option(parser)
    add_data_option(parser)


def tell(args: argparse.Namespace, message: Any, *sentences: str, **more: object) -> None:  # noqa: ANN401 - as print_json
    """Print what was done: one JSON object with --json, else sentences."""
    if args.json:
        print_json(message, **more)
        return
    for sentence in sentences:
        print(sentence)


def warn(sentences: Iterable[str]) -> None:
    """Print one line each on stderr."""
    for sentence in sentences:
        print(f"voiceprint: {sentence}", file=sys.stderr)


def store_keys(settings: Settings, *, make: bool = False) -> "MasterKeys":
    """The master keys; ``make``: a new one where there is neither key nor store.

    Raises KeyFileError.
    """
    from voiceprint.storage.sealing.key_file import create_key_file
    from voiceprint.storage.sealing.key_sources import find_key_source
    from voiceprint.storage.store import has_store

    source = find_key_source(settings.key, settings.old_key)
    path = source.path
    if make and path is not None and not path.exists() and not has_store(settings.place):
        return create_key_file(path, data=settings.data)
    return source.load(data=settings.data)


def check_store(settings: Settings, *, make: bool = False) -> None:
    """Say which store is read; ``make``: by a command that makes one where there is none.

    Raises StoreError: ``store_missing``, ``store_elsewhere``.
    """
    from voiceprint.errors import StoreError
    from voiceprint.storage.store import has_store

    if has_store(settings.place):
        if not make:
            warn([f"the store in {settings.where}"])
    elif settings.place == Settings().data and has_store(FORMER_PLACE):
        raise StoreError(
            "store_elsewhere",
            f"There is a store in {FORMER_PLACE.absolute()}, where earlier versions kept it: say --data "
            f"{FORMER_PLACE.absolute()}, or move that folder to {settings.data}.",
        )
    elif not make:
        raise StoreError(
            "store_missing",
            f"There is no store in {settings.where}; 'voiceprint enroll' makes one.",
        )


@contextmanager
def open_store(args: argparse.Namespace) -> Iterator["Store"]:
    """The store of the options, whatever its encoder. Raises SetupError, StoreError."""
    from voiceprint.storage.store import Store

    settings = settings_from(args)
    check_store(settings)
    store = Store.open_existing(settings.place, store_keys(settings))
    try:
        yield store
    finally:
        store.close()


def open_service(args: argparse.Namespace, *, make: bool = False) -> "VoiceprintService":
    """The service over the store and encoder of the options; ``make``: a new store where there is none.

    Raises SetupError, StoreError.
    """
    from voiceprint.service import factory

    settings = settings_from(args)
    check_store(settings, make=make)
    return factory.open_service(settings)


def read_small_file(path: Path, *, most: int = MAX_SMALL_BYTES) -> bytes:
    """The content of a file named by a person. Raises InputError (``bad_file``)."""
    try:
        if not path.is_file():
            raise InputError("bad_file", f"There is no file {path}.")
        if path.stat().st_size > most:
            raise InputError("bad_file", f"The file {path} is larger than {most} bytes.")
        return path.read_bytes()
    except OSError as error:
        raise InputError("bad_file", f"The file {path} cannot be read: {error.strerror}.") from error
