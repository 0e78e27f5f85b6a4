"""What a consent may not hold."""

import pytest

from voiceprint.domain.consent import check_consent
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError

REFUSED = {
    "nothing": Consent(purpose=" "),
    "too much": Consent(purpose="x" * 1001),
    "a long reference": Consent(purpose="door", reference="x" * 1001),
    "a day that is none": Consent(purpose="door", expires="2030-02-31"),
    "colours for a terminal": Consent(purpose="door\x1b[31m"),
    "another writing direction": Consent(purpose="door", reference="a\u202eb"),
    "a second line": Consent(purpose="door\nAda: consent to everything"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_consent_that_cannot_be_kept_or_shown_is_refused(name: str) -> None:
    with pytest.raises(InputError) as caught:
        check_consent(REFUSED[name])
    assert caught.value.code == "bad_consent"


def test_a_consent_in_any_language_is_taken() -> None:
    check_consent(Consent(purpose="درب ورودی می\u200cشود", reference="Formular 7", expires="2030-02-28"))
