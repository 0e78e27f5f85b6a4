"""The documents are true where a test can see it: the files that they name are there, and every package is drawn."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# A file of the repository in running text, and a link to one.
_NAMED = re.compile(r"\b(?:voiceprint|tests|scripts|docs|web)/[\w./-]+\.(?:py|md|js|json|toml|png)\b")
_LINKED = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_that_a_document_names_is_there(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = {ROOT / name for name in _NAMED.findall(text)} | {path.parent / name for name in _LINKED.findall(text)}
    assert [str(one) for one in sorted(named) if not one.exists()] == []


def test_the_documents_name_many() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    assert len(_NAMED.findall(text)) > 20
    assert len(_LINKED.findall(text)) > 20


def test_the_diagram_of_the_packages_has_each_of_them() -> None:
    diagram = (ROOT / "README.md").read_text(encoding="utf-8").partition("flowchart TD")[2].partition("```")[0]
    packages = {path.parent.name for path in ROOT.glob("voiceprint/*/__init__.py")}
    assert {name for name in packages if f"{name}[" not in diagram} == set()


def test_the_changelog_has_the_version_of_the_package() -> None:
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert version is not None
    assert f"\n## {version[1]}\n" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
