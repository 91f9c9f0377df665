"""What the maps say, as FHIR R4 artefacts: our CodeSystem, a ValueSet and ConceptMap for each group, and the
bedside questionnaires.

All are made from the tables, so that what is published is what is used. A code that was looked at and is
not used stands in its ConceptMap as ``unmatched``, with the reason. A text of a map is a code of the
CodeSystem ``charted-text``, which has no content of its own. Descriptors of licensed code systems are not
published.

Deliberately absent: a site's own maps (they are the site's).
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import metadata, resources
from typing import Any

from fhir_maps.questionnaires import questionnaire_ids, questionnaire_resource
from fhir_maps.terminology import MapRow, Terminology, fold_text, load_terminology

CANONICAL = "https://cart-toxicity-cds.github.io/fhir"
ASSESSMENT_ID = "immune-effector-cell-assessment"
ASSESSMENT_SYSTEM = f"{CANONICAL}/CodeSystem/{ASSESSMENT_ID}"
CHARTED_TEXT_ID = "charted-text"
CHARTED_TEXT_SYSTEM = f"{CANONICAL}/CodeSystem/{CHARTED_TEXT_ID}"
UCUM = "http://unitsofmeasure.org"
# Concepts of the unit maps are UCUM codes and need no CodeSystem of ours.
_UNIT_GROUP = "unit"

Resource = dict[str, Any]


def artefact(kind: str, artefact_id: str) -> Resource | None:
    """Return the artefact of a resource type and id, or ``None``. The caller must not change it."""
    return _shipped().get((kind, artefact_id))


def artefact_ids() -> tuple[tuple[str, str], ...]:
    """All ``(resource type, id)`` that :func:`artefact` knows."""
    return tuple(_shipped())


def make_artefacts(terminology: Terminology) -> Iterator[Resource]:
    """Make all artefacts of a set of maps."""
    yield _assessment_codes()
    yield _charted_text()
    for questionnaire_id in questionnaire_ids():
        yield {**questionnaire_resource(questionnaire_id), "version": metadata.version("cart-toxicity-cds")}
    groups: dict[str, list[MapRow]] = {}
    for row in terminology.rows:
        groups.setdefault(row.group, []).append(row)
    for group, rows in sorted(groups.items()):
        name = group.replace("_", "-")
        if group != _UNIT_GROUP:
            yield _concepts(name, rows)
        if any(row.code and not row.deliberately_unused for row in rows):
            yield _value_set(name, rows)
        yield _concept_map(name, rows)


@cache
def _shipped() -> Mapping[tuple[str, str], Resource]:
    made = make_artefacts(load_terminology())
    return {(resource["resourceType"], resource["id"]): resource for resource in made}


def _head(kind: str, artefact_id: str, title: str, description: str) -> Resource:
    return {
        "resourceType": kind,
        "id": artefact_id,
        "url": f"{CANONICAL}/{kind}/{artefact_id}",
        "version": metadata.version("cart-toxicity-cds"),
        "name": "".join(part.capitalize() for part in artefact_id.split("-")),
        "title": title,
        "status": "draft",
        "experimental": False,
        "publisher": "cart-toxicity-cds",
        "description": description,
    }


def _assessment_codes() -> Resource:
    rows = _table("assessment_codes.toml")["code"]
    description = (
        "Codes for the assessment of CRS and ICANS after immune effector cell therapy for which no standard "
        "code was found. Each is an Observation or component code, an answer, or a Procedure code."
    )
    return _head("CodeSystem", ASSESSMENT_ID, "Immune effector cell assessment", description) | {
        "caseSensitive": True,
        "content": "complete",
        "count": len(rows),
        "property": [
            {
                "code": "kind",
                "description": "Where the code is used: question, answer or procedure",
                "type": "string",
            }
        ],
        "concept": [
            {
                "code": row["code"],
                "display": row["display"],
                "definition": row["definition"],
                "property": [{"code": "kind", "valueString": row["kind"]}],
            }
            for row in rows
        ],
    }


def _charted_text() -> Resource:
    description = (
        "Texts as charted, compared after folding case, blanks, underscores and dashes. "
        "The texts that are read stand in the ConceptMaps."
    )
    head = _head("CodeSystem", CHARTED_TEXT_ID, "Texts as charted", description)
    return head | {"caseSensitive": False, "content": "not-present"}


def _concepts(name: str, rows: Iterable[MapRow]) -> Resource:
    """The concepts that a group is mapped to."""
    used = dict.fromkeys(row.concept for row in rows if not row.deliberately_unused)
    description = f"The concepts that codes and texts of the group {name} are read as."
    head = _head("CodeSystem", f"{name}-concepts", f"Concepts of {name}", description)
    return head | {
        "caseSensitive": True,
        "content": "complete",
        "count": len(used),
        "concept": [
            {"code": concept, "display": concept.replace(":", ": ").replace("-", " ")} for concept in used
        ],
    }


def _value_set(name: str, rows: Iterable[MapRow]) -> Resource:
    """The codes of a group that are read."""
    by_system: dict[str, dict[str, None]] = {}
    for row in rows:
        if row.code and row.system and not row.deliberately_unused:
            by_system.setdefault(row.system, {})[row.code] = None
    head = _head("ValueSet", name, f"Codes read as {name}", f"Codes that are read in the group {name}.")
    include = [
        {"system": system, "concept": [{"code": code} for code in codes]}
        for system, codes in sorted(by_system.items())
    ]
    return head | _notice(by_system) | {"compose": {"include": include}}


def _concept_map(name: str, rows: Iterable[MapRow]) -> Resource:
    """What each code and text of a group is read as."""
    target = UCUM if name == _UNIT_GROUP else f"{CANONICAL}/CodeSystem/{name}-concepts"
    by_system: dict[str, dict[str, Resource]] = {}
    for row in rows:
        if row.code:
            by_system.setdefault(row.system, {})[row.code] = _element(row, row.code)
        if row.text:
            text = fold_text(row.text)
            by_system.setdefault(CHARTED_TEXT_SYSTEM, {})[text] = _element(row, text)
    head = _head(
        "ConceptMap", name, f"Map of {name}", f"What codes and texts of the group {name} are read as."
    )
    groups = [
        ({"source": system} if system else {}) | {"target": target, "element": list(elements.values())}
        for system, elements in sorted(by_system.items())
    ]
    return head | _notice(by_system) | {"group": groups}


def _element(row: MapRow, code: str) -> Resource:
    if row.deliberately_unused:
        return {"code": code, "target": [{"equivalence": "unmatched", "comment": row.reason}]}
    same = row.code == row.concept
    target: Resource = {"code": row.concept, "equivalence": "equivalent" if same else "wider"}
    if row.text:
        target["equivalence"] = "relatedto"
    if row.reason:
        target["comment"] = row.reason
    return {"code": code, "target": [target]}


@cache
def _notices() -> Mapping[str, str]:
    return {row["system"]: row["text"] for row in _table("licence_notices.toml")["notice"]}


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(resources.files("fhir_maps").joinpath("tables", name).read_text("utf-8"))


def _notice(systems: Iterable[str]) -> Resource:
    notices = _notices()
    held = [notices[system] for system in sorted(systems) if system in notices]
    return {"copyright": "\n\n".join(held)} if held else {}
