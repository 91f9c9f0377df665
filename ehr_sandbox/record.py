"""Write one synthetic patient's record as FHIR R4, the way a ward's EHR would hold it.

A course is told in hours before the *chart clock*, the instant at which the story stands still; one that is
to be played goes on after it (``+8h``). Tables of key moments are filled in between: a nurse charts every
four hours, and what was last said still holds. Small steady swings make the values look charted, never cross
a threshold that the story does not cross itself, and leave the newest round exactly as told.

Deliberately no validity checks here (the tests validate with ``fhir.resources`` and the HL7 validator), no
randomness, and no clock: the same course always writes the same bytes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any
from zlib import crc32

from ehr_sandbox import codes

CHART_CLOCK = datetime(2026, 3, 4, 10, 30, tzinfo=timezone(timedelta(hours=1)))
"""The instant at which every stored course stands still, or from which it is played.

Loading a course shifts it to the present.
"""

FULL_URL_BASE = "https://cart-toxicity-cds.github.io/sandbox/fhir"
RECORD_NUMBERS = "https://cart-toxicity-cds.github.io/sandbox/record-number"

Resource = dict[str, Any]

_AGO = re.compile(r"(\+)?(?:(\d+)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+)m)?")
_CELSIUS_SWING = (0.0, 0.1, -0.1, 0.0)
_PRESSURE_SWING = (0, 4, -2, 2)


def parse_ago(text: str) -> timedelta:
    """Read ``6d``, ``52h``, ``2d4h`` or ``30m``; ``+8h`` lies so long ahead and is negative.

    Raises :class:`ValueError` for anything else.
    """
    match = _AGO.fullmatch(text)
    if match is None or not any(match.groups()[1:]):
        raise ValueError(f"not a span of time: {text!r}")
    ahead, days, hours, minutes = match.groups()
    span = timedelta(days=int(days or 0), hours=float(hours or 0), minutes=int(minutes or 0))
    return -span if ahead else span


def read_table(table: str) -> Iterator[dict[str, str]]:
    """Read a blank-separated table with a heading; ``-`` means not charted and is left out."""
    lines = [line.split() for line in table.strip().splitlines()]
    for cells in lines[1:]:
        yield {name: cell for name, cell in zip(lines[0], cells, strict=True) if cell != "-"}


def quantity(value: float, unit: str, display: str | None = None) -> Resource:
    """Build a UCUM quantity. Whole numbers stay whole, as a monitor shows them."""
    number = int(value) if float(value).is_integer() else round(value, 3)
    return {"value": number, "unit": display or unit, "system": codes.UCUM, "code": unit}


def coded(system: str, code: str, text: str) -> Resource:
    """Build a CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}], "text": text}


class Record:
    """A patient's record under construction.

    ``offset_hours`` is the ward's offset from UTC. A CAR-T infusion lies whole days before the chart
    clock, so that the day number does not depend on the hour at which a demonstration is started.
    """

    def __init__(
        self,
        family: str,
        given: str,
        gender: str,
        born: date,
        diagnosis: str,
        *,
        offset_hours: float = 1,
    ) -> None:
        self.id = family.lower()
        self.name = family
        self._zone = timezone(timedelta(hours=offset_hours))
        self._entries: list[Resource] = []
        self._numbers: dict[str, int] = {}
        self._entries.append(
            {
                "resourceType": "Patient",
                "id": self.id,
                "meta": {"security": [codes.TEST_DATA]},
                "identifier": [
                    {
                        "type": {"coding": [codes.RECORD_NUMBER_TYPE]},
                        "system": RECORD_NUMBERS,
                        # Invented, and the same each time the record is written.
                        "value": f"{crc32(self.id.encode()) % 1_000_000:06}",
                    }
                ],
                "name": [{"family": family, "given": [given]}],
                "gender": gender,
                "birthDate": born.isoformat(),
            }
        )
        self.diagnose(diagnosis)

    def bundle(self) -> Resource:
        """Return the record as a collection Bundle."""
        return {
            "resourceType": "Bundle",
            "id": self.id,
            "meta": {"security": [codes.TEST_DATA]},
            "type": "collection",
            "timestamp": CHART_CLOCK.astimezone(self._zone).isoformat(),
            "entry": [
                {
                    "fullUrl": f"{FULL_URL_BASE}/{resource['resourceType']}/{resource['id']}",
                    "resource": resource,
                }
                for resource in self._entries
            ],
        }

    # -- the rounds ------------------------------------------------------------------------------------

    def chart_vitals(
        self, table: str, *, every_hours: float = 4, until: str = "30m", style: str = "plain"
    ) -> None:
        """Chart rounds from the first key moment on. Columns: ago, temp (°C), bp, hr, spo2, oxygen.

        ``oxygen`` is ``device`` or ``device@litres``; ``style`` is ``plain`` (every finding its own
        Observation, devices coded), ``text`` (device as a plain string) or ``under-flow`` (°F, and the
        device as a string inside the flow's Observation, which has no value on room air).
        """
        rows = [(parse_ago(row.pop("ago")), row) for row in read_table(table)]
        for number, ago in self._rounds(rows[0][0], every_hours, until):
            row = [told for since, told in rows if since >= ago][-1]
            at = self.at(ago)
            if "temp" in row:
                self._chart_temperature(at, float(row["temp"]) + _CELSIUS_SWING[number % 4], style)
            if "bp" in row:
                systolic, diastolic = (int(part) for part in row["bp"].split("/"))
                self._chart_pressure(at, systolic + _PRESSURE_SWING[number % 4], diastolic)
            if "hr" in row:
                self.observe(at, codes.HEART_RATE, quantity(float(row["hr"]), "/min"), short="hr")
            self._chart_oxygen(at, row, style)

    def chart_neuro(self, table: str, *, every_hours: float = 8, until: str = "1h30m") -> None:
        """Chart neurological rounds. Columns: ago, ice, arousal, seizure, motor, icp, capd (all but ago
        optional).
        """
        rows = [(parse_ago(row.pop("ago")), row) for row in read_table(table)]
        for _, ago in self._rounds(rows[0][0], every_hours, until):
            self.assess(ago, [told for since, told in rows if since >= ago][-1])

    def assess(self, ago: timedelta, findings: Mapping[str, str]) -> None:
        """Chart one neurological assessment in our own codes."""
        at = self.at(ago)
        if "ice" in findings:
            self.observe_own(at, "ice-total", "ICE score", {"valueInteger": int(findings["ice"])})
        if "capd" in findings:
            self.observe_own(at, "capd-total", "CAPD score", {"valueInteger": int(findings["capd"])})
        for column, code in (
            ("arousal", "consciousness"),
            ("seizure", "seizure"),
            ("motor", "motor"),
            ("icp", "raised-icp"),
        ):
            if column in findings:
                value = coded(codes.OWN, findings[column], findings[column].replace("-", " "))
                self.observe_own(at, code, code.replace("-", " "), {"valueCodeableConcept": value})

    def chart_labs(self, table: str) -> None:
        """Chart laboratory values at the moments told. Columns: ago and names of ``codes.LABS``."""
        for row in read_table(table):
            at = self.at(parse_ago(row.pop("ago")))
            for name, value in row.items():
                loinc, text, unit = codes.LABS[name]
                self.observe(
                    at,
                    coded(codes.LOINC, loinc, text),
                    quantity(float(value), unit),
                    short=name,
                    category="laboratory",
                )

    def weigh(self, ago: str, kilograms: float) -> None:
        """Chart a body weight."""
        self.observe(self.at(parse_ago(ago)), codes.WEIGHT, quantity(kilograms, "kg"), short="weight")

    # -- single statements -----------------------------------------------------------------------------

    def infuse_cart(self, days: int, procedure: str, product: str) -> None:
        """Record the CAR-T infusion as a Procedure by its ICD-10-PCS code, whole ``days`` before the
        chart clock.
        """
        start = self.at(timedelta(days=days))
        self.add(
            "Procedure",
            "cart",
            {
                "status": "completed",
                "code": coded(codes.ICD_10_PCS, procedure, f"{product} infusion"),
                "subject": self._subject,
                "performedPeriod": {
                    "start": start.isoformat(),
                    "end": (start + timedelta(minutes=25)).isoformat(),
                },
            },
        )

    def attribute(self, ago: str, what: str, cause: str) -> None:
        """Record a clinician's statement that a finding has another cause."""
        value = coded(codes.OWN, what, what)
        self.observe_own(
            self.at(parse_ago(ago)),
            "attributed-elsewhere",
            "attributed to another cause",
            {"valueCodeableConcept": value, "note": [{"text": cause}]},
        )

    def diagnose(self, text: str, ago: str | None = None) -> None:
        """Put a diagnosis on the problem list, in words (no code is claimed)."""
        resource: Resource = {
            "clinicalStatus": {"coding": [{"system": codes.CONDITION_CLINICAL, "code": "active"}]},
            "verificationStatus": {"coding": [{"system": codes.CONDITION_VERIFICATION, "code": "confirmed"}]},
            "category": [{"coding": [{"system": codes.CONDITION_CATEGORY, "code": "problem-list-item"}]}],
            "code": {"text": text},
            "subject": self._subject,
        }
        if ago is not None:
            resource["onsetDateTime"] = self.at(parse_ago(ago)).isoformat()
        self.add("Condition", "condition", resource)

    def report_imaging(self, ago: str, text: str, conclusion: str) -> None:
        """File an imaging report."""
        at = self.at(parse_ago(ago)).isoformat()
        self.add(
            "DiagnosticReport",
            "imaging",
            {
                "status": "final",
                "category": [{"coding": [{"system": codes.DIAGNOSTIC_SECTION, "code": "RAD"}]}],
                "code": {"text": text},
                "subject": self._subject,
                "effectiveDateTime": at,
                "issued": at,
                "conclusion": conclusion,
            },
        )

    # -- drugs -----------------------------------------------------------------------------------------

    def give(
        self, ago: str, drug: str, dose: Resource, *, minutes: int = 0, route: str = "intravenous"
    ) -> None:
        """Record a dose given once, as an instant or over ``minutes``."""
        start = self.at(parse_ago(ago))
        self.administer(
            codes.DRUGS[drug],
            drug,
            status="completed",
            start=start,
            end=start + timedelta(minutes=minutes) if minutes else None,
            dosage={"route": codes.ROUTES[route], "dose": dose},
        )

    def run(self, drug: str, rate: float, unit: str, since: str, until: str | None = None) -> None:
        """Record a continuous intravenous infusion as one resource; without ``until`` it is in progress."""
        self.administer(
            codes.DRUGS[drug],
            drug,
            status="in-progress" if until is None else "completed",
            start=self.at(parse_ago(since)),
            end=None if until is None else self.at(parse_ago(until)),
            dosage={"route": codes.ROUTES["intravenous"], "rateQuantity": quantity(rate, unit)},
        )

    def administer(
        self,
        medication: Resource,
        short: str,
        *,
        status: str,
        start: datetime,
        end: datetime | None = None,
        dosage: Resource | None = None,
        contained: Sequence[Resource] = (),
    ) -> None:
        """Record one MedicationAdministration. An open end of a running infusion is a Period without
        ``end``.
        """
        resource: Resource = {"contained": list(contained)} if contained else {}
        resource |= {"status": status}
        resource |= (
            medication if "medicationReference" in medication else {"medicationCodeableConcept": medication}
        )
        resource["subject"] = self._subject
        if end is not None:
            resource["effectivePeriod"] = {"start": start.isoformat(), "end": end.isoformat()}
        elif status == "in-progress":
            resource["effectivePeriod"] = {"start": start.isoformat()}
        else:
            resource["effectiveDateTime"] = start.isoformat()
        if dosage is not None:
            resource["dosage"] = dosage
        self.add("MedicationAdministration", short.split("-")[0], resource)

    # -- the floor -------------------------------------------------------------------------------------

    def at(self, ago: timedelta) -> datetime:
        """Return the instant so long before the chart clock, in the ward's offset."""
        return (CHART_CLOCK - ago).astimezone(self._zone)

    def add(self, kind: str, short: str, resource: Resource) -> None:
        """Append a resource with the next id of its kind."""
        number = self._numbers[short] = self._numbers.get(short, 0) + 1
        self._entries.append({"resourceType": kind, "id": f"{self.id}-{short}-{number}", **resource})

    def observe(
        self,
        at: datetime,
        code: Resource,
        value: Resource | None,
        *,
        short: str,
        category: str = "vital-signs",
        more: Resource | None = None,
    ) -> None:
        """Append an Observation with a quantity, or with the members of ``more``."""
        self.add(
            "Observation",
            short,
            {
                "status": "final",
                "category": [{"coding": [{"system": codes.OBSERVATION_CATEGORY, "code": category}]}],
                "code": code,
                "subject": self._subject,
                "effectiveDateTime": at.isoformat(),
                **({"valueQuantity": value} if value is not None else {}),
                **(more or {}),
            },
        )

    def observe_own(self, at: datetime, code: str, text: str, members: Resource) -> None:
        """Append an Observation in our own CodeSystem."""
        self.observe(at, coded(codes.OWN, code, text), None, short=code, category="exam", more=members)

    @property
    def _subject(self) -> Resource:
        return {"reference": f"Patient/{self.id}"}

    def _rounds(self, first: timedelta, every_hours: float, until: str) -> Iterator[tuple[int, timedelta]]:
        """Yield rounds oldest first, numbered back from the newest, so that the newest is told exactly."""
        newest, step = parse_ago(until), timedelta(hours=every_hours)
        for number in range(int((first - newest) / step), -1, -1):
            yield number, newest + number * step

    def _chart_temperature(self, at: datetime, celsius: float, style: str) -> None:
        if style == "under-flow":
            value = quantity(round(celsius * 9 / 5 + 32, 1), "[degF]", "°F")
        else:
            value = quantity(round(celsius, 1), "Cel", "°C")
        self.observe(at, codes.TEMPERATURE, value, short="temp")

    def _chart_pressure(self, at: datetime, systolic: int, diastolic: int) -> None:
        parts = [
            {"code": codes.SYSTOLIC, "valueQuantity": quantity(systolic, "mm[Hg]", "mmHg")},
            {"code": codes.DIASTOLIC, "valueQuantity": quantity(diastolic, "mm[Hg]", "mmHg")},
        ]
        self.observe(at, codes.BLOOD_PRESSURE, None, short="bp", more={"component": parts})

    def _chart_oxygen(self, at: datetime, row: Mapping[str, str], style: str) -> None:
        device, _, flow = row.get("oxygen", "").partition("@")
        if "spo2" in row:
            self.observe(at, codes.SATURATION, quantity(float(row["spo2"]), "%"), short="spo2")
        if not device:
            return
        concept = codes.DEVICES[device]
        litres = quantity(float(flow), "L/min") if flow else None
        if style == "under-flow":
            part = {"code": codes.OXYGEN_DEVICE, "valueString": concept["text"]}
            self.observe(at, codes.OXYGEN_FLOW, litres, short="o2-flow", more={"component": [part]})
            return
        named: Resource = (
            {"valueString": concept["text"]} if style == "text" else {"valueCodeableConcept": concept}
        )
        self.observe(at, codes.OXYGEN_DEVICE, None, short="o2-device", more=named)
        if litres is not None:
            self.observe(at, codes.OXYGEN_FLOW, litres, short="o2-flow")
