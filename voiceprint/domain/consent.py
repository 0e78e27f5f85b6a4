"""Rules for a speaker's consent: what the record must hold, and when one is required."""

from datetime import UTC, date, datetime

from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError

__all__ = ["check_consent", "require_consent"]

MAX_CONSENT_CHARACTERS = 1000


def check_consent(consent: Consent | None) -> None:
    """Refuse an empty, overlong or undated consent. Raises InputError (``bad_consent``)."""
    if consent is None:
        return
    if not consent.purpose.strip():
        raise InputError("bad_consent", "The consent does not say what it is for.")
    if len(consent.purpose) > MAX_CONSENT_CHARACTERS or len(consent.reference or "") > MAX_CONSENT_CHARACTERS:
        raise InputError("bad_consent", f"The consent is longer than {MAX_CONSENT_CHARACTERS} characters.")
    if consent.expires is not None:
        try:
            date.fromisoformat(consent.expires)
        except ValueError as error:
            raise InputError("bad_consent", "The last day of the consent must be a date, YYYY-MM-DD.") from error


def require_consent(given: Consent | None, on_record: Consent | None, today: date | None = None) -> None:
    """Refuse enrollment without a consent valid today (UTC): ``given``, or else ``on_record``.

    Raises InputError: ``consent_missing``, ``consent_expired``, ``bad_consent``.
    """
    check_consent(given)
    consent = given or on_record
    if consent is None:
        raise InputError(
            "consent_missing", "Enrolling needs the person's consent: say as 'consent' what they agreed to."
        )
    if consent.expires is not None and date.fromisoformat(consent.expires) < (today or datetime.now(UTC).date()):
        raise InputError("consent_expired", f"The consent ended on {consent.expires}; ask the person for a new one.")
