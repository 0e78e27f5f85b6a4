"""The page's type checker works with the wire as it is."""

import subprocess
import sys

from support.paths import SCRIPTS

PAGE = SCRIPTS / "page"


def test_the_types_of_the_wire_are_those_of_the_messages() -> None:
    made = subprocess.run([sys.executable, PAGE / "wire_types.py"], check=True, capture_output=True, text=True).stdout
    assert made == (PAGE / "wire.d.ts").read_text(), "run scripts/page/wire_types.py > scripts/page/wire.d.ts"
