"""Both cases: the plain import works, the plain import fails."""

import subprocess
import sys
from types import ModuleType

import pytest

from voiceprint.encoding.torchaudio_compat import import_torchaudio


@pytest.fixture(autouse=True)
def modules_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchaudio._extension", ModuleType("placeholder"))
    del sys.modules["torchaudio._extension"]


def test_a_plain_import_that_works_is_left_alone() -> None:
    fine = ModuleType("torchaudio")
    assert import_torchaudio(lambda name: fine) is fine
    assert "torchaudio._extension" not in sys.modules


@pytest.mark.parametrize("fault", [OSError("libc10_cuda.so"), ImportError("undefined symbol"), RuntimeError("CUDA 12")])
def test_a_plain_import_that_fails_is_tried_without_the_compiled_part(fault: Exception) -> None:
    fine, tried = ModuleType("torchaudio"), list[bool]()

    def importer(name: str) -> ModuleType:
        tried.append("torchaudio._extension" in sys.modules)
        if len(tried) == 1:
            sys.modules["torchaudio.half_imported"] = ModuleType("torchaudio.half_imported")
            raise fault
        assert "torchaudio.half_imported" not in sys.modules
        return fine

    assert import_torchaudio(importer) is fine
    assert tried == [False, True]


def test_where_it_is_not_installed_nothing_is_put_in_its_place() -> None:
    def importer(name: str) -> ModuleType:
        raise ModuleNotFoundError(name)

    with pytest.raises(ModuleNotFoundError):
        import_torchaudio(importer)
    assert "torchaudio._extension" not in sys.modules


def test_the_installed_one_imports_and_speechbrain_with_it() -> None:
    script = (
        "from voiceprint.encoding.torchaudio_compat import import_torchaudio\n"
        "print(import_torchaudio().__name__)\n"
        "import speechbrain.inference.classifiers"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "torchaudio"
