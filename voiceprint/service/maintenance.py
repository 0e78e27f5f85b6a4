"""Maintenance while a server runs: retention and age of the audit log."""

from dataclasses import replace

from voiceprint.domain.retention import Retention, due
from voiceprint.service.enrolled import EnrolledSpeakers
from voiceprint.storage.maintenance.audit_trimming import trim
from voiceprint.storage.maintenance.retention import Sweep, erase_due
from voiceprint.storage.store import Store

__all__ = ["Maintenance"]


class Maintenance:
    """One a service. Every method raises StoreError; the in-memory state follows the store."""

    def __init__(self, store: Store, enrolled: EnrolledSpeakers, retention: Retention) -> None:
        self.retention = retention
        self._store = store
        self._enrolled = enrolled

    def sweep(self) -> Sweep:
        """The erasures due, carried out, with receipts."""
        self._enrolled.refresh()
        over = [one.id for one in self._enrolled.each() if due(one, self.retention)]
        with self._enrolled.lock:
            still = [one for one in map(self._enrolled.get, over) if one is not None]
            done = erase_due(self._store, self.retention, speakers=still, unattended=True)
            for receipt in done.receipts:
                self._enrolled.remove(receipt.speaker)
        return replace(done, receipts=self._store.receipts(*done.receipts))

    def trim_audit(self, *, days: int) -> int:
        """The number of audit lines taken out because they are older than ``days``."""
        return trim(self._store, days=days)
