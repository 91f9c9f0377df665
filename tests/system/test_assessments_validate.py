"""What the form of ICE and CAPD writes passes HL7's validator, with our own codes known."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

from fhir_maps.ice_observation import Answer, BedsideAssessment, write_assessment
from fhir_maps.questionnaires import bedside_questionnaire
from tests.system.fhir_validator import FhirValidator

AT = datetime(2026, 3, 4, 9, 0, tzinfo=timezone(timedelta(hours=1)))
ICE = bedside_questionnaire("ice-assessment")
CAPD = bedside_questionnaire("capd-assessment")
FORM = "7d9f2c1e-0a3b-4c5d-8e6f-9a0b1c2d3e4f"


def write(assessment: BedsideAssessment, **members: Any) -> dict[str, Any]:
    known = {"patient_id": "p1", "encounter_id": "e1", "performer": "Practitioner/7", "entered_at": AT}
    return write_assessment(assessment, **known | members)


def test_every_answer_of_the_form_is_valid_as_it_is_written(validator: FhirValidator) -> None:
    full = BedsideAssessment(
        "ice-assessment", FORM, AT, {item.link_id: Answer(item.highest) for item in ICE.items}
    )
    said = {"interpreter": "Not needed", "sentence": "The sky is blue", "note": "Two\nlines"}
    written = {
        "all right": write(full),
        "with notes": write(replace(full, context=said, sedated=False)),
        "corrected": write(full, corrects={"id": "o1", "meta": {"versionId": "1"}}),
        "nobody": write(full, encounter_id=None, performer=None),
        "capd": write(BedsideAssessment("capd-assessment", FORM, AT, total=Answer(9))),
    }
    for question in ICE.findings:
        for option in question.options:
            found = replace(full, findings={question.link_id: str(option.value)})
            written[f"{question.link_id} {option.value}"] = write(found)
    for option in ICE.items[0].parts["reason"].options:
        untested = {item.link_id: Answer(reason=str(option.value), words="so") for item in ICE.items}
        written[f"not tested: {option.value}"] = write(replace(full, items=untested))
    for option in CAPD.total.parts["reason"].options:
        answer = Answer(reason=str(option.value))
        written[f"capd: {option.value}"] = write(BedsideAssessment("capd-assessment", FORM, AT, total=answer))
    errors = {name: issues for name, issues in validator(written.items()).items() if issues}
    assert not errors
