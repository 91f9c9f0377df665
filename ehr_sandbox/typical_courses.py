"""Synthetic patients whose course is what one expects: quiet, CRS 1 to 4, ICANS, both, masked fever."""

from collections.abc import Callable
from datetime import date

from ehr_sandbox import codes
from ehr_sandbox.record import Record, parse_ago, quantity

LYMPHOMA = "Relapsed diffuse large B-cell lymphoma"
MYELOMA = "Relapsed multiple myeloma"


def _adler() -> Record:
    """Quiet course, nothing to grade. Paracetamol before the infusion is premedication, not treatment of
    a fever.
    """
    record = Record("Demo-Adler", "Anna", "female", date(1963, 5, 14), LYMPHOMA)
    record.give("2d1h", "acetaminophen", quantity(650, "mg"), route="oral")
    record.infuse_cart(2, "XW033H7", "axicabtagene ciloleucel")
    record.weigh("3d", 71)
    record.chart_vitals("""
        ago temp bp     hr spo2 oxygen
        3d  36.8 126/74 76 97   room-air
        1d  37.1 122/72 80 97   room-air
    """)
    record.chart_neuro("""
        ago ice arousal seizure motor icp
        3d  10  alert   none    none  none
    """)
    record.chart_labs("""
        ago ferritin crp ldh anc platelets creatinine
        3d  310      6   240 1.4 148       0.8
        5h  420      14  251 0.9 131       0.8
    """)
    return record


def _birke() -> Record:
    """Fever alone, neutropenic. Phenylephrine eye drops before an eye examination are no vasopressor."""
    record = Record("Demo-Birke", "Bela", "male", date(1970, 2, 3), LYMPHOMA)
    record.infuse_cart(3, "XW043H7", "axicabtagene ciloleucel")
    record.weigh("4d", 58)
    record.chart_vitals("""
        ago temp bp     hr  spo2 oxygen
        4d  36.7 124/76 74  98   room-air
        14h 38.6 118/70 102 96   room-air
    """)
    record.chart_neuro("""
        ago ice arousal seizure motor icp
        4d  10  alert   none    none  none
    """)
    record.give("3h", "phenylephrine-drops", quantity(1, "[drp]", "drop"), route="ophthalmic")
    record.chart_labs("""
        ago ferritin crp ldh anc platelets creatinine
        4d  280      8   230 1.1 120       0.9
        6h  910      74  262 0.3 88        0.9
    """)
    return record


def _cedar() -> Record:
    """Fever, then 3 L/min by nasal cannula; blood pressure holds."""
    record = Record("Demo-Cedar", "Clara", "female", date(1958, 11, 21), MYELOMA)
    record.infuse_cart(4, "XW033K7", "idecabtagene vicleucel")
    record.weigh("3d", 72)
    record.chart_vitals("""
        ago temp bp     hr  spo2 oxygen
        5d  36.6 120/70 78  97   room-air
        22h 38.9 116/66 104 95   room-air
        6h  38.9 112/64 110 94   nasal-cannula@3
    """)
    record.chart_neuro("""
        ago ice arousal seizure motor icp
        5d  10  alert   none    none  none
    """)
    record.chart_labs("""
        ago ferritin crp ldh anc platelets creatinine
        5d  450      10  260 1.6 104       1.0
        7h  2300     121 318 1.2 61        1.1
    """)
    return record


def _dorn() -> Record:
    """Hypotension after two boluses; one vasopressor, then vasopressin added; low-flow oxygen."""
    record = Record("Demo-Dorn", "David", "male", date(1966, 7, 9), LYMPHOMA)
    record.infuse_cart(3, "XW043H7", "axicabtagene ciloleucel")
    record.weigh("2d", 80)
    record.chart_vitals("""
        ago temp bp     hr  spo2 oxygen
        4d  36.9 128/74 72  97   room-air
        26h 39.4 116/62 108 95   room-air
        9h  39.6 82/44  124 92   nasal-cannula@4
        6h  39.2 98/54  118 93   nasal-cannula@4
        2h  39.1 104/58 112 94   nasal-cannula@4
    """)
    record.give("8h", "saline", quantity(500, "mL"))
    record.give("7h", "saline", quantity(500, "mL"), minutes=30)
    record.run("norepinephrine", 0.08, "ug/kg/min", "6h")
    record.run("vasopressin", 0.03, "[iU]/min", "2h")
    record.chart_neuro("""
        ago ice arousal seizure motor icp
        4d  10  alert   none    none  none
    """)
    record.chart_labs("""
        ago ferritin crp ldh anc platelets fibrinogen creatinine
        4d  520      22  410 1.0 96        380        0.9
        5h  6400     188 520 0.2 41        240        1.4
    """)
    return record


def _esche() -> Record:
    """Two vasopressors and BiPAP in spite of two doses of tocilizumab. The epinephrine drip is a
    contained Medication beside its diluent.
    """
    record = Record("Demo-Esche", "Elias", "male", date(1960, 1, 30), LYMPHOMA)
    record.infuse_cart(5, "XW043M7", "brexucabtagene autoleucel")
    record.weigh("4d", 84)
    record.chart_vitals("""
        ago temp bp     hr  spo2 oxygen
        6d  36.8 130/78 80  96   room-air
        62h 39.5 112/60 110 94   nasal-cannula@2
        32h 40.1 96/50  124 92   nasal-cannula@5
        14h 39.8 98/52  128 91   simple-mask@8
        4h  39.2 102/56 122 92   bipap
    """)
    record.give("30h", "tocilizumab", quantity(672, "mg"), minutes=60)
    record.give("12h", "tocilizumab", quantity(672, "mg"), minutes=60)
    record.give("12h", "dexamethasone", quantity(10, "mg"))
    record.give("4h", "dexamethasone", quantity(10, "mg"))
    record.run("norepinephrine", 0.18, "ug/kg/min", "31h", "14h")
    record.run("norepinephrine", 0.35, "ug/kg/min", "14h")
    drip = {
        "resourceType": "Medication",
        "id": "drip",
        "ingredient": [
            {"itemCodeableConcept": {"text": "sodium chloride 0.9 %"}},
            {"itemCodeableConcept": codes.DRUGS["epinephrine"]},
        ],
    }
    record.administer(
        {"medicationReference": {"reference": "#drip"}},
        "epinephrine",
        status="in-progress",
        start=record.at(parse_ago("5h")),
        dosage={"route": codes.ROUTES["intravenous"], "rateQuantity": quantity(0.06, "ug/kg/min")},
        contained=[drip],
    )
    record.chart_neuro("""
        ago ice arousal seizure motor icp
        6d  10  alert   none    none  none
        20h 8   alert   none    none  none
    """)
    record.chart_labs("""
        ago ferritin crp ldh anc  platelets fibrinogen creatinine
        6d  880      30  520 0.8  70        360        1.1
        6h  18500    240 940 0.05 22        170        2.1
    """)
    return record


def _falke() -> Record:
    """CRS grade 1 on days 2-3 is over; on day 7 word finding and handwriting fail: isolated ICANS."""
    record = Record("Demo-Falke", "Frieda", "female", date(1956, 9, 17), LYMPHOMA)
    record.infuse_cart(7, "XW033H7", "axicabtagene ciloleucel")
    record.weigh("6d", 76)
    record.chart_vitals("""
        ago  temp bp     hr spo2 oxygen
        8d   36.8 132/76 76 97   room-air
        5d   38.8 122/68 98 96   room-air
        3d12h 36.9 128/72 80 97  room-air
    """)
    record.chart_neuro("""
        ago ice arousal seizure motor icp
        8d  10  alert   none    none  none
        20h 5   alert   none    none  none
    """)
    record.give("14h", "levetiracetam", quantity(500, "mg"), route="oral")
    record.chart_labs("""
        ago ferritin crp ldh anc platelets creatinine
        8d  340      9   250 1.5 140       0.7
        6h  760      12  270 0.9 52        0.7
    """)
    return record


def _ginster() -> Record:
    """CRS and ICANS together: fever with 2 L/min, ICE falling from 10 to 2, one short seizure."""
    record = Record("Demo-Ginster", "Gustav", "male", date(1968, 4, 2), LYMPHOMA)
    record.infuse_cart(5, "XW043H7", "axicabtagene ciloleucel")
    record.weigh("2d", 64)
    record.chart_vitals("""
        ago temp bp     hr  spo2 oxygen
        6d  36.7 118/70 74  98   room-air
        40h 39.0 112/66 106 95   room-air
        10h 39.0 108/62 112 94   nasal-cannula@2
    """)
    record.chart_neuro("""
        ago ice arousal          seizure motor icp
        6d  10  alert            none    none  none
        26h 7   alert            none    none  none
        10h 4   alert            none    none  none
        3h  2   awakens-to-voice -       none  none
    """)
    record.assess(parse_ago("3h"), {"seizure": "brief-resolved"})
    record.report_imaging("2h", "CT head without contrast", "No haemorrhage. No oedema. No midline shift.")
    record.chart_labs("""
        ago ferritin crp ldh anc platelets sodium creatinine
        6d  400      11  280 1.3 122       139    0.8
        5h  4100     160 390 0.4 45        134    0.9
    """)
    return record


def _heide() -> Record:
    """Masked fever: afebrile since tocilizumab and paracetamol, still on norepinephrine."""
    record = Record("Demo-Heide", "Hanna", "female", date(1964, 12, 5), LYMPHOMA)
    record.infuse_cart(5, "XW043H7", "axicabtagene ciloleucel")
    record.weigh("4d", 70)
    record.chart_vitals("""
        ago temp bp     hr  spo2 oxygen
        6d  36.7 124/72 78  97   room-air
        3d  39.2 110/62 110 95   room-air
        30h 39.4 94/52  120 94   room-air
        27h 37.3 100/56 104 95   room-air
        12h 36.9 104/60 96  96   room-air
    """)
    record.run("norepinephrine", 0.15, "ug/kg/min", "30h", "12h")
    record.run("norepinephrine", 0.05, "ug/kg/min", "12h")
    record.give("28h", "tocilizumab", quantity(560, "mg"), minutes=60)
    for ago in ("26h", "14h", "6h"):
        record.give(ago, "acetaminophen", quantity(1000, "mg"))
    record.chart_neuro("""
        ago ice arousal seizure motor icp
        6d  10  alert   none    none  none
    """)
    record.chart_labs("""
        ago ferritin crp ldh anc platelets creatinine
        6d  390      10  270 1.2 118       0.9
        7h  5200     96  430 0.3 47        1.2
    """)
    return record


TYPICAL_COURSES: tuple[Callable[[], Record], ...] = (
    _adler,
    _birke,
    _cedar,
    _dorn,
    _esche,
    _falke,
    _ginster,
    _heide,
)
