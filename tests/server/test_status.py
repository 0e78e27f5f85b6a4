"""The HTTP status of an error: every class has one, and no code in the table is a code of nothing."""

import ast
import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

import voiceprint
from voiceprint import errors
from voiceprint.errors import AccessError, InputError, LimitError, SpeakerError, StoreError, VoiceprintError
from voiceprint.server.status import STATUS_OF_CLASS, STATUS_OF_CODE, status_of

PACKAGE = Path(voiceprint.__file__).parent


def subclasses(kind: type[VoiceprintError]) -> Iterator[type[VoiceprintError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from subclasses(one)


def raised_codes() -> dict[str, set[str]]:
    """The codes that the package raises, each with the names of the classes that carry it."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(code)), *_]) if hasattr(
                    errors, name
                ):
                    found[code].add(name)
    return found


# Their packages stand in environments of their own.
ADAPTERS = {"voiceprint.integrations.livekit_speaker", "voiceprint.integrations.pipecat_speaker"}


def test_every_class_of_errors_has_a_status() -> None:
    for module in pkgutil.walk_packages([str(PACKAGE)], "voiceprint."):
        if module.name not in ADAPTERS | {"voiceprint.__main__"}:
            importlib.import_module(module.name)
    own = [getattr(errors, name) for name in errors.__all__]
    assert {kind for kind in own if not issubclass(kind, errors.SetupError)} <= set(STATUS_OF_CLASS)
    assert set(STATUS_OF_CLASS) <= set(own)
    for kind in subclasses(VoiceprintError):
        assert status_of(kind("a_code_of_its_own", "A sentence.")) >= 400, kind


def test_every_code_in_the_table_is_raised_and_by_errors_of_the_client_alone() -> None:
    raised = raised_codes()
    assert len(raised) > 100
    for code in STATUS_OF_CODE:
        kinds = {getattr(errors, name) for name in raised[code]}
        assert kinds, code
        assert all(issubclass(kind, InputError) for kind in kinds), code


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("bad_json", ""), 400),
        (SpeakerError("unknown_speaker", ""), 404),
        (SpeakerError("bad_name", ""), 400),
        (AccessError("token_needed", ""), 401),
        (AccessError("wrong_scope", ""), 403),
        (LimitError("claim_locked", ""), 429),
        (LimitError("too_many_uploads", ""), 503),
        (StoreError("store_damaged", ""), 503),
    ],
)
def test_a_code_says_more_than_its_class(error: VoiceprintError, status: int) -> None:
    assert status_of(error) == status


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        ("http", "HTTPStatus", {"server"}),
        # The telephone services' media streams come to a server of their own.
        ("aiohttp", "web", {"server", "integrations"}),
    ],
)
def test_no_module_outside_the_server_knows_http_status_or_serves(module: str, name: str, expected: set[str]) -> None:
    knowing = {
        path.relative_to(PACKAGE).parts[0]
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if (node.module, alias.name) == (module, name) or node.module == f"{module}.{name}"
    }
    assert knowing == expected
