"""voiceprint models [fetch ID | verify]"""

import argparse

__all__ = ["add"]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    del commands
