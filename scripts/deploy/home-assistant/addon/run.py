"""The server inside the add-on: its options become settings, and the integration gets a token."""

import json
import os
import subprocess
from pathlib import Path

__all__ = ["main"]

DATA, CONFIG = Path("/data"), Path("/config")


def main(data: Path = DATA, config: Path = CONFIG) -> None:
    """Become ``voiceprint serve``. ``data``: kept by the add-on alone; ``config``: what the user sees of it."""
    options = json.loads((data / "options.json").read_text())
    os.environ.update({f"VOICEPRINT_{name.upper()}": str(value) for name, value in options.items()})
    os.environ.update(VOICEPRINT_DATA=str(data / "index"), VOICEPRINT_KEY_FILE=str(data / "master.key"))
    _make_token(config / "token.txt")
    os.execvp("voiceprint", ["voiceprint", "serve", "--lan", "--log-json"])


def _make_token(file: Path) -> None:
    """A token for the integration, where there is none yet. Without one every machine on the network could ask."""
    if file.exists():
        return
    made = subprocess.run(
        ["voiceprint", "token", "add", "home-assistant", "--scope", "operate"],
        capture_output=True,
        text=True,
        check=True,
    )
    token = next(word for word in made.stdout.split() if word.startswith("vp_"))
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(f"{token}\n")


if __name__ == "__main__":
    main()
