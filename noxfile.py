"""Sessions for developers: check, page, test, bench. They run in the environment that nox is installed in."""

import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["check", "test"]
HERE = Path(sys.executable).parent


@nox.session
def check(session: nox.Session) -> None:
    """Linter, formatter, types and the order of the packages."""
    session.run(str(HERE / "ruff"), "check", ".")
    session.run(str(HERE / "ruff"), "format", "--check", ".")
    session.run(str(HERE / "mypy"))
    session.run(str(HERE / "lint-imports"))


@nox.session
def page(session: nox.Session) -> None:
    """The types and the form of web/; needs npm."""
    session.run("npm", "--prefix", "scripts/page", "ci", "--silent", "--no-audit", "--no-fund", external=True)
    session.run("npm", "--prefix", "scripts/page", "run", "--silent", "check", external=True)


@nox.session
def test(session: nox.Session) -> None:
    """The tests; arguments after ``--`` go to pytest."""
    session.run(sys.executable, "-m", "pytest", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The speed ratios of docs/performance.md; arguments after ``--`` go to scripts/bench.py."""
    session.run(sys.executable, "scripts/bench.py", "--json", *session.posargs)
