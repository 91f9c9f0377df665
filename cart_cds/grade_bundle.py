"""Grade one patient from a FHIR Bundle: the composition of reading, grading and reviewing, and nothing
more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from fhir_maps.chart_reader import ReadingResult, read_chart
from fhir_maps.terminology import Terminology, load_terminology
from management.assessment_document import assessment_extension, late_effects_extension
from management.late_effects import find_late_effects
from management.protocol import load_protocol
from management.review import LateEffects, Review
from management.reviewing import review


@dataclass(frozen=True, slots=True)
class GradedBundle:
    """What was read, and the review; ``review`` is ``None`` when no infusion is on record in the window.

    ``late`` is then what there is to tell of an older infusion, if anything.
    """

    reading: ReadingResult
    review: Review | None
    late: LateEffects | None = None

    @property
    def document(self) -> dict[str, object]:
        """The assessment under its extension name, JSON-ready; empty where there is nothing to tell."""
        if self.review is not None:
            return assessment_extension(self.review)
        return {} if self.late is None else late_effects_extension(self.late)


def read_and_review(
    bundle: bytes,
    *,
    at: datetime,
    infusion_at: datetime | None = None,
    protocol: str = "met-2021",
    protocol_folders: Sequence[Path] = (),
    site_maps: Path | None = None,
) -> GradedBundle:
    """Read a Bundle (or a single resource) and review the patient at ``at`` (aware).

    ``infusion_at`` states a CAR-T infusion that the record does not hold. Raises what the readers raise:
    ``ProtocolError``, ``TerminologyError``, ``ForeignPatient``.
    """
    reading = read_chart(
        [bundle], terminology=_terminology(site_maps), patient_id=None, infusion_at=infusion_at
    )
    rows = load_protocol(protocol, protocol_folders)
    found = review(reading.chart, at, rows)
    late = None if found is not None else find_late_effects(reading.chart, at, rows)
    return GradedBundle(reading, found, late)


def grade_bundle(
    bundle: bytes,
    *,
    at: datetime,
    infusion_at: datetime | None = None,
    protocol: str = "met-2021",
    site_maps: Path | None = None,
) -> dict[str, object]:
    """Return the assessment as ``cart-cds grade --json`` prints it; see :func:`read_and_review`."""
    return read_and_review(
        bundle, at=at, infusion_at=infusion_at, protocol=protocol, site_maps=site_maps
    ).document


@cache
def _terminology(site_maps: Path | None) -> Terminology:
    return load_terminology(site_maps)
