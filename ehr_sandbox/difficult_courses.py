"""Synthetic patients whose record has a catch.

Another cause, missing data, a child, local codes, no CAR-T, unknown arousal, late onset, US charting.
"""

from collections.abc import Callable
from datetime import date

from ehr_sandbox import codes
from ehr_sandbox.record import Record, parse_ago, quantity

LOCAL_DRUGS = "http://demo-hospital.example/fhir/CodeSystem/icu-medication"
LOCAL_BAGS = "http://demo-hospital.example/fhir/CodeSystem/pharmacy-formulary"
LOCAL_UNITS = "http://demo-hospital.example/fhir/CodeSystem/unit"
LYMPHOMA = "Relapsed diffuse large B-cell lymphoma"
MYELOMA = "Relapsed multiple myeloma"


def _iltis() -> Record:
    """Septic look-alike: fever and hypotension, and Escherichia coli in both blood cultures; the team has
    attributed both findings to sepsis.
    """
    record = Record("Demo-Iltis", "Ivo", "male", date(1961, 8, 8), MYELOMA)
    record.infuse_cart(4, "XW033A7", "ciltacabtagene autoleucel")
    record.weigh("3d", 77)
    record.chart_vitals("""
        ago temp bp     hr  spo2 oxygen
        5d  36.8 126/74 76  97   room-air
        12h 39.5 92/48  122 95   room-air
        7h  39.3 102/56 116 95   room-air
    """)
    record.run("norepinephrine", 0.1, "ug/kg/min", "8h")
    record.attribute("5h", "fever", "Escherichia coli in two of two blood culture sets")
    record.attribute("5h", "hypotension", "septic shock, Escherichia coli bacteraemia")
    record.diagnose("Escherichia coli bacteraemia", "5h")
    record.chart_neuro("""
        ago ice arousal seizure motor icp
        5d  10  alert   none    none  none
    """)
    record.chart_labs("""
        ago ferritin crp ldh anc platelets creatinine
        5d  410      9   240 1.0 90        1.0
        6h  1500     260 280 0.1 38        1.7
    """)
    return record


def _jasmin() -> Record:
    """Missing data: no temperature for more than a day, the last ICE a day old, never weighed."""
    record = Record("Demo-Jasmin", "Jana", "female", date(1975, 3, 12), LYMPHOMA)
    record.infuse_cart(3, "XW033N7", "lisocabtagene maraleucel")
    record.chart_vitals("""
        ago temp bp     hr spo2 oxygen
        4d  36.7 122/74 78 97   room-air
        28h -    118/70 88 96   room-air
    """)
    record.chart_neuro("""
        ago ice arousal seizure motor icp
        4d  10  alert   none    none  none
        20h -   alert   none    none  none
    """)
    return record


def _kiebitz() -> Record:
    """Child of 6 years and 24 kg: fever, systolic pressure 78 against a limit of 82; CAPD instead of ICE."""
    record = Record(
        "Demo-Kiebitz", "Kim", "female", date(2019, 9, 20), "Relapsed B-cell acute lymphoblastic leukaemia"
    )
    record.infuse_cart(4, "XW033J7", "tisagenlecleucel")
    record.weigh("2d", 24)
    record.chart_vitals(
        """
        ago temp bp    hr  spo2 oxygen
        5d  36.8 98/60 98  98   room-air
        16h 39.1 94/54 128 97   room-air
        3h  39.4 78/40 142 96   room-air
        """,
        style="text",
    )
    record.chart_neuro("""
        ago capd arousal seizure motor icp
        5d  0    alert   none    none  none
        12h 5    alert   none    none  none
    """)
    record.chart_labs("""
        ago ferritin crp ldh anc platelets creatinine
        5d  600      5   420 0.6 80        0.3
        6h  3900     110 510 0.1 34        0.4
    """)
    return record


def _linde() -> Record:
    """Vasopressors as the ward's system stores them: a resource for each rate, local codes and units, no
    route; bags hung appear a second time without rate or dose. Phenylephrine was replaced by
    norepinephrine.
    """
    record = Record("Demo-Linde", "Lea", "female", date(1959, 6, 25), LYMPHOMA, offset_hours=5.5)
    record.infuse_cart(4, "XW043N7", "lisocabtagene maraleucel")
    record.weigh("1d", 68)
    record.chart_vitals(
        """
        ago temp bp     hr  spo2 oxygen
        5d  36.7 118/68 80  97   room-air
        30h 39.1 104/58 108 94   nasal-cannula@2
        12h 38.9 96/52  116 94   nasal-cannula@2
        """,
        style="text",
    )
    edges = {
        "Phenylephrine": (("11h", 0.6), ("10h", 1.1), ("9h", None)),
        "Norepinephrine": (("9h", 0.04), ("7h40m", 0.07), ("6h35m", 0.1), ("4h", 0.08), ("1h10m", 0.06)),
    }
    for drug, steps in edges.items():
        local = {"coding": [{"system": LOCAL_DRUGS, "code": f"ICU-{drug[:4].upper()}"}], "text": drug}
        for (since, rate), until in zip(steps, [ago for ago, _ in steps[1:]] + [None], strict=True):
            if rate is None:
                continue
            record.administer(
                local,
                drug.lower(),
                status="completed" if until else "in-progress",
                start=record.at(parse_ago(since)),
                end=record.at(parse_ago(until)) if until else None,
                dosage={
                    "rateQuantity": {
                        "value": rate,
                        "unit": "mcg/kg/min",
                        "system": LOCAL_UNITS,
                        "code": "mcg/kg/min",
                    }
                },
            )
    bag = {"coding": [{"system": LOCAL_BAGS, "code": "NOR8-250D"}], "text": "Norepinephrine"}
    for ago in ("9h", "3h30m"):
        record.administer(bag, "bag", status="completed", start=record.at(parse_ago(ago)))
    record.chart_neuro("""
        ago ice arousal seizure motor icp
        5d  10  alert   none    none  none
    """)
    record.chart_labs("""
        ago ferritin crp ldh anc platelets creatinine
        5d  480      12  300 1.1 101       0.8
        8h  3300     140 380 0.5 58        1.1
    """)
    return record


def _marder() -> Record:
    """Not a CAR-T recipient: febrile neutropenia after chemotherapy. The service must stay silent."""
    record = Record("Demo-Marder", "Mats", "male", date(1972, 10, 1), "Acute myeloid leukaemia in remission")
    record.weigh("2d", 82)
    record.chart_vitals("""
        ago temp bp     hr  spo2 oxygen
        4d  36.8 128/78 76  97   room-air
        20h 38.9 110/64 108 94   nasal-cannula@2
    """)
    record.give("18h", "acetaminophen", quantity(1000, "mg"), route="oral")
    record.chart_labs("""
        ago ferritin crp ldh anc platelets creatinine
        4d  700      20  220 0.4 60        0.9
        8h  980      150 230 0.1 22        1.0
    """)
    return record


def _nessel() -> Record:
    """ICE 0, and nobody has charted since whether she can be roused: grade 3 or 4."""
    record = Record("Demo-Nessel", "Nora", "female", date(1965, 1, 19), LYMPHOMA)
    record.infuse_cart(6, "XW033H7", "axicabtagene ciloleucel")
    record.weigh("5d", 90)
    record.chart_vitals("""
        ago temp bp     hr  spo2 oxygen
        7d  36.8 130/80 78  97   room-air
        3d  38.4 118/70 98  96   room-air
    """)
    record.chart_neuro("""
        ago ice arousal          seizure motor icp
        7d  10  alert            none    none  none
        30h 4   awakens-to-voice none    none  none
        14h 0   -                none    none  none
    """)
    record.chart_labs("""
        ago ferritin crp ldh anc platelets sodium creatinine
        7d  520      14  310 1.2 99        140    0.8
        6h  2900     66  360 0.6 63        136    0.8
    """)
    return record


def _otter() -> Record:
    """First fever on day 20: late for CRS; graded as usual, and attribution asked."""
    record = Record("Demo-Otter", "Olga", "female", date(1969, 3, 27), MYELOMA)
    record.infuse_cart(20, "XW033A7", "ciltacabtagene autoleucel")
    record.weigh("2d", 66)
    record.chart_vitals(
        """
        ago temp bp     hr spo2 oxygen
        21d 36.8 120/72 74 98   room-air
        """,
        every_hours=24,
        until="20h",
    )
    record.chart_vitals("""
        ago temp bp     hr spo2 oxygen
        9h  38.7 114/68 98 96   room-air
    """)
    record.chart_neuro(
        """
        ago ice arousal seizure motor icp
        21d 10  alert   none    none  none
        """,
        every_hours=24,
    )
    record.chart_labs("""
        ago ferritin crp ldh anc platelets creatinine
        21d 380      7   230 1.8 160       0.7
        5h  690      58  250 0.7 84        0.7
    """)
    return record


def _pappel() -> Record:
    """Charted in the US manner: degrees Fahrenheit, UTC, the oxygen device inside the flow; nasal cannula
    at 8 L/min. The product is a MedicationAdministration.
    """
    record = Record(
        "Demo-Pappel", "Paul", "male", date(1962, 2, 11), "Relapsed mantle cell lymphoma", offset_hours=0
    )
    record.administer(
        {"coding": [{"system": codes.RXNORM, "code": "2387277"}], "text": "brexucabtagene autoleucel"},
        "cart",
        status="completed",
        start=record.at(parse_ago("2d")),
        end=record.at(parse_ago("47h30m")),
        dosage={"route": codes.ROUTES["intravenous"], "dose": quantity(68, "mL")},
    )
    record.weigh("2d", 95)
    record.chart_vitals(
        """
        ago temp bp     hr  spo2 oxygen
        3d  36.9 134/82 80  96   room-air
        18h 38.9 124/74 104 94   nasal-cannula@4
        5h  39.0 118/70 112 91   nasal-cannula@8
        """,
        style="under-flow",
    )
    record.chart_neuro("""
        ago ice arousal seizure motor icp
        3d  10  alert   none    none  none
    """)
    record.chart_labs("""
        ago ferritin crp ldh anc platelets creatinine
        3d  650      16  480 1.4 88        1.0
        6h  3600     132 560 0.9 54        1.2
    """)
    return record


DIFFICULT_COURSES: tuple[Callable[[], Record], ...] = (
    _iltis,
    _jasmin,
    _kiebitz,
    _linde,
    _marder,
    _nessel,
    _otter,
    _pappel,
)
