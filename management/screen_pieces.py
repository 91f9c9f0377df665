"""Missing pieces: what a screen looks at and does not know, in words a doctor would use."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from grading.chart import GapWhat, Lab
from grading.tables import shipped_tables
from management.cytopenia import uncharted_days
from management.lab_values import hours, list_names
from management.situation import Situation, earlier_labs, latest_lab, not_retrieved

Pieces = Callable[[Situation], tuple[str, ...]]

IEC_HS_LABS = (Lab.FERRITIN, Lab.FIBRINOGEN, Lab.ALT, Lab.AST, Lab.LDH, Lab.PLATELETS, Lab.ANC)
LYSIS_PIECES = (Lab.POTASSIUM, Lab.PHOSPHATE, Lab.CALCIUM, Lab.ALBUMIN, Lab.URATE, Lab.CREATININE)
# Values that say something only against their own upper limit of normal.
LIMITED_LABS = (Lab.FERRITIN, Lab.ALT, Lab.AST, Lab.LDH, Lab.TROPONIN)


def unknown_labs(situation: Situation, labs: Iterable[Lab]) -> tuple[Lab, ...]:
    """Those of the tests that have no value inside the window of laboratory values."""
    known = {value.lab for value in situation.evidence.labs}
    return tuple(lab for lab in labs if lab not in known)


def labs_without_limit(situation: Situation, labs: Iterable[Lab]) -> tuple[Lab, ...]:
    """Those of the tests whose value cannot be judged, as its report names no upper limit of normal.

    Ferritin may be judged against its baseline instead.
    """
    unlimited = {
        value.lab for value in situation.evidence.labs if value.lab in LIMITED_LABS and not value.upper_limit
    }
    if situation.evidence.baseline.ferritin is not None:
        unlimited.discard(Lab.FERRITIN)
    return tuple(lab for lab in labs if lab in unlimited)


def _not_charted(situation: Situation, *labs: Lab) -> Iterator[str]:
    if unknown := unknown_labs(situation, labs):
        yield f"{list_names(unknown)} not charted in {hours(shipped_tables().span('labs'))} h"


def _of_sepsis(situation: Situation) -> Iterator[str]:
    yield from _not_charted(situation, Lab.ANC)
    if situation.evidence.systolic is None:
        yield f"blood pressure not charted in {hours(shipped_tables().span('blood-pressure'))} h"
    yield "cultures are not read from the chart"


def _of_tumour_lysis(situation: Situation) -> Iterator[str]:
    yield from _not_charted(situation, *LYSIS_PIECES)
    creatinine = latest_lab(situation, Lab.CREATININE)
    if creatinine is not None and not earlier_labs(situation, creatinine):
        yield "no earlier creatinine: a rise cannot be judged"
    if situation.evidence.age_years is None:
        yield "age not known: phosphate judged by the cut for adults"
    if not_retrieved(situation.assessment, (GapWhat.CONDITIONS,)):
        yield "diagnoses not retrieved: arrhythmia not known"
    yield "urine output is not read from the chart"


def _of_iec_hs(situation: Situation) -> Iterator[str]:
    yield from _not_charted(situation, *IEC_HS_LABS)
    if without := labs_without_limit(situation, IEC_HS_LABS):
        yield f"no upper limit of normal for {list_names(without)}"
    ferritin = latest_lab(situation, Lab.FERRITIN)
    if ferritin is not None and not earlier_labs(situation, ferritin):
        yield "no earlier ferritin: a rise cannot be judged"


def _of_haemorrhage(situation: Situation) -> Iterator[str]:
    yield from _not_charted(situation, Lab.PLATELETS, Lab.FIBRINOGEN)
    yield from _imaging(situation)


def _of_stroke(situation: Situation) -> Iterator[str]:
    yield from _not_charted(situation, Lab.PLATELETS)
    yield from _imaging(situation)


def _of_nonconvulsive_seizure(situation: Situation) -> Iterator[str]:
    yield from _not_charted(situation, Lab.SODIUM)
    yield "EEG and glucose are not read from the chart"


def _of_hypersensitivity(_: Situation) -> Iterator[str]:
    yield "skin, airway and gut signs are not read from the chart"


def _of_the_heart(situation: Situation) -> Iterator[str]:
    yield from _not_charted(situation, Lab.TROPONIN)
    yield "ECG and echocardiography are not read from the chart"


def _of_cytopenia(situation: Situation) -> Iterator[str]:
    yield from _not_charted(situation, Lab.ANC)
    yield from uncharted_days(situation)


def _imaging(situation: Situation) -> Iterator[str]:
    infusion = situation.evidence.infusion
    start = None if infusion is None else infusion.at
    reports = (report.at for report in situation.chart.imaging if report.at <= situation.at)
    if not any(start is None or at >= start for at in reports):
        yield "no imaging report since the infusion"


def _as_tuple(find: Callable[[Situation], Iterator[str]]) -> Pieces:
    return lambda situation: tuple(find(situation))


PIECES_OF_SCREEN: Mapping[str, Pieces] = {
    "screen.sepsis": _as_tuple(_of_sepsis),
    "screen.tumour-lysis": _as_tuple(_of_tumour_lysis),
    "screen.iec-hs": _as_tuple(_of_iec_hs),
    "screen.haemorrhage": _as_tuple(_of_haemorrhage),
    "screen.stroke": _as_tuple(_of_stroke),
    "screen.nonconvulsive-seizure": _as_tuple(_of_nonconvulsive_seizure),
    "screen.hypersensitivity": _as_tuple(_of_hypersensitivity),
    "cardiac.assessment": _as_tuple(_of_the_heart),
    "cytopenia.review": _as_tuple(_of_cytopenia),
}
"""By recommendation id. Progression and IgG are not named: what they look at is known where they speak."""
