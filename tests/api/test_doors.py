"""The doors of the house: what a module may reach only through another one, held against the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import voiceprint

PACKAGE = Path(voiceprint.__file__).parent
INSIDE = ("store", "enrolled")


def outside(package: str) -> Iterator[tuple[Path, ast.AST]]:
    """Every node of every module that is not in ``package``, with the module's path in voiceprint/."""
    for path in sorted(PACKAGE.rglob("*.py")):
        where = path.relative_to(PACKAGE)
        if where.parts[0] != package:
            yield from ((where, node) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def imported(node: ast.AST) -> set[str]:
    match node:
        case ast.Import(names=names):
            return {alias.name for alias in names}
        case ast.ImportFrom(module=str(module), names=names):
            return {module, *(f"{module}.{alias.name}" for alias in names)}
    return set()


def test_only_the_api_discloses_and_keeps_budgets() -> None:
    guarded = {f"voiceprint.api.{name}" for name in ("disclosure", "budgets")}
    assert [str(where) for where, node in outside("api") if imported(node) & guarded] == []


def test_nothing_reaches_through_the_service() -> None:
    reaching = []
    for where, node in outside("service"):
        match node:
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=name):
                if owner.strip("_") == "service" and (name in INSIDE or name.startswith("_")):
                    reaching.append(f"{where}:{node.lineno}")
    assert reaching == []
