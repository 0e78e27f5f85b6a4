"""Options of the commands that enroll: a speaker's consent, and whether it is required."""

import argparse
from typing import TYPE_CHECKING

from voiceprint.errors import InputError

if TYPE_CHECKING:
    from voiceprint.domain.vocabulary import Consent

__all__ = ["add_consent_options", "add_require_consent", "consent_from"]


def add_consent_options(parser: argparse.ArgumentParser) -> None:
    """Add --consent with its reference and last day, and --require-consent."""
    parser.add_argument("--consent", metavar="PURPOSE", help="what the person agreed to, in words")
    parser.add_argument("--consent-reference", metavar="TEXT", help="where you keep the agreement")
    parser.add_argument("--consent-until", metavar="DAY", help="its last day, YYYY-MM-DD")
    add_require_consent(parser)


def add_require_consent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--require-consent",
        action="store_true",
        default=None,
        help="enroll nobody without a consent (VOICEPRINT_REQUIRE_CONSENT=true); the page always needs one",
    )


def consent_from(args: argparse.Namespace) -> "Consent | None":
    """The consent of the options, or None. Raises InputError (``bad_consent``)."""
    from voiceprint.domain.consent import check_consent
    from voiceprint.domain.vocabulary import Consent

    if args.consent is None:
        if args.consent_reference or args.consent_until:
            raise InputError("bad_consent", "A consent needs its purpose: say --consent too.")
        return None
    consent = Consent(purpose=args.consent, reference=args.consent_reference, expires=args.consent_until)
    check_consent(consent)
    return consent
