"""Metrics of versions in production: what Ingest may write to a version, and the id under which its metrics stand.

A version may be written in any stage: what is being taken out of service is watched longest. Its subject outlives it
until all its points are removed; its number is never given to another.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from trackway_server.core.admission import Admission
from trackway_server.core.errors import DomainError, Reason
from trackway_server.core.ids import new_id
from trackway_server.metrics.domain.ports import IngestUnit
from trackway_server.metrics.domain.records import Refusal, SeriesDefinition, SubjectRecord, WriterCursor
from trackway_server.registry.domain import bindings
from trackway_server.registry.domain.lookup import require_version, version_not_found
from trackway_server.registry.domain.model import ModelKey, VersionKey
from trackway_server.registry.domain.ports import RegistryTransaction


class VersionSubjects(Protocol):
    """The ids under which metrics of versions stand, within one transaction."""

    def find(self, key: VersionKey) -> str | None:
        """The id of a version; None where none was ever given."""
        ...

    def add(self, key: VersionKey, subject_id: str) -> None:
        """Give a version its id; it has none."""
        ...

    def is_live(self, subject_id: str) -> bool:
        """Whether the id is of a version that is not deleted; in a write transaction it stays so until the end."""
        ...

    def name(self, subject_id: str) -> VersionKey:
        """The version, which may be deleted, of an id that was given and is not forgotten."""
        ...

    def deleted(self, limit: int) -> list[str]:
        """Up to `limit` ids of versions that are deleted."""
        ...

    def forget(self, subject_id: str) -> None:
        """Take an id back; nothing stands under it any more."""
        ...


class MonitoringUnit(IngestUnit, Protocol):
    """Versions and their metrics, within one transaction."""

    @property
    def registry(self) -> RegistryTransaction:
        """Models and versions; nothing of them is changed here."""
        ...

    @property
    def version_subjects(self) -> VersionSubjects:
        """Where their metrics stand."""
        ...


class VersionRecords:
    """SubjectRecords of the registry: subjects are versions, called `NAME/VERSION`."""

    def __init__(self, unit: MonitoringUnit) -> None:
        self._unit = unit

    def admit(self, workspace: str, subject_id: str, records: Sequence[SubjectRecord], admission: Admission) -> None:
        """See SubjectRecords. Raises WORKSPACE_NOT_FOUND, MODEL_NOT_FOUND, PERMISSION_DENIED."""
        bindings.admit(self._unit.registry, self._unit.version_subjects.name(subject_id).model, admission)

    def forbidden(self, definitions: Sequence[SeriesDefinition], admission: Admission) -> list[Refusal]:
        """See SubjectRecords: the contexts of a version's metrics name nothing else."""
        return []

    def forbidden_series(self, subject_id: str, admission: Admission) -> Collection[int]:
        """See SubjectRecords."""
        return ()

    def subject(self, name: str, workspace: str, admission: Admission | None) -> str:
        """See SubjectRecords. Raises INVALID_FIELD, MODEL_VERSION_NOT_FOUND, and what `admit` raises."""
        key = _parse(name, workspace)
        if admission is not None:
            bindings.admit(self._unit.registry, key.model, admission)
        require_version(self._unit.registry, key)
        known = self._unit.version_subjects.find(key)
        if known is None:
            known = new_id()
            self._unit.version_subjects.add(key, known)
        if not self._unit.version_subjects.is_live(known):
            raise version_not_found(key.model, str(key.number))
        return known

    def apply(
        self, writer: WriterCursor, records: Sequence[SubjectRecord], refused: Sequence[Refusal], now_us: int
    ) -> list[Refusal]:
        """See SubjectRecords: a version takes points alone. Raises MODEL_VERSION_NOT_FOUND where it is deleted."""
        if not self._unit.version_subjects.is_live(writer.subject_id):
            key = self._unit.version_subjects.name(writer.subject_id)
            raise version_not_found(key.model, str(key.number))
        return [Refusal.of(record.sequence, _unsupported(str(record.payload))) for record in records]


def subject_of(unit: MonitoringUnit, key: VersionKey) -> str | None:
    """Where the metrics of a version stand; None where it has none. Raises MODEL_NOT_FOUND, MODEL_VERSION_NOT_FOUND."""
    require_version(unit.registry, key)
    return unit.version_subjects.find(key)


def purge_some(unit: MonitoringUnit, subject_id: str, rows: int) -> bool:
    """Remove up to about `rows` rows of the metrics of a deleted version, its id at the end; whether there is more."""
    if unit.metrics.purge(subject_id, rows):
        return True
    unit.version_subjects.forget(subject_id)
    return False


def _parse(name: str, workspace: str) -> VersionKey:
    model, slash, number = name.rpartition("/")
    if not slash:
        raise DomainError(
            Reason.INVALID_FIELD,
            "subject_id must be the name of a registered model, '/' and a version; metrics of a run go to the "
            "TrackingService.",
            field="open.subject_id",
        )
    return VersionKey(ModelKey(workspace, model), int(number))


def _unsupported(kind: str) -> DomainError:
    return DomainError(
        Reason.RECORD_UNSUPPORTED,
        f"A version of a model takes metrics and no record of the kind {kind!r}; log it to a run.",
        kind=kind,
    )
