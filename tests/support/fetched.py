"""Encoders with their real weights, where somebody fetched them: ``voiceprint models fetch ID``."""

import pytest

from support.paths import FETCHED
from voiceprint.config import Settings
from voiceprint.encoding.catalog import find_encoder
from voiceprint.encoding.model_folder import ModelFolder
from voiceprint.errors import ModelError

__all__ = ["fetched"]


def fetched(encoder_id: str) -> ModelFolder:
    """The verified folder; where it is not there the test is skipped, where it is damaged it fails."""
    try:
        return find_encoder(encoder_id, Settings(models=FETCHED))
    except ModelError as error:
        if error.code != "model_missing":
            raise
        pytest.skip(error.message)
