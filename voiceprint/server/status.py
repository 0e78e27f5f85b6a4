"""The HTTP status of an error: the only place that knows both."""

from collections.abc import Mapping
from http import HTTPStatus

from voiceprint.errors import (
    AccessError,
    AudioError,
    InputError,
    LimitError,
    MessageError,
    SetupError,
    SpeakerError,
    SpeechError,
    StoreError,
    VoiceprintError,
)

__all__ = ["STATUS_OF_CLASS", "STATUS_OF_CODE", "status_of"]

STATUS_OF_CLASS: Mapping[type[VoiceprintError], HTTPStatus] = {
    VoiceprintError: HTTPStatus.INTERNAL_SERVER_ERROR,
    InputError: HTTPStatus.BAD_REQUEST,
    AudioError: HTTPStatus.UNPROCESSABLE_ENTITY,
    SpeechError: HTTPStatus.UNPROCESSABLE_ENTITY,
    SpeakerError: HTTPStatus.BAD_REQUEST,
    MessageError: HTTPStatus.BAD_REQUEST,
    AccessError: HTTPStatus.UNAUTHORIZED,
    LimitError: HTTPStatus.TOO_MANY_REQUESTS,
    SetupError: HTTPStatus.INTERNAL_SERVER_ERROR,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
}
# These say more than their class does.
STATUS_OF_CODE: Mapping[str, HTTPStatus] = {
    "already_named": HTTPStatus.CONFLICT,
    "bad_encoding": HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    "body_too_large": HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    "changed_since": HTTPStatus.CONFLICT,
    "has_sound": HTTPStatus.CONFLICT,
    "last_enrollment": HTTPStatus.CONFLICT,
    "enrolled_by_others": HTTPStatus.FORBIDDEN,
    "name_taken": HTTPStatus.CONFLICT,
    "not_done": HTTPStatus.CONFLICT,
    "not_kept": HTTPStatus.CONFLICT,
    "nothing_to_undo": HTTPStatus.CONFLICT,
    "stalled": HTTPStatus.REQUEST_TIMEOUT,
    "scope_too_large": HTTPStatus.INSUFFICIENT_STORAGE,
    "sign_in_away": HTTPStatus.SERVICE_UNAVAILABLE,
    "sign_in_refused": HTTPStatus.FORBIDDEN,
    "too_many_pending": HTTPStatus.CONFLICT,
    "too_many_uploads": HTTPStatus.SERVICE_UNAVAILABLE,
    "unknown_enrollment": HTTPStatus.NOT_FOUND,
    "unknown_recording": HTTPStatus.NOT_FOUND,
    "unknown_speaker": HTTPStatus.NOT_FOUND,
    "unknown_turn": HTTPStatus.NOT_FOUND,
    "unknown_voice": HTTPStatus.NOT_FOUND,
    "wrong_group": HTTPStatus.FORBIDDEN,
    "wrong_scope": HTTPStatus.FORBIDDEN,
}


def status_of(error: VoiceprintError) -> HTTPStatus:
    """The status of an error: of its code, else of the nearest of its classes."""
    of_class = next(STATUS_OF_CLASS[kind] for kind in type(error).__mro__ if kind in STATUS_OF_CLASS)
    return STATUS_OF_CODE.get(error.code, of_class)
