"""DiagnosticReport to conclusions that a reader is shown. They are never graded.

A laboratory or pathology report is left out: its numbers arrive as Observations.
"""

from collections.abc import Iterator

from fhir_maps import r4
from fhir_maps.terminology import fold_text
from fhir_maps.times import parse_instant
from fhir_maps.timings import start_of_day
from grading.chart import ImagingReport, Source

READABLE = frozenset({"preliminary", "partial", "final", "amended", "corrected", "appended"})
# Longer conclusions are whole reports; the card shows the beginning.
LONGEST_CONCLUSION = 2000
_NOT_IMAGING = frozenset(
    {"lab", "laboratory", "pathology", "microbiology", "blood bank", "genetics", "cytology"}
)


def read_report(resource: r4.DiagnosticReport) -> Iterator[ImagingReport]:
    """Read one report; without a conclusion, a usable time or a final-enough status it says nothing."""
    conclusion = (resource.conclusion or "")[: LONGEST_CONCLUSION + 1].strip()
    if resource.status not in READABLE or not conclusion or _is_laboratory(resource):
        return
    period = resource.effectivePeriod
    times = [resource.effectiveDateTime, *((period.end, period.start) if period else ()), resource.issued]
    at = next((when for text in times if (when := parse_instant(text) or start_of_day(text))), None)
    if at is None:
        return
    if len(conclusion) > LONGEST_CONCLUSION:
        conclusion = conclusion[: LONGEST_CONCLUSION - 1] + "…"
    reference = f"DiagnosticReport/{resource.id}" if resource.id else "DiagnosticReport"
    yield ImagingReport(at, conclusion, Source(reference))


def _is_laboratory(resource: r4.DiagnosticReport) -> bool:
    named = [
        text
        for category in resource.category
        for text in (
            category.text,
            *(part for coding in category.coding for part in (coding.code, coding.display)),
        )
    ]
    return any(text is not None and fold_text(text[:100]) in _NOT_IMAGING for text in named)
