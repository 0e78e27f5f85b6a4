"""Fixtures for every test module."""

from pathlib import Path

import pytest
from service_fixtures import SPEECH

pytest_plugins = ["service_fixtures", "store_fixtures"]


@pytest.fixture(scope="session")
def speech_dev() -> Path:
    """The folder of real human speech, beside the checkout."""
    if not SPEECH.is_dir():
        pytest.skip(f"real speech is not at {SPEECH}")
    return SPEECH
