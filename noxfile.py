"""Sessions for developers, in the environment that nox is installed in; home_assistant and adapters make their own."""

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


@nox.session(venv_backend="venv", python="3.11")
def home_assistant(session: nox.Session) -> None:
    """The component of scripts/deploy/home-assistant in a real Home Assistant, against a server of this checkout."""
    session.install("-r", "scripts/deploy/home-assistant/tests/requirements.txt")
    python = str(Path(session.bin) / "python")
    command = [sys.executable, "-m", "pytest", "tests/integrations/test_home_assistant.py"]
    session.run(*command, env={"HOME_ASSISTANT_PYTHON": python}, external=True)


@nox.session(venv_backend="venv", python="3.11")
@nox.parametrize("name", ["pipecat", "livekit"])
def adapters(session: nox.Session, name: str) -> None:
    """An adapter with its real package, against a server of this checkout."""
    session.install("-r", f"tests/adapters/requirements-{name}.txt")
    command = [sys.executable, "-m", "pytest", "tests/integrations/test_adapters.py", "-k", name]
    session.run(*command, env={f"{name.upper()}_PYTHON": str(Path(session.bin) / "python")}, external=True)


@nox.session
def bench(session: nox.Session) -> None:
    """The speed ratios of docs/performance.md; arguments after ``--`` go to scripts/bench.py."""
    session.run(sys.executable, "scripts/bench.py", "--json", *session.posargs)
