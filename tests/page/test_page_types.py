"""The page's type checker works with the wire as it is."""

import subprocess
import sys
from pathlib import Path

import pytest
from support.paths import SCRIPTS, WEB

PAGE = SCRIPTS / "page"


@pytest.mark.parametrize(
    ("options", "kept"), [((), PAGE / "wire.d.ts"), (("--module",), WEB / "embed" / "wire.d.ts")], ids=["page", "embed"]
)
def test_the_types_of_the_wire_are_those_of_the_messages(options: tuple[str, ...], kept: Path) -> None:
    command = [sys.executable, str(PAGE / "wire_types.py"), *options]
    made = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert made == kept.read_text(), "scripts/page/wire_types.py says how it is made"
