from pathlib import Path

import pytest

from voiceprint.config import Settings, load_settings
from voiceprint.errors import ConfigError


def test_the_command_line_wins_over_the_environment_over_the_defaults() -> None:
    environ = {"VOICEPRINT_PORT": "7000", "VOICEPRINT_DATA": "/srv/voices", "HOME": "/root"}
    settings = load_settings({"port": 8000, "host": None}, environ=environ)
    assert (settings.port, settings.data, settings.host) == (8000, Path("/srv/voices"), "127.0.0.1")
    assert load_settings({}, environ={}) == Settings()


@pytest.mark.parametrize(
    ("environ", "code"),
    [
        ({"VOICEPRINT_PORTT": "1"}, "unknown_setting"),
        ({"VOICEPRINT_PORT": "seventy"}, "bad_setting"),
        ({"VOICEPRINT_PORT": "70000"}, "bad_port"),
        ({"VOICEPRINT_TARGET_FPIR": "1"}, "bad_setting"),
        ({"VOICEPRINT_TARGET_FPIR": "nan"}, "bad_setting"),
        ({"VOICEPRINT_MAX_STREAMS": "0"}, "bad_setting"),
        ({"VOICEPRINT_MAX_AUDIO_SECONDS": "inf"}, "bad_setting"),
        ({"VOICEPRINT_MIN_IDENTIFY_SPEECH_SECONDS": "nan"}, "bad_setting"),
    ],
)
def test_a_setting_that_cannot_be_is_one_sentence(environ: dict[str, str], code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(environ=environ)
    assert caught.value.code == code
    assert "\n" not in caught.value.message


def test_the_key_file_variable_belongs_to_the_vault() -> None:
    assert load_settings(environ={"VOICEPRINT_KEY_FILE": "/run/key", "VOICEPRINT_MASTER_KEY": "secret"}) == Settings()
