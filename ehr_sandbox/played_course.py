"""The patient whose course is played: nine days of one invented patient, most of them ahead of the clock.

The record holds the future too; it is seen as the sandbox's clock reaches it. Beside it stand milestones in
words, so that a newcomer knows what to look for next. What the service must find at each of them is worked
out by hand in the tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil

from ehr_sandbox.patients import Expected, SamplePatient, moved_bundle
from ehr_sandbox.record import Record, quantity

_STORY = "CRS grade 3, then ICANS grade 3, and recovery, in nine days to be played"


@dataclass(frozen=True, slots=True)
class Milestone:
    """What is to be seen from so many hours after the chart clock on. ``teaser`` announces it."""

    hours: int
    teaser: str
    seen: str


@dataclass(frozen=True, slots=True)
class Guide:
    """What was to be seen ``since`` hours ago, at the last milestone (0: now); ``next`` is what comes in
    ``hours`` (``None``: the course has ended).
    """

    now: str
    since: int
    next: str | None
    hours: int


MILESTONES: tuple[Milestone, ...] = (
    Milestone(0, "", "The day after the infusion, and nothing to grade: no fever, ICE 10. CRS 0, ICANS 0."),
    Milestone(
        12,
        "the first fever",
        "38.9 °C: CRS grade 1. Nothing else is wrong, so the cards ask for cultures and antibiotics.",
    ),
    Milestone(
        24,
        "the blood pressure falls",
        "86/48 and oxygen at 2 L/min by nasal cannula: CRS grade 2. A first litre of fluid is running in.",
    ),
    Milestone(
        36,
        "norepinephrine, and tocilizumab",
        "Norepinephrine runs: CRS grade 3. Tocilizumab was given four hours ago; the card counts the doses.",
    ),
    Milestone(
        48,
        "what tocilizumab hides",
        "No fever since tocilizumab, but norepinephrine still runs: CRS stays grade 3. A masked fever is no"
        " recovery.",
    ),
    Milestone(
        60,
        "CRS settles",
        "CRS 0: norepinephrine has been off for ten hours, and the patient breathes room air.",
    ),
    Milestone(
        72,
        "the words fail",
        "ICE 8: ICANS grade 1, while CRS is over. Launch the ICE form from the card and take your own.",
    ),
    Milestone(
        84,
        "dexamethasone",
        "ICE 5: ICANS grade 2. Dexamethasone 10 mg has been started.",
    ),
    Milestone(
        96,
        "ICANS at its worst",
        "ICE 2 and awake only to voice: ICANS grade 3. Dexamethasone goes on in intensive care.",
    ),
    Milestone(120, "the first better ICE", "ICE 6: ICANS grade 2, and falling."),
    Milestone(144, "the taper", "ICE 9: ICANS grade 1. The steroid is being tapered."),
    Milestone(168, "recovery", "ICE 10: ICANS grade 0. The last small doses of dexamethasone."),
    Milestone(
        192, "the end of the course", "Day 9: CRS 0, ICANS 0. The last dexamethasone was given 16 h ago."
    ),
)


def played_record() -> Record:
    """Write the record, future included."""
    record = Record(
        "Demo-Amsel", "Ada", "female", date(1971, 6, 11), "Relapsed diffuse large B-cell lymphoma"
    )
    record.infuse_cart(1, "XW033H7", "axicabtagene ciloleucel")
    for ago in ("2d", "+16h", "+64h", "+112h", "+160h"):
        record.weigh(ago, 75)
    record.chart_vitals(
        """
        ago  temp bp     hr  spo2 oxygen
        2d   36.8 124/74 76  98   room-air
        +5h  37.6 122/72 88  97   room-air
        +9h  38.9 116/68 104 95   room-air
        +17h 39.4 104/60 112 94   room-air
        +21h 39.6 86/48  122 91   nasal-cannula@2
        +25h 39.5 88/50  124 92   nasal-cannula@3
        +29h 39.3 98/54  118 93   nasal-cannula@3
        +33h 38.2 102/58 108 94   nasal-cannula@2
        +37h 37.2 106/60 98  95   nasal-cannula@2
        +49h 37.0 112/64 90  95   nasal-cannula@1
        +53h 36.9 116/68 86  96   room-air
        +69h 36.8 120/70 82  97   room-air
        """,
        until="+197h",
    )
    record.give("+22h", "saline", quantity(500, "mL"), minutes=30)
    record.give("+23h30m", "saline", quantity(500, "mL"), minutes=45)
    record.run("norepinephrine", 0.08, "ug/kg/min", "+27h", "+38h")
    record.run("norepinephrine", 0.04, "ug/kg/min", "+38h", "+50h")
    record.give("+32h", "tocilizumab", quantity(600, "mg"), minutes=60)
    record.chart_neuro(
        """
        ago  ice arousal          seizure motor icp
        2d   10  alert            none    none  none
        +70h 8   alert            none    none  none
        +78h 5   alert            none    none  none
        +94h 2   awakens-to-voice none    none  none
        +110h 4  alert            none    none  none
        +118h 6  alert            none    none  none
        +134h 8  alert            none    none  none
        +142h 9  alert            none    none  none
        +158h 10 alert            none    none  none
        """,
        until="+198h",
    )
    for hours in (*range(80, 122, 6), *range(128, 145, 8)):
        record.give(f"+{hours}h", "dexamethasone", quantity(10, "mg"))
    for hours in (152, 164, 176):
        record.give(f"+{hours}h", "dexamethasone", quantity(4, "mg"))
    record.give("+80h", "levetiracetam", quantity(500, "mg"), route="oral")
    record.chart_labs("""
        ago   ferritin crp ldh anc platelets fibrinogen creatinine sodium
        2d    340      9   260 1.3 130       360        0.8        139
        2h    420      18  262 0.8 104       350        0.8        138
        +10h  1100     82  290 0.3 88        340        0.8        137
        +34h  5200     170 410 0.2 52        280        1.2        135
        +58h  4100     90  380 0.2 44        260        1.0        137
        +82h  2600     38  330 0.3 46        270        0.9        138
        +106h 1700     20  300 0.4 50        290        0.8        138
        +154h 900      8   270 0.7 66        320        0.8        139
        +190h 640      6   255 1.1 90        340        0.8        139
    """)
    return record


def load_played_patient(now: datetime) -> SamplePatient:
    """The patient with the chart clock moved to ``now`` (aware): the course begins there."""
    record = played_record()
    return SamplePatient(
        id=record.id,
        name=record.name,
        story=_STORY,
        bundle=moved_bundle(record.bundle(), now),
        expected=Expected(because="played: see the tests of the course", day=1),
    )


def guide_at(milestones: Sequence[Milestone], ahead: timedelta) -> Guide | None:
    """What is to be seen when the clock stands ``ahead`` of the beginning; ``None`` without milestones."""
    if not milestones:
        return None
    hours = ahead / timedelta(hours=1)
    past = [one for one in milestones if one.hours <= hours]
    coming = [one for one in milestones if one.hours > hours]
    last = past[-1] if past else milestones[0]
    since = max(0, int(hours - last.hours))
    if not coming:
        return Guide(last.seen, since, None, 0)
    return Guide(last.seen, since, coming[0].teaser, ceil(coming[0].hours - hours))
