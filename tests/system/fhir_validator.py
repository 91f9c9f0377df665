"""HL7's FHIR R4 validator, offline, in one JVM for any number of resources.

    with FhirValidator.start(log_folder, artefacts=our_conformance_resources) as validator:
        assert validator([("card 1 draft order", order)]) == {"card 1 draft order": []}

Tests take the session's one validator from the fixture `validator` instead. The first resource takes some
6 seconds, each later one well under 0.1: hand over many at once or one by one, it is the same.

What it holds a resource against: the R4 structure, bindings, invariants and UCUM units; the profiles that
`meta.profile` names, where one that nobody loaded is an error; the vital signs profiles that R4 itself
implies by a LOINC code, named or not (category, subject, time and unit of a body temperature, a blood
pressure, a heart rate ...); and our own CodeSystems, ValueSets, StructureDefinitions and Questionnaires when
they are given as `artefacts`. Any extension is allowed. What it cannot check: LOINC, SNOMED CT, RxNorm and
ATC codes and their displays, which are not shipped, and references to other resources, which it does not
follow.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypedDict

from tests.system.hapi.jvm import Jvm

ANSWER_TIMEOUT_SECONDS = 180.0


class Issue(TypedDict):
    """`severity` is `fatal`, `error`, `warning` or `information`; `location` is a FHIRPath or None."""

    severity: str
    location: str | None
    message: str


class FhirValidator:
    """One running validator; a callable."""

    def __init__(self, jvm: Jvm) -> None:
        self._jvm = jvm

    @classmethod
    def start(cls, log_folder: Path, artefacts: Iterable[Mapping[str, Any]] = ()) -> Self:
        """Builds if need be and starts. `artefacts` are conformance resources with their canonical `url`."""
        folder = log_folder / "artefacts"
        folder.mkdir()
        for number, artefact in enumerate(artefacts):
            (folder / f"{number:04}.json").write_text(json.dumps(artefact), encoding="utf-8")
        return cls(Jvm.start("peer.Validate", str(folder), log=log_folder / "validator.log"))

    def __call__(self, resources: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, list[Issue]]:
        """The errors of each resource by the name it was given; an empty list is a valid resource.

        A Bundle is one resource, validated with its entries. Raises `ValueError` for a name given twice,
        which would hide a result, and `RuntimeError` when the validator itself fails.
        """
        return {
            name: [issue for issue in issues if issue["severity"] in {"error", "fatal"}]
            for name, issues in self.all_issues(resources).items()
        }

    def all_issues(self, resources: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, list[Issue]]:
        """As calling it, with warnings and information too."""
        found: dict[str, list[Issue]] = {}
        for name, resource in resources:
            if name in found:
                raise ValueError(f"two resources are named {name!r}")
            self._jvm.write_line(json.dumps({"name": name, "resource": resource}).encode())
            answer = json.loads(self._jvm.read_line(ANSWER_TIMEOUT_SECONDS))
            found[answer["name"]] = answer["issues"]
        return found

    def stop(self) -> None:
        self._jvm.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
