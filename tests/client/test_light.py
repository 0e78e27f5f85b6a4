"""What clients need: msgspec and aiohttp, and nothing of the service."""

import subprocess
import sys

import pytest

# Finds no module of another distribution than those that aiohttp and msgspec bring.
PROGRAM = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
ALLOWED = {
    "voiceprint", "aiohttp", "msgspec", "aiohappyeyeballs", "aiosignal", "attr", "frozenlist", "idna", "multidict",
    "propcache", "yarl", "typing_extensions", *sys.stdlib_module_names,
}
class Confined:
    def find_spec(self, name, path=None, target=None):
        return PathFinder.find_spec(name, path, target) if name.partition(".")[0] in ALLOWED else None
sys.meta_path[:] = [BuiltinImporter, FrozenImporter, Confined()]
import %s
"""


@pytest.mark.parametrize("module", ["voiceprint", "voiceprint.client"])
def test_it_imports_where_nothing_else_is_installed(module: str) -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM % module], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_test_can_fail() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM % "numpy"], capture_output=True, text=True, check=False)
    assert "No module named 'numpy'" in done.stderr
