"""Bad input: every request ends in a clear 4xx or in gaps, never in a 500, and the next one is answered."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.cds_service.samples import (
    EXTENSION,
    OWN,
    PATIENT,
    SERVICE,
    Resource,
    bundle,
    crs_3,
    failed,
    hours_ago,
    observation,
    quantity,
)

RequestFor = Callable[..., dict[str, Any]]
Path = tuple[str | int, ...]
PARSE_LATER = "@@raw@@"
WRONG = (None, "wrong", 5, [], {"a": []}, [["deep"]])


def every_type() -> list[Resource]:
    """One resource of each type and shape that is read."""
    rate = {"numerator": {"value": 1, "unit": "mg"}, "denominator": {"value": 1, "unit": "h"}}
    medication = {
        "resourceType": "Medication",
        "id": "m",
        "ingredient": [{"itemCodeableConcept": {"text": "x"}}],
    }
    panel = observation("85354-9", 1) | {
        "component": [
            {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, **quantity(90, "mm[Hg]")}
        ]
    }
    return [
        *crs_3(),
        panel,
        observation("2276-4", 5, **quantity(900, "ng/mL"))
        | {"referenceRange": [{"high": {"value": 300}}], "note": [{"text": "n"}]},
        observation(
            "attributed-elsewhere", 5, system=OWN, valueCodeableConcept={"coding": [{"code": "fever"}]}
        ),
        {
            "resourceType": "MedicationAdministration",
            "id": "toci",
            "status": "completed",
            "subject": PATIENT,
            "medicationReference": {"reference": "#m"},
            "contained": [medication],
            "request": {"reference": "MedicationRequest/r"},
            "effectiveDateTime": hours_ago(6),
            "dosage": {
                "text": "t",
                "route": {"text": "iv"},
                "method": {"text": "given"},
                "dose": {"value": 500, "unit": "mg"},
                "rateRatio": rate,
            },
        },
        {
            "resourceType": "MedicationRequest",
            "id": "r",
            "status": "active",
            "intent": "order",
            "subject": PATIENT,
            "medicationCodeableConcept": {"text": "tocilizumab"},
            "authoredOn": hours_ago(7),
            "dosageInstruction": [{"route": {"text": "iv"}, "doseAndRate": [{"doseQuantity": {"value": 1}}]}],
        },
        {
            "resourceType": "Condition",
            "id": "c",
            "subject": PATIENT,
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "D89.831"}]},
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "verificationStatus": {"coding": [{"code": "confirmed"}]},
            "onsetDateTime": hours_ago(9),
            "recordedDate": hours_ago(9),
        },
        {
            "resourceType": "DiagnosticReport",
            "id": "d",
            "status": "final",
            "subject": PATIENT,
            "code": {"text": "MRI"},
            "category": [{"coding": [{"code": "RAD"}]}],
            "effectiveDateTime": hours_ago(4),
            "conclusion": "x",
        },
    ]


@pytest.fixture(scope="module")
def valid(request_for: RequestFor) -> dict[str, Any]:
    return request_for(every_type())


@pytest.fixture(scope="module")
def small(request_for: RequestFor) -> dict[str, Any]:
    """The least that is graded: quick enough to be sent thousands of times."""
    request = request_for(crs_3())
    kept = ("patient", "infusionProcedures", "infusionProducts", "temperature", "medicationAdministrations")
    return request | {"prefetch": {key: request["prefetch"][key] for key in kept}}


@pytest.fixture(autouse=True)
def _the_next_request_is_answered(client: TestClient, request_for: RequestFor) -> Iterator[None]:
    yield
    answer = client.post(SERVICE, json=request_for(crs_3()))
    assert answer.json()["extension"][EXTENSION]["crs"]["grade"] == 3


def send(client: TestClient, request: Any, raw: str = "0") -> httpx.Response:
    """POST; the word of ``PARSE_LATER`` is replaced by ``raw``, which no Python value could express."""
    body = json.dumps(request).replace(json.dumps(PARSE_LATER), raw)
    answer = client.post(
        SERVICE, content=body.encode("utf-8", "surrogatepass"), headers={"content-type": "application/json"}
    )
    assert_clear(answer)
    return answer


def assert_clear(answer: httpx.Response) -> None:
    body = answer.json()
    assert "Traceback" not in answer.text
    if answer.status_code == 200:
        assert isinstance(body["cards"], list)
        return
    assert answer.status_code in (400, 412, 413), answer.text
    assert body["resourceType"] == "OperationOutcome"


def paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, member in value.items():
            yield from paths(member, (*path, name))
    elif isinstance(value, list):
        for number, member in enumerate(value[:1]):
            yield from paths(member, (*path, number))


def replaced(request: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(request)
    holder: Any = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    return changed


def bundle_of(resource: Resource) -> Resource:
    return bundle(copy.deepcopy(resource))


@pytest.mark.parametrize(
    "kind", sorted({(item["resourceType"], item.get("id", "")) for item in every_type()})
)
def test_a_wrong_type_in_any_field_of_a_resource_is_a_gap_or_a_clear_refusal(
    client: TestClient, small: dict[str, Any], kind: tuple[str, str]
) -> None:
    resource = next(item for item in every_type() if (item["resourceType"], item.get("id", "")) == kind)
    key = {
        "Patient": "patient",
        "Procedure": "infusionProcedures",
        "MedicationAdministration": "medicationAdministrations",
        "MedicationRequest": "medicationRequests",
        "Condition": "conditions",
        "DiagnosticReport": "reports",
    }.get(kind[0], "temperature")
    for path in paths(resource):
        for wrong in WRONG:
            broken = replaced(resource, path, wrong)
            held = broken if key == "patient" else bundle_of(broken)
            send(client, small | {"prefetch": small["prefetch"] | {key: held}})


def test_a_wrong_type_in_any_member_of_the_request_is_a_clear_refusal(
    client: TestClient, small: dict[str, Any]
) -> None:
    grant = {"access_token": "t", "token_type": "Bearer", "expires_in": 1, "scope": "x", "patient": "p1"}
    request = small | {"fhirServer": "https://not-allowed.example", "fhirAuthorization": grant}
    for path in paths(request):
        if "resource" not in path:  # those are the test above
            for wrong in WRONG:
                send(client, replaced(request, path, wrong))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"null",
        b"[]",
        b"5",
        b'"text"',
        b"{}",
        b"\xff\xfe{}",
        b"\xef\xbb\xbf{}",
        b'{"hook": "patient-view",}',
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"hook":"\xff"}',
        b'{"hook": NaN}',
    ],
)
def test_a_body_that_is_no_request_is_400(client: TestClient, body: bytes) -> None:
    answer = client.post(SERVICE, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert_clear(answer)


def test_a_refusal_does_not_echo_what_was_sent(client: TestClient) -> None:
    secret = "Mrs Doe"  # noqa: S105 - a name
    for body in (
        {"hook": secret},
        {"hook": "patient-view", "hookInstance": "1", "context": {"patientId": secret}},
        {"hook": "patient-view", "hookInstance": "1", "context": {"patientId": {secret: secret}}},
        {"hook": "patient-view", "hookInstance": "1", "context": secret},
        {"hook": "patient-view", "hookInstance": "1", "context": {"patientId": "1"}, "prefetch": secret},
    ):
        answer = client.post(SERVICE, json=body)
        assert answer.status_code == 400 and secret not in answer.text


DEEP = "[" * 10_000 + "]" * 10_000
HOSTILE_JSON = (
    "NaN",
    "Infinity",
    "1e400",
    "-1e400",
    "1e-400",
    "9" * 400,
    DEEP,
    '"\\ud800"',
    "tru",
    '"' + "x" * 2_000_000 + '"',
)


@pytest.mark.parametrize("raw", HOSTILE_JSON, ids=lambda raw: raw[:12])
@pytest.mark.parametrize(
    "members",
    [
        {"valueQuantity": {"value": PARSE_LATER, "unit": "Cel", "code": "Cel"}},
        {"effectiveDateTime": PARSE_LATER},
        {"code": {"text": PARSE_LATER}},
        {"id": PARSE_LATER},
        {"valueInteger": PARSE_LATER},
        {"note": PARSE_LATER},
    ],
    ids=lambda members: next(iter(members)),
)
def test_what_json_can_say_and_no_record_means_is_survived(
    client: TestClient, valid: dict[str, Any], members: dict[str, Any], raw: str
) -> None:
    held = bundle(observation("8310-5", 1, **quantity(38.6, "Cel")) | members)
    send(client, valid | {"prefetch": valid["prefetch"] | {"temperature": held}}, raw)


@pytest.mark.parametrize(
    "time",
    [
        "0001-01-01T00:00:00+14:00",
        "0001-01-01",
        "9999-12-31T23:59:59-14:00",
        "10000-01-01T00:00:00Z",
        "2026-03-04T07:00:00",
        "2026-03-04",
        "2026-13-45T99:99:99Z",
        "2026-03-04T07:00:00+99:99",
        "٢٠٢٦-٠٣-٠٤T07:00:00Z",
        "x" * 2_000_000,
        "",
    ],
    ids=lambda time: time[:30],
)
def test_a_time_that_is_none_is_never_graded_as_now(
    client: TestClient, valid: dict[str, Any], time: str
) -> None:
    fever = observation("8310-5", 1, **quantity(39.9, "Cel")) | {"effectiveDateTime": time}
    answer = send(client, valid | {"prefetch": valid["prefetch"] | {"temperature": bundle(fever)}})
    found = answer.json()["extension"][EXTENSION]
    assert "temperatureCelsius" not in found.get("inputs", {})
    procedure = copy.deepcopy(valid["prefetch"]["infusionProcedures"])
    procedure["entry"][0]["resource"]["performedDateTime"] = time
    prefetch = valid["prefetch"] | {"infusionProcedures": procedure, "procedures": procedure}
    answer = send(client, valid | {"prefetch": prefetch})
    if answer.json()["cards"] and time != "2026-03-04":  # a day alone does date an infusion
        assert "at" not in answer.json()["extension"][EXTENSION].get("infusion", {})


@pytest.mark.parametrize(
    "value", [bundle(), failed(), None, "text", [], 5, {"resourceType": "Bundle", "entry": 5}]
)
def test_every_key_with_the_same_odd_value_is_answered(
    client: TestClient, valid: dict[str, Any], value: Any
) -> None:
    send(client, valid | {"prefetch": dict.fromkeys(valid["prefetch"], value)})


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(
        ["2026-03-04T07:00:00Z", "Patient/p1", "Bundle", "Observation", "OperationOutcome", "completed"]
    ),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(["resourceType", "entry", "resource", "code", "value", "x"]), children, max_size=3
        )
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_mutation_of_a_valid_request_is_a_500(
    client: TestClient, valid: dict[str, Any], data: st.DataObject
) -> None:
    changed = copy.deepcopy(valid)
    for _ in range(data.draw(st.integers(1, 3))):
        holder: Any = changed
        while True:
            steps = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            if not steps:
                break
            step = data.draw(st.sampled_from(steps))
            if isinstance(holder[step], dict | list) and data.draw(st.integers(0, 4)):
                holder = holder[step]
                continue
            if data.draw(st.booleans()):
                holder[step] = data.draw(junk)
            else:
                del holder[step]
            break
    send(client, changed)
