"""SQL stands in storage/tables.py and in the packages of the two engines: no other module sends a statement."""

import re
from pathlib import Path

import voiceprint

PACKAGE = Path(voiceprint.__file__).parent
STATEMENT = re.compile(r"\.execute(many|script)?\(|\b(SELECT .* FROM|INSERT (OR|INTO)|DELETE FROM|PRAGMA)\b")


def test_no_other_module_sends_a_statement() -> None:
    sql = [PACKAGE / "storage" / name for name in ("tables.py", "sqlite", "postgres")]
    assert STATEMENT.search(sql[0].read_text())
    others = [path for path in PACKAGE.rglob("*.py") if not any(path.is_relative_to(one) for one in sql)]
    assert [path.name for path in others if STATEMENT.search(path.read_text())] == []
