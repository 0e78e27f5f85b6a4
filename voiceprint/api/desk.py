"""The one door for a caller, from REST, WebSocket and page data: scope, groups, budget, disclosure and webhook.

Every method raises AccessError where the caller's scopes or groups do not allow it, and StoreError.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

from voiceprint.api.budgets import Budgets
from voiceprint.api.change_presenters import change_info, merged_message, takes_message
from voiceprint.api.disclosure import disclosed
from voiceprint.api.messages import (
    Enrolled,
    Forgotten,
    KnownAbout,
    Merged,
    SpeakerInfo,
    SpeakerList,
    Takes,
    Undoable,
    Undone,
    Unlocked,
)
from voiceprint.api.ownership import require_all_groups, takes_wait
from voiceprint.api.page_views import Health, Timeline, VoiceMap, health, timeline, voice_map
from voiceprint.api.presenters import enrolled_message, forgotten_message, speaker_info, speaker_list
from voiceprint.api.query import Query, Tell
from voiceprint.api.subject_access import known_about
from voiceprint.api.timeline_account import TimelineAccount
from voiceprint.api.transcripts import name_transcript
from voiceprint.audio.recording import Recording
from voiceprint.domain.caller import Caller
from voiceprint.domain.groups import Within
from voiceprint.domain.speaker import Enrollment, StoredSpeaker
from voiceprint.domain.vocabulary import Consent
from voiceprint.errors import LimitError, SpeakerError
from voiceprint.service.diarization import diarize
from voiceprint.service.results import Answer, EncodedUtterance
from voiceprint.service.service import VoiceprintService

__all__ = ["Desk"]

Groups = Collection[str] | None


class Desk:
    """One a server. ``groups`` of every method: the groups asked for; none: all of the caller's."""

    def __init__(
        self, service: VoiceprintService, *, clock: Callable[[], float], tell: Tell = lambda _answer: None
    ) -> None:
        """``clock``: seconds that do not jump; ``tell``: called from any thread with each final answer."""
        self._service = service
        self._clock = clock
        self._tell = tell
        self._budgets = Budgets(service.settings, clock=clock)

    # Questions

    def identify(self, caller: Caller, *, top_k: int = 5, groups: Groups = None) -> Query:
        """An identification query. Costs an answer: LimitError (``too_many_answers``)."""
        caller.require("identify")
        within = caller.within(groups)
        self._budgets.ask(caller)
        return self._query(caller, within, partial(self._service.identify, top_k=top_k, within=within))

    def verify(self, caller: Caller, speaker_id: str, *, groups: Groups = None) -> Query:
        """A verification query about a claimed speaker. Costs an answer and a claim.

        Raises LimitError: ``too_many_answers``, ``too_many_claims``, ``claim_locked``.
        """
        caller.require("identify")
        within, hide = caller.within(groups), not caller.sees_scores
        self._budgets.ask(caller)
        ask = partial(self._service.verify, speaker_id, hide_unknown_claims=hide, within=within)
        query = self._query(caller, within, ask)
        try:
            query.claim = self._budgets.claim(caller, speaker_id)
        except LimitError:
            query.close()
            raise
        return query

    def decode(self, caller: Caller, data: bytes) -> Recording:
        """The sound of a recording. Costs the seconds that it takes: LimitError (``too_much_decoding``)."""
        caller.require("identify")
        with self._budgets.decoding(caller):
            return self._service.decode(data)

    def begin_timeline(self, caller: Caller, *, groups: Groups = None) -> TimelineAccount:
        """The account of a timeline, its first answer paid before any work.

        Raises LimitError: ``too_much_decoding``, ``too_many_answers``.
        """
        caller.require("identify")
        within = caller.within(groups)
        self._budgets.may_decode(caller)
        self._budgets.ask(caller)
        return self._account(caller, within)

    def timeline(self, caller: Caller, recording: Recording, *, groups: Groups = None) -> Iterator[object]:
        """A step for each piece of work, so that other requests get their turn; the last one is the Timeline.

        Each voice decided on costs an answer, the first of which ``begin_timeline`` paid. Raises LimitError
        (``too_many_answers``) with nothing noted.
        """
        caller.require("identify")
        account = self._account(caller, caller.within(groups))
        found = yield from diarize(self._service, recording, within=account.within, pay=account.pay)
        for answer in found.answers:
            account.conclude(answer)
            yield None
        yield timeline(self._service, found, recording, caller)

    def label(self, caller: Caller, transcript: bytes, kind: str, found: Timeline) -> bytes:
        """A transcript with a timeline's names. Costs its seconds, as ``decode``. Raises InputError."""
        caller.require("identify")
        with self._budgets.decoding(caller):
            return name_transcript(transcript, kind, found)

    # Enrolling

    def begin_enrollment(
        self,
        caller: Caller,
        *,
        name: str | None = None,
        speaker_id: str | None = None,
        consent: Consent | None = None,
        needs_consent: bool = False,
        groups: Groups = None,
        force: bool = False,
    ) -> None:
        """Refuse, before any audio is heard, what could not be enrolled. Costs an answer.

        It costs one because ``similar_speakers`` tells about others. Raises SpeakerError: ``who``, ``bad_name``,
        ``name_taken``, ``unknown_speaker``; InputError for the consent; LimitError. ``force``: enroll what does not
        sound like the speaker, too; for the scope ``operate``.
        """
        caller.require("operate" if force else "enroll")
        caller.within(groups)
        if (name is None) == (speaker_id is None):
            raise SpeakerError("who", "To enroll, give either the name of a new speaker or the id of one enrolled.")
        if name is not None:
            self._service.check_new_name(name)
        if speaker_id is not None:
            self._wait(caller, speaker_id, consent)
        self._service.check_consent(consent, speaker_id, required=needs_consent)
        self._budgets.ask(caller)

    def enroll(
        self,
        caller: Caller,
        enrollments: Sequence[Enrollment],
        *,
        name: str | None = None,
        speaker_id: str | None = None,
        consent: Consent | None = None,
        groups: Groups = None,
        force: bool = False,
    ) -> Enrolled:
        """The message about enrollments of a speaker, or of a new one. Raises as ``begin_enrollment``."""
        caller.require("operate" if force else "enroll")
        within, service = caller.within(groups), self._service
        if speaker_id is not None and self._wait(caller, speaker_id, consent):
            outcome = service.pending.offer(speaker_id, enrollments, within=within)
        elif speaker_id is not None:
            outcome = service.enroll_more(speaker_id, enrollments, consent=consent, within=within, force=force)
        else:
            by = caller.token_id
            outcome = service.enroll_new(
                name or "", enrollments, consent=consent, within=within, force=force, enrolled_by=by
            )
        return disclosed(enrolled_message(outcome, self._service), caller)

    # The enrolled speakers. Those outside the caller's groups are unknown: SpeakerError (``unknown_speaker``).

    def speakers(self, caller: Caller, *, groups: Groups = None) -> SpeakerList:
        """The enrolled speakers, by name."""
        caller.require("enroll")
        return speaker_list(self._service, caller.within(groups), told=caller.groups)

    def speaker(self, caller: Caller, speaker_id: str) -> SpeakerInfo:
        """One enrolled speaker."""
        caller.require("enroll")
        return speaker_info(self._met(caller, speaker_id), self._service, caller.groups)

    def change(self, caller: Caller, speaker_id: str, *, name: str | None, groups: Groups) -> SpeakerInfo:
        """The speaker under another name, in other groups, or both (None: as they are).

        Groups that the caller may not meet stay. Raises SpeakerError, InputError.
        """
        caller.require("operate")
        speaker = self._met(caller, speaker_id) if name is None else self._own(caller, speaker_id)
        if groups is not None:
            caller.within(groups)
            kept = set(speaker.profile.groups) - (caller.groups or set(speaker.profile.groups))
            speaker = self._service.set_groups(speaker_id, (*kept, *groups))
        if name is not None:
            speaker = self._service.rename(speaker_id, name)
        return speaker_info(speaker, self._service, caller.groups)

    def takes(self, caller: Caller, speaker_id: str) -> Takes:
        """The takes of a speaker, and how each fits the others."""
        caller.require("enroll")
        self._met(caller, speaker_id)
        return disclosed(takes_message(self._service, speaker_id), caller)

    def remove_take(self, caller: Caller, speaker_id: str, enrollment_id: str) -> Takes:
        """The takes that are left. Raises SpeakerError: ``unknown_enrollment``, ``last_enrollment``."""
        caller.require("operate")
        self._own(caller, speaker_id)
        self._service.remove_take(speaker_id, enrollment_id)
        return disclosed(takes_message(self._service, speaker_id), caller)

    def confirm_take(self, caller: Caller, speaker_id: str, enrollment_id: str) -> Takes:
        """The takes with one that waited. Raises SpeakerError (``unknown_enrollment``)."""
        caller.require("operate")
        self._own(caller, speaker_id)
        self._service.pending.confirm(speaker_id, enrollment_id)
        return disclosed(takes_message(self._service, speaker_id), caller)

    def merge(self, caller: Caller, speaker_id: str, other_id: str, *, force: bool = False) -> Merged:
        """The speaker with the takes of the other entry, which is no more.

        Raises SpeakerError (``same_speaker``); SpeechError (``not_this_speaker``) unless ``force``; InputError
        (``consent_expired``).
        """
        caller.require("operate")
        for one in (speaker_id, other_id):
            self._own(caller, one)
        outcome = self._service.merge(speaker_id, other_id, within=caller.groups, force=force)
        return merged_message(outcome, self._service)

    def last_change(self, caller: Caller) -> Undoable:
        """The last change of speakers, if it can be undone."""
        caller.require("operate")
        last = self._service.last_change(caller.groups)
        return Undoable(change=None if last is None else change_info(last))

    def undo(self, caller: Caller, change_id: str | None = None) -> Undone:
        """What was undone. Raises InputError: ``nothing_to_undo``, ``changed_since`` where it is not ``change_id``."""
        caller.require("operate")
        return Undone(change=change_info(self._service.undo(change_id=change_id, within=caller.groups)))

    def forget(self, caller: Caller, speaker_id: str) -> Forgotten:
        """The receipt for a destroyed voiceprint."""
        caller.require("operate")
        self._own(caller, speaker_id)
        return forgotten_message(self._service.forget(speaker_id))

    def known_about(self, caller: Caller, speaker_id: str) -> KnownAbout:
        """What is known about one person, for that person; the audit log notes it."""
        caller.require("operate")
        return known_about(self._service.subject_record(self._met(caller, speaker_id).id), caller.groups)

    def unlock(self, caller: Caller, speaker_id: str) -> Unlocked:
        """How many wrong claims of an id count no longer. They count for ids of no speaker too."""
        caller.require("operate")
        if caller.groups is not None:
            self._met(caller, speaker_id)
        self._service.note_unlock(speaker_id)
        return Unlocked(id=speaker_id, rejections=self._budgets.unlock(speaker_id))

    # What the page draws

    def voice_map(self, caller: Caller, *, groups: Groups = None) -> VoiceMap:
        """The enrolled voices as places on a plane."""
        caller.require("operate")
        return voice_map(self._service, caller.within(groups))

    def health(self, caller: Caller, *, groups: Groups = None) -> Health:
        """The encoder, its evidence, the size of the gallery, and the decisions since the start."""
        caller.require("operate")
        return health(self._service, caller.within(groups))

    def _account(self, caller: Caller, within: Within) -> TimelineAccount:
        return TimelineAccount(self._budgets, caller, within, self._conclude)

    def _conclude(self, answer: Answer) -> None:
        self._service.conclude(answer)
        self._tell(answer)

    def _query(self, caller: Caller, within: Within, ask: Callable[[EncodedUtterance], Answer]) -> Query:
        hold = partial(self._service.hold, within)
        return Query(self._service, self._budgets, caller, self._clock, self._tell, ask, hold)

    def _wait(self, caller: Caller, speaker_id: str, consent: Consent | None) -> bool:
        return takes_wait(caller, self._met(caller, speaker_id), consent, self._service.settings)

    def _own(self, caller: Caller, speaker_id: str) -> StoredSpeaker:
        speaker = self._met(caller, speaker_id)
        require_all_groups(caller, speaker)
        return speaker

    def _met(self, caller: Caller, speaker_id: str) -> StoredSpeaker:
        self._service.refresh()
        return self._service.speaker(speaker_id, caller.groups)
