from datetime import UTC, date, datetime, timedelta

import pytest
from support.store_fixtures import enrollment

from voiceprint.domain.retention import Retention, kept_until
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import InputError
from voiceprint.storage import audit
from voiceprint.storage.maintenance.retention import sweep
from voiceprint.storage.receipts import verify_receipt
from voiceprint.storage.store import Store

TODAY = datetime.now(UTC).date()


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


def test_the_last_day_of_a_consent_still_counts(store: Store) -> None:
    until = Consent(purpose="door", expires=in_days(10).isoformat())
    gone = store.add_speaker("Ada", [enrollment(1)], consent=until)
    store.add_speaker("Ben", [enrollment(2)])
    assert sweep(store, today=in_days(10)).due == ()
    dry = sweep(store, today=in_days(11), dry_run=True)
    assert ([(one.speaker_id, one.reason) for one in dry.due], dry.receipts) == ([(gone.id, "consent_expired")], ())
    done = sweep(store, today=in_days(11))
    for receipt in done.receipts:
        verify_receipt(receipt, store)
    assert [receipt.reason for receipt in done.receipts] == ["consent_expired"]
    assert [who.name for who in store.load().speakers] == ["Ben"]
    assert audit.read(store)[-1].details["reason"] == "consent_expired"


def test_who_was_not_heard_for_long_goes_and_who_was_stays(store: Store) -> None:
    gone = store.add_speaker("Ada", [enrollment(1)])
    stays = store.add_speaker("Ben", [enrollment(2)])
    store.touch(stays.id, in_days(100).isoformat())
    assert sweep(store, Retention(unseen_days=30), today=in_days(30)).due == ()
    assert [one.speaker_id for one in sweep(store, Retention(unseen_days=30), today=in_days(101)).due] == [gone.id]
    assert [who.id for who in store.load().speakers] == [stays.id]
    assert [one.reason for one in sweep(store, today=in_days(2000)).due] == ["not_seen"]


@pytest.mark.parametrize(
    "consent",
    [Consent(purpose=" "), Consent(purpose="x" * 2000), Consent(purpose="door", expires="tomorrow")],
)
def test_a_consent_that_says_nothing_is_refused(store: Store, consent: Consent) -> None:
    with pytest.raises(InputError) as caught:
        store.add_speaker("Ada", [enrollment(1)], consent=consent)
    assert caught.value.code == "bad_consent"
    assert store.load().speakers == ()


def test_consent_can_be_given_later_and_taken_back(store: Store) -> None:
    ada = store.add_speaker("Ada", [enrollment(1)])
    store.set_consent(ada.id, Consent(purpose="door", reference="form 7"))
    given = store.load().speakers[0].profile
    assert (given.consent, given.consent_at is not None) == (Consent(purpose="door", reference="form 7"), True)
    store.set_consent(ada.id, None)
    assert store.load().speakers[0].profile.consent is None


def test_everybody_is_kept_until_the_earlier_of_two_days_and_the_sweep_agrees(store: Store) -> None:
    short = Consent(purpose="door", expires=in_days(10).isoformat())
    long = Consent(purpose="door", expires=in_days(100).isoformat())
    by_consent = store.add_speaker("Ada", [enrollment(1)], consent=short)
    by_silence = store.add_speaker("Ben", [enrollment(2)], consent=long)
    seen = store.touch(store.add_speaker("Cem", [enrollment(3)]).id, in_days(5).isoformat())
    retention = Retention(unseen_days=30)
    assert kept_until(by_consent, retention) == (in_days(10), "consent_expires")
    assert kept_until(by_silence, retention) == (in_days(30), "not_seen")
    assert kept_until(seen, retention) == (in_days(35), "not_seen")
    for who in (by_consent, by_silence, seen):
        last, _ = kept_until(who, retention)
        assert who.id not in [one.speaker_id for one in sweep(store, retention, today=last, dry_run=True).due]
        after = sweep(store, retention, today=last + timedelta(days=1), dry_run=True)
        assert who.id in [one.speaker_id for one in after.due]
