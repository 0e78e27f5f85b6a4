"""VoiceprintService: the one door to enrollment, identification, verification and erasure.

Waveform -> Utterance (its speech) -> EncodedUtterance (with its embedding) -> Answer or EnrollmentOutcome.
Knows neither HTTP nor asyncio nor the command line.
"""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from voiceprint.audio.decoding import Waveform
from voiceprint.audio.vad import VoiceActivity
from voiceprint.config import Settings
from voiceprint.decision.policy import Policy
from voiceprint.domain.groups import Within
from voiceprint.domain.retention import Retention
from voiceprint.domain.speaker import EncoderIdentity, Enrollment, StoredSpeaker
from voiceprint.encoding.encoder import Encoder
from voiceprint.encoding.segmentation import Segmentation
from voiceprint.errors import SpeakerError
from voiceprint.service.authenticator import Authenticator
from voiceprint.service.changing import Changing
from voiceprint.service.conclusion import conclude
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.service.enrollment import check_amount
from voiceprint.service.listening import Listening
from voiceprint.service.maintenance import Maintenance
from voiceprint.service.recogniser import PreviousEncoder, Recogniser
from voiceprint.service.results import Answer, EncodedUtterance
from voiceprint.service.scopes_on_demand import MEGABYTE, ScopeMemory, ScopesOnDemand
from voiceprint.service.sign_in_rules import Rule
from voiceprint.service.statistics import Statistics
from voiceprint.service.subject_access import SubjectRecord, subject_record
from voiceprint.service.voice_map import SpeakerMap, speaker_map
from voiceprint.storage.store import Store
from voiceprint.storage.tokens import list_tokens

__all__ = ["VoiceprintService"]


class VoiceprintService(Listening, Changing):
    """All use cases, over one store and one encoder. Thread safe.

    ``store`` and ``enrolled`` are for this package and for tests: other packages call the methods here.
    """

    def __init__(
        self,
        *,
        store: Store,
        encoder: Encoder,
        activity: VoiceActivity,
        policy: Policy,
        settings: Settings,
        previous: PreviousEncoder | None = None,
        segmentation: Segmentation | None = None,
    ) -> None:
        """``previous``: the encoder that the store is leaving, while it is migrated; ``segmentation``: optional."""
        Listening.__init__(
            self,
            encoder,
            activity,
            settings,
            speaker_change_threshold=policy.one_voice,
            encode_previous=self._encode_previous,
            segmentation=segmentation,
        )
        enrolled = _enrolled(store, encoder.dimension, settings)
        needed = settings.min_identify_speech_seconds
        recogniser = Recogniser(enrolled, policy, previous, needed_seconds=needed)
        Changing.__init__(self, store, enrolled, recogniser, settings)
        self.maintenance = Maintenance(store, enrolled, Retention(unseen_days=settings.unseen_days))
        self.statistics = Statistics()
        self._previous = previous

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self.store.close()

    # Enrolled speakers

    def refresh(self) -> None:
        """Read what another process wrote to the store; cheap where nothing changed."""
        self.enrolled.refresh()

    def speakers(self, within: Within = None) -> list[StoredSpeaker]:
        """Enrolled speakers of the groups, by name."""
        return self.enrolled.all(within)

    def count(self, within: Within = None) -> int:
        """Number of enrolled speakers of the groups."""
        self.refresh()
        return self.enrolled.count(within)

    def policy(self, within: Within = None) -> Policy:
        """The policy for the gallery as it is now, with its score shift."""
        return self._recogniser.policy(within)

    @property
    def damaged(self) -> tuple[str, ...]:
        """Opaque ids of speakers whose records do not open; they are left out."""
        return self.enrolled.damaged

    def get(self, speaker_id: str) -> StoredSpeaker | None:
        """The speaker of an id, or None."""
        return self.enrolled.get(speaker_id)

    def speaker(self, speaker_id: str, within: Within = None) -> StoredSpeaker:
        """The speaker of an id, within the groups. Raises SpeakerError (``unknown_speaker``)."""
        return self.enrolled.speaker(speaker_id, within)

    def find(self, name_or_id: str) -> StoredSpeaker | None:
        """The speaker of an id, else of a name, else None."""
        return self.enrolled.find(name_or_id)

    def named(self, name_or_id: str) -> StoredSpeaker:
        """The speaker of an id, else of a name. Raises SpeakerError (``unknown_speaker``)."""
        found = self.find(name_or_id)
        if found is None:
            raise SpeakerError("unknown_speaker", f"Nobody is enrolled as {name_or_id!r}.")
        return found

    @property
    def store_engine(self) -> str:
        """The engine under the store: ``sqlite`` or ``postgresql``."""
        return self.store.engine

    @property
    def previous_encoder(self) -> EncoderIdentity | None:
        """The encoder that the store is leaving; None where it is not migrated."""
        return self.store.previous_encoder

    @property
    def gallery_sizes(self) -> tuple[int, int]:
        """Numbers of speakers in the gallery, and of those pending reenrollment."""
        return self.enrolled.sizes

    @property
    def scope_memory(self) -> ScopeMemory | None:
        """What scopes take in memory; None where all speakers are in memory."""
        return self.enrolled.memory if isinstance(self.enrolled, ScopesOnDemand) else None

    def hold(self, within: Within = None) -> object:
        """The voices of the groups, which stay in memory while this is referenced. Raises LimitError, StoreError."""
        return self.enrolled.scope(within)

    def speaker_map(self, within: Within = None, *, most: int) -> SpeakerMap:
        """A map of the newest speakers of the groups, at most ``most``."""
        self.refresh()
        return speaker_map(self.enrolled, self.policy(within), within, most=most)

    def subject_record(self, speaker_id: str) -> SubjectRecord:
        """Everything held about one speaker; the audit log notes the disclosure. Raises StoreError."""
        return subject_record(self.store, speaker_id, self.maintenance.retention)

    # Access

    def authenticator(self, rules: Sequence[Rule] = ()) -> Authenticator:
        """A new authenticator over the tokens of the store. ``rules``: of people whom another service signs in.

        Raises StoreError.
        """
        return Authenticator(self.store, rules=rules)

    def has_tokens(self) -> bool:
        """Whether the store has an access token. Raises StoreError."""
        return bool(list_tokens(self.store))

    def note_unlock(self, speaker_id: str) -> None:
        """Note in the audit log that the rejections of an id were cleared. Raises StoreError."""
        self.store.note("unlocked", speaker_id)

    def note_label(self, event: Literal["labelled", "label_undone"], speaker_id: str | None) -> None:
        """Note in the audit log what a person said of a voice in a recording; None: a stranger's. Raises StoreError."""
        self.store.note(event, speaker_id)

    def content_hash(self, data: bytes) -> str:
        """Keyed hash of a recording's file: recognises the same file without keeping any of it."""
        return self.store.content_hash(data)

    # Identification and verification

    def identify(self, probe: EncodedUtterance, *, top_k: int = 5, within: Within = None) -> Answer:
        """The answer to a probe, among the speakers of the groups; an impostor is ``unknown``."""
        return self.identify_all([probe], top_k=top_k, within=within)[0]

    def identify_all(
        self, probes: Sequence[EncodedUtterance], *, top_k: int = 5, within: Within = None
    ) -> list[Answer]:
        """``identify`` for each probe, with one search."""
        self.refresh()
        return self._recogniser.identify(probes, top_k=top_k, within=within)

    def verify(
        self, speaker_id: str, probe: EncodedUtterance, *, hide_unknown_claims: bool = False, within: Within = None
    ) -> Answer:
        """The answer to a claim; ``not_enrolled`` for an unknown id.

        With ``hide_unknown_claims`` an unknown id is answered as a wrong claim.
        """
        self.refresh()
        return self._recogniser.verify(speaker_id, probe, hide_unknown_claims=hide_unknown_claims, within=within)

    def conclude(self, answer: Answer) -> None:
        """Note a final answer in the audit log, and the day on the record of a recognised speaker.

        Raises StoreError: an answer that cannot be noted must not be given.
        """
        self.statistics.note(answer)
        self._recogniser.note(answer)
        conclude(answer, self.store, self.enrolled, self.settings, self.admit)

    # Inside

    def _encode_previous(self, waveform: Waveform) -> NDArray[np.float32] | None:
        """The embedding by the previous encoder, while speakers are pending reenrollment."""
        return self._previous.encode(waveform) if self._previous and self.enrolled.sizes[1] else None

    def _check_amount(self, enrollments: Sequence[Enrollment], before_seconds: float = 0.0) -> None:
        needed = self.settings.min_enroll_speech_seconds
        check_amount(enrollments, before_seconds=before_seconds, needed_seconds=needed)


def _enrolled(store: Store, dimension: int, settings: Settings) -> EnrolledSpeakers:
    """All in memory, or scopes on demand where the settings bound the memory."""
    if settings.memory_megabytes is None:
        return EnrolledSpeakers(store, dimension)
    return ScopesOnDemand(store, dimension, budget=settings.memory_megabytes * MEGABYTE)
