"""Folders of the checkout, and the speech beside it."""

from pathlib import Path

__all__ = ["MODELS", "ROOT", "SCRIPTS", "SHARED", "SPEECH", "TESTS", "WEB"]

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
SCRIPTS = ROOT / "scripts"
WEB = ROOT / "web"
MODELS = ROOT / "pretrained_models"
SHARED = ROOT.parent / "shared"
SPEECH = SHARED / "speech" / "dev"
