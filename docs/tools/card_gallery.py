"""Every kind of card as a picture: ``python -m docs.tools.card_gallery`` writes ``docs/cards/``.

Each scene asks the real service, as an EHR would, about a synthetic patient at a fixed moment; nothing is
made up for the picture. ``README.md`` lists the scenes. A picture carries the digest of the page it shows, so
that a test can tell a stale one. Without a Chromium the list is written and the lack is said.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from docs.tools.card_picture import card_page, digest_of, draw, find_browser, stamp, stamped_digest
from docs.tools.sample_card import ROOT, Wire
from ehr_sandbox.record import CHART_CLOCK

GALLERY = ROOT / "docs/cards"
Card = dict[str, Any]
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Scene:
    """One card worth a look: ``name`` is the file, ``caption`` what a reader should see in it."""

    name: str
    caption: str
    ask: Callable[[Wire], Sequence[Card]]
    topic: str


def _view(patient: str, *without: str) -> Callable[[Wire], Sequence[Card]]:
    """The cards of ``patient-view``; ``without`` names prefetch keys that the EHR does not send."""

    def ask(wire: Wire) -> Sequence[Card]:
        cards: Sequence[Card] = wire.view(patient, without=without)["cards"]
        return cards

    return ask


def _sign(patient: str, milligrams: int, drug: str = "tocilizumab") -> Callable[[Wire], Sequence[Card]]:
    """The cards of ``order-sign`` for one drafted dose."""

    def ask(wire: Wire) -> Sequence[Card]:
        draft = {
            "resourceType": "MedicationRequest",
            "id": "draft-1",
            "status": "draft",
            "intent": "order",
            "medicationCodeableConcept": {"text": drug},
            "subject": {"reference": f"Patient/{patient}"},
            "dosageInstruction": [
                {
                    "text": f"{milligrams} mg intravenous once",
                    "route": {"text": "intravenous"},
                    "doseAndRate": [{"doseQuantity": _quantity(milligrams, "mg")}],
                }
            ],
        }
        cards: Sequence[Card] = wire.sign(patient, draft)["cards"]
        return cards

    return ask


def _late(wire: Wire) -> Sequence[Card]:
    """The card of a patient 43 days after the infusion, with low neutrophils on two days."""
    subject = {"reference": "Patient/demo-late"}
    product = {"system": "http://www.cms.gov/Medicare/Coding/ICD10", "code": "XW033H7"}
    infusion = {
        "resourceType": "Procedure",
        "id": "infusion",
        "status": "completed",
        "subject": subject,
        "code": {"coding": [product]},
        "performedDateTime": (CHART_CLOCK - timedelta(days=43)).isoformat(),
    }
    counts = [
        {
            "resourceType": "Observation",
            "id": f"anc-{days}",
            "status": "final",
            "code": {"coding": [{"system": "http://loinc.org", "code": "751-8"}]},
            "subject": subject,
            "effectiveDateTime": (CHART_CLOCK - timedelta(days=days)).isoformat(),
            "valueQuantity": _quantity(count, "/uL"),
        }
        for days, count in ((4, 950), (1, 800))
    ]
    given = {"infusionProcedures": [infusion], "labs": counts}
    cards: Sequence[Card] = wire.view_record("demo-late", given)["cards"]
    return cards


def _quantity(value: int, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


SCENES = (
    Scene("monitoring", "Nothing met: one quiet card that says so", _view("demo-adler"), "monitoring"),
    Scene("crs-1", "CRS 1: fever alone, neutropenic", _view("demo-birke"), "crs"),
    Scene("crs-2", "CRS 2: low-flow oxygen, no ICU criterion", _view("demo-cedar"), "crs"),
    Scene("crs-3", "CRS 3: one vasopressor with vasopressin", _view("demo-dorn"), "crs"),
    Scene("crs-4", "CRS 4 after two doses of tocilizumab: third line", _view("demo-esche"), "crs"),
    Scene(
        "crs-3-later", "CRS 3 not lower 28 h after the first dose: a further one", _view("demo-heide"), "crs"
    ),
    Scene("crs-no-weight", "A dose withheld: the weight was not sent", _view("demo-linde", "weight"), "crs"),
    Scene("crs-attributed", "Fever and hypotension attributed elsewhere", _view("demo-iltis"), "crs"),
    Scene("crs-undecided", "No recent temperature: a range, never a grade", _view("demo-jasmin"), "crs"),
    Scene("crs-late", "First signs on day 20: ask before treating", _view("demo-otter"), "crs"),
    Scene("icans-1-child", "A child of six: CAPD in place of ICE", _view("demo-kiebitz"), "icans"),
    Scene("icans-2-isolated", "ICANS 2 without CRS: no tocilizumab", _view("demo-falke"), "icans"),
    Scene("icans-3", "ICANS 3 beside CRS 2", _view("demo-ginster"), "icans"),
    Scene("icans-undecided", "ICE 0, arousal not known: 3 to 4", _view("demo-nessel"), "icans"),
    Scene(
        "missing-data",
        "Part of the record was not sent",
        _view("demo-cedar", "bloodPressure", "medicationAdministrations"),
        "missing-data",
    ),
    Scene(
        "infusion-unknown",
        "Whether cells were infused is not known",
        _view("demo-cedar", "infusion", "medicationAdministrations", "procedures"),
        "infusion",
    ),
    Scene("late-effects", "Day 43: nothing is graded, low neutrophils are told", _late, "late-effects"),
    Scene(
        "order-over-maximum",
        "A drafted dose above the maximum, with the corrected draft",
        _sign("demo-esche", 960),
        "order-check",
    ),
    Scene(
        "order-isolated-icans",
        "Tocilizumab drafted in ICANS without CRS",
        _sign("demo-falke", 608),
        "order-check",
    ),
    Scene(
        "order-gm-csf",
        "GM-CSF drafted",
        _sign("demo-cedar", 1, "sargramostim"),
        "order-check",
    ),
)


def card_of(scene: Scene, wire: Wire) -> Card:
    """The card of a scene. Raises :class:`ValueError` when the service does not answer with it."""
    cards = scene.ask(wire)
    found = [card for card in cards if card["source"]["topic"]["code"] == scene.topic]
    if len(found) != 1:
        topics = ", ".join(card["source"]["topic"]["code"] for card in cards)
        raise ValueError(f"{scene.name}: no card on {scene.topic}, but on {topics or 'nothing'}")
    return found[0]


def picture_of(scene: Scene) -> Path:
    """Where the picture of a scene stands."""
    return GALLERY / f"{scene.name}.png"


def index() -> str:
    """The page that lists the pictures."""
    lines = [
        "# Every kind of card",
        "",
        "Drawn from the real service's answers for the synthetic patients of the demonstration"
        " (`make docs`; `cart-cds demo` shows them live). An EHR draws cards in its own style;"
        " what is fixed is the text, its order and its urgency.",
        "",
        "| Card | What to see |",
        "|---|---|",
        *(f"| [{scene.name}](#{scene.name}) | {scene.caption} |" for scene in SCENES),
    ]
    for scene in SCENES:
        lines += [
            "",
            f"## {scene.name}",
            "",
            f"{scene.caption}.",
            "",
            f"![{scene.caption}]({scene.name}.png)",
        ]
    return "\n".join(lines) + "\n"


def page_of(scene: Scene, wire: Wire) -> str:
    """The page that is drawn, without what is new in every answer."""
    return _UUID.sub("", card_page(card_of(scene, wire)))


def main() -> int:
    """Write the list, and those pictures whose cards have changed."""
    GALLERY.mkdir(exist_ok=True)
    (GALLERY / "README.md").write_text(index(), "utf-8")
    wire, browser = Wire(), find_browser()
    for scene in SCENES:
        page, picture = page_of(scene, wire), picture_of(scene)
        digest = digest_of(page)
        if picture.is_file() and stamped_digest(picture.read_bytes()) == digest:
            continue
        if browser is None:
            sys.stderr.write(f"{picture.name} is stale and there is no Chromium to draw it\n")
            continue
        picture.write_bytes(stamp(draw(page, browser), digest))
    for stale in GALLERY.glob("*.png"):
        if stale.stem not in {scene.name for scene in SCENES}:
            stale.unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
