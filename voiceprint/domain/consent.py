"""Rules for a speaker's consent: what the record must hold, and when one is required."""

from datetime import UTC, date, datetime

from voiceprint.domain.names import unshowable
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError

__all__ = ["check_consent", "check_standing", "merged_consent"]

MAX_CONSENT_CHARACTERS = 1000
_NEVER = "9999-12-31"

# A consent, and when it was given (seconds since 1970).
Agreed = tuple[Consent | None, float | None]


def check_consent(consent: Consent | None) -> None:
    """Refuse an empty, overlong or undated consent, and one that would not be shown as it is.

    Raises InputError (``bad_consent``).
    """
    if consent is None:
        return
    if not consent.purpose.strip():
        raise InputError("bad_consent", "The consent does not say what it is for.")
    if len(consent.purpose) > MAX_CONSENT_CHARACTERS or len(consent.reference or "") > MAX_CONSENT_CHARACTERS:
        raise InputError("bad_consent", f"The consent is longer than {MAX_CONSENT_CHARACTERS} characters.")
    if (hidden := unshowable(f"{consent.purpose}{consent.reference or ''}")) is not None:
        raise InputError("bad_consent", f"The consent contains U+{ord(hidden):04X}, which cannot be shown as text.")
    if consent.expires is not None:
        try:
            date.fromisoformat(consent.expires)
        except ValueError as error:
            raise InputError("bad_consent", "The last day of the consent must be a date, YYYY-MM-DD.") from error


def check_standing(
    given: Consent | None, on_record: Consent | None, *, required: bool, today: date | None = None
) -> None:
    """Refuse a consent that is not valid today (UTC): ``given``, or else ``on_record``.

    Raises InputError: ``consent_missing`` where one is ``required``, ``consent_expired``, ``bad_consent``.
    """
    check_consent(given)
    consent = given or on_record
    if consent is None:
        if required:
            raise InputError(
                "consent_missing", "Enrolling needs the person's consent: say as 'consent' what they agreed to."
            )
    elif consent.expires is not None and date.fromisoformat(consent.expires) < (today or datetime.now(UTC).date()):
        raise InputError("consent_expired", f"The consent ended on {consent.expires}; ask the person for a new one.")


def merged_consent(kept: Agreed, other: Agreed) -> Agreed:
    """Of two consents the one that ends first, else ``kept``: no template is kept for longer than was agreed."""
    if kept[0] is None or other[0] is None:
        return kept if other[0] is None else other
    return other if (other[0].expires or _NEVER) < (kept[0].expires or _NEVER) else kept
