import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceprint.domain.names import clean_name, name_key
from voiceprint.errors import SpeakerError


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "empty"),
        (" \t ", "empty"),
        ("a" * 101, "101 characters"),
        ("a\x00b", "U+0000"),
        ("a\nb", "U+000A"),
        ("evil\u202egnp", "U+202E"),
        ("a\u2028b", "U+2028"),
        ("\ud800", "U+D800"),
    ],
)
def test_names_that_cannot_be_shown_are_refused_in_one_sentence(name: str, said: str) -> None:
    with pytest.raises(SpeakerError, match=re.escape(said)) as caught:
        clean_name(name)
    assert caught.value.code == "bad_name"


@pytest.mark.parametrize(
    "name", ["Ada", "José", "李雷", "می\u200cخواهم", "O'Brien <b>", "../../etc/passwd", "-n", "👩\u200d🚀"]
)
def test_names_of_people_are_kept(name: str) -> None:
    assert clean_name(f"  {name} ") == name


def test_case_and_unicode_form_do_not_make_another_person() -> None:
    assert name_key("JOSE\u0301") == name_key("josé")
    assert name_key("Straße") == name_key("STRASSE")
    assert name_key("Ada") != name_key("Ida")


@given(st.text())
def test_a_kept_name_stays_as_it_is(name: str) -> None:
    try:
        kept = clean_name(name)
    except SpeakerError:
        return
    assert clean_name(kept) == kept
