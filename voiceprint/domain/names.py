"""Display names of speakers: shown as text, compared without regard to case or Unicode form."""

import unicodedata

from voiceprint.errors import SpeakerError

__all__ = ["MAX_NAME_CHARACTERS", "clean_name", "name_key", "unshowable"]

MAX_NAME_CHARACTERS = 100
# Needed to write Persian, several Indic scripts and joined emoji; every other format character is refused,
# because those that override the writing direction let one name pass for another.
_JOINERS = frozenset("\u200c\u200d")


def clean_name(name: str) -> str:
    """The name as stored: NFC, without blanks at its ends. Raises SpeakerError (``bad_name``)."""
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned:
        raise SpeakerError("bad_name", "The name is empty.")
    if len(cleaned) > MAX_NAME_CHARACTERS:
        raise SpeakerError(
            "bad_name", f"The name has {len(cleaned)} characters; at most {MAX_NAME_CHARACTERS} are possible."
        )
    if (hidden := unshowable(cleaned)) is not None:
        raise SpeakerError("bad_name", f"The name contains U+{ord(hidden):04X}, which cannot be shown as text.")
    return cleaned


def unshowable(text: str) -> str | None:
    """The first character that would change how a page or a terminal shows the text around it."""
    return next(
        (one for one in text if unicodedata.category(one).startswith(("C", "Zl", "Zp")) and one not in _JOINERS), None
    )


def name_key(name: str) -> str:
    """The key that two names share exactly when they count as the same name."""
    if name.isascii():
        return name.casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())
