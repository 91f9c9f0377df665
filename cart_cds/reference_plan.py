"""Which tables make a section of the clinical reference, in the order in which a clinician reads them.

The words under a title say how the rows work together and name no number: numbers stand in the rows. A table
that is not planned here gets a section of its own, under the comment at the top of its file.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """A section to be: its title, the words under it, and what it takes: files ("room/name") or single kinds
    of rows ("room/name:kind").
    """

    title: str
    takes: tuple[str, ...]
    words: str


BEFORE_PROTOCOLS = (
    Plan(
        "CRS grade",
        ("grading/crs",),
        """\
The grade is the higher of hypotension and hypoxia, and at least 1 with fever. Without fever, and without CRS
established before, hypotension or hypoxia alone is no CRS by definition: the grade is then left open.""",
    ),
    Plan(
        "ICANS grade",
        ("grading/icans",),
        """\
The grade is the worst of these domains, of what is not due to another cause. CAPD takes the place of ICE in
young children. RASS and GCS eye opening fill in for a missing statement of consciousness only; they give a
range, and never a grade alone.""",
    ),
    Plan(
        "Numbers of grading",
        ("grading/limits",),
        """\
Cuts of systolic pressure by age, for hypotension that is derived and not stated by a clinician; and other
numbers that grading needs and that are no criterion.""",
    ),
    Plan(
        "Windows of time",
        ("grading/windows",),
        """\
How far back a value is looked for, and other spans. An older value is named as stale and never carried as
current. All are our own choice.""",
    ),
    Plan(
        "Oxygen devices",
        ("grading/oxygen_devices",),
        """\
In the order of the support they give: of several charted at one time the last in this order holds.""",
    ),
    Plan(
        "Drugs that act on the circulation",
        ("grading/vasoactive_agents",),
        """\
Which count as vasopressors, and why the others do not. No dose tier exists. *Charted bare* says how a record
with no rate, dose or route is read: ambiguous where forms for eye, nose, airway or injection exist.""",
    ),
)
AFTER_PROTOCOLS = (
    Plan(
        "Rows of every protocol",
        ("management/cross-cutting:row",),
        """\
These hold whichever protocol is chosen.""",
    ),
    Plan(
        "Numbers that conditions compare with",
        ("management/cross-cutting:cut",),
        """\
What a condition above calls its cut, limit or span. A protocol of a site may replace any of them.""",
    ),
    Plan(
        "Dose rules",
        ("management/doses",),
        """\
A band holds strictly below its weight; the last one is open. What a source does not state is not printed.""",
    ),
    Plan(
        "Guard rails",
        ("management/guards",),
        """\
What withholds a treatment or warns, and the number it compares with.""",
    ),
    Plan(
        "Checks of a drafted order",
        ("management/order-checks",),
        """\
What is said of an order before it is signed, and how loud. Critical is what would do harm if signed as it
stands. A row without a source of its own takes that of the guard it names, or of the dose rule it compares
with.""",
    ),
    Plan(
        "Severity, cytopenia and risk",
        ("management/severity",),
        """\
Shown beside the grades of CRS and ICANS; nothing here changes them. Scores are trends and never a cut. Units
are those of the section on reading of charted values, but CRP in the scores is in mg/dL.""",
    ),
)
LAST = (
    Plan(
        "Reading of charted values",
        ("fhir_maps/reading", "fhir_maps/administrations"),
        """\
What is taken for possible, and how single items are grouped. None of it grades: a value outside these limits
is a gap, never a finding.""",
    ),
    Plan(
        "Units of measurement",
        ("fhir_maps/unit_factors",),
        """\
How many of its dimension's base unit a unit is. A unit that is not here has no known conversion, and its
values become a gap.""",
    ),
    Plan(
        "Words that are charted",
        ("fhir_maps/assessment_codes",),
        """\
Our own codes for the bedside assessment, for which no standard code was found, and what each means.""",
    ),
    Plan(
        "Words of drug names and products",
        ("fhir_maps/drug_name_words", "fhir_maps/product_forms"),
        """\
Words that may stand around the name of a drug without changing which drug it is. A word that is neither here
nor in the map of drugs leaves the drug unknown, which is a gap. Words for pieces and times of a day serve to
read the dose of an order that is checked.""",
    ),
)
# The protocol that a service follows unless it is told otherwise is read first.
FIRST_PROTOCOL = "met-2021"
# What the letters before the number of a protocol row stand for.
ROW_GROUPS: Mapping[str, str] = {
    "M": "ward or ICU",
    "C": "CRS",
    "AC": "CRS",
    "I": "ICANS",
    "AI": "ICANS",
    "T": "fever and infection",
    "F": "rules of CRS grading that ask for an action",
    "N": "rules of ICANS grading that ask for an action",
    "A": "attribution and missing data",
    "D": "drugs",
    "S": "what else it could be",
}
KINDS: Mapping[str, str] = {
    "arousal": "RASS and GCS eye opening in place of a statement of consciousness",
    "cut": "cuts",
    "limit": "single numbers",
    "number": "numbers",
    "dose": "dose rules",
    "guard": "guard rails",
    "row": "rows",
    "check": "what a check may find",
    "printed": "doses printed beside a rule",
    "conversion": "conversions",
    "score": "scores",
    "points": "points of CAR-HEMATOTOX",
    "early_icaht": "early ICAHT",
    "late_icaht": "late ICAHT",
    "risk": "risk factors",
}
AXES: Mapping[str, str] = {
    "ice": "ICE",
    "capd": "CAPD, in place of ICE in young children",
    "arousal-scale": "RASS or GCS eye opening",
    "raised-icp": "raised intracranial pressure and oedema",
}
