"""Folders of the checkout, and the speech beside it."""

import os
from pathlib import Path

__all__ = ["FETCHED", "MODELS", "ROOT", "SCRIPTS", "SHARED", "SPEECH", "TESTS", "WEB"]

TESTS = Path(__file__).resolve().parents[1]
ROOT = TESTS.parent
SCRIPTS = ROOT / "scripts"
WEB = ROOT / "web"
MODELS = ROOT / "pretrained_models"
# Where encoders were fetched to before the tests began.
FETCHED = Path(os.environ.get("VOICEPRINT_MODELS") or MODELS)
SHARED = ROOT.parent / "shared"
SPEECH = SHARED / "speech" / "dev"
