"""Transactions and batches: a Bundle of creates, updates, reads and searches at once.

A transaction happens as a whole or not at all; a batch answers for each entry by itself. Creates come first,
then updates, then reads, as the standard says, and the answers stand in the order of the entries. References
to ``urn:uuid:`` entries become references to what was created of them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ehr_sandbox.door import AccessRefusedError
from ehr_sandbox.interactions import Interactions, Reply
from ehr_sandbox.record import Resource
from ehr_sandbox.refusal import RefusedError, access_refused, outcome

_ORDER = {"POST": 0, "PUT": 1, "GET": 2}


@dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    method: str
    url: str
    name: str | None  # urn:uuid by which other entries refer to it
    resource: object
    if_none_exist: str | None
    if_match: str | None


def process_bundle(interactions: Interactions, body: object, *, represent: bool) -> Resource:
    """Do what the entries ask for and return the response Bundle.

    ``represent`` says whether saved resources are repeated in it. Raises :class:`RefusedError` and
    :class:`AccessRefusedError` for a Bundle that is none, and for a transaction of which nothing was done.
    """
    if not isinstance(body, dict) or body.get("resourceType") != "Bundle":
        raise RefusedError(400, "structure", "the body is not a Bundle")
    kind = body.get("type")
    if kind not in ("transaction", "batch"):
        raise RefusedError(400, "not-supported", "a Bundle of type transaction or batch is taken here")
    sent = body.get("entry", [])
    if not isinstance(sent, list):
        raise RefusedError(400, "structure", "entry is not a list")
    if kind == "batch":
        answers = {
            number: _answer_alone(interactions, number, one, represent) for number, one in enumerate(sent)
        }
    else:
        with interactions.shelf.atomic():
            answers = _transact(interactions, [_read_entry(*one) for one in enumerate(sent)], represent)
    bundle: Resource = {"resourceType": "Bundle", "type": f"{kind}-response"}
    if answers:
        bundle["entry"] = [answers[number] for number in sorted(answers)]
    return bundle


def _transact(interactions: Interactions, entries: Sequence[_Entry], represent: bool) -> dict[int, Resource]:
    answers: dict[int, Resource] = {}
    created: dict[str, str] = {}
    waiting = sorted(entries, key=lambda entry: _ORDER[entry.method])
    names = {entry.name for entry in entries if entry.name is not None and entry.method == "POST"}
    while waiting:
        # The first whose references are all known; an entry may refer to a later one.
        ready = next(
            (one for one in waiting if not (_references(one.resource) & names) - created.keys()), None
        )
        if ready is None:
            raise RefusedError(422, "business-rule", "the entries refer to each other in a circle")
        waiting.remove(ready)
        try:
            reply = _do(interactions, ready, _linked(ready.resource, created))
        except RefusedError as error:
            raise RefusedError(error.status, error.code, f"entry {ready.number + 1}: {error.text}") from None
        if ready.name is not None and reply.saved:
            created[ready.name] = f"{reply.resource['resourceType']}/{reply.resource['id']}"
        answers[ready.number] = _response(reply, represent)
    return answers


def _answer_alone(interactions: Interactions, number: int, sent: object, represent: bool) -> Resource:
    try:
        entry = _read_entry(number, sent)
        return _response(_do(interactions, entry, entry.resource), represent)
    except RefusedError as error:
        refused = error
    except AccessRefusedError as error:
        refused = access_refused(error)
    return {"response": {"status": _status(refused.status), "outcome": outcome(refused.code, refused.text)}}


def _read_entry(number: int, sent: object) -> _Entry:
    request = sent.get("request") if isinstance(sent, dict) else None
    if not isinstance(sent, dict) or not isinstance(request, dict):
        raise RefusedError(400, "structure", f"entry {number + 1} has no request")
    texts = {name: request.get(name) for name in ("method", "url", "ifNoneExist", "ifMatch")}
    texts["fullUrl"] = sent.get("fullUrl")
    for element, text in texts.items():
        if not isinstance(text, str) and (text is not None or element in ("method", "url")):
            raise RefusedError(400, "structure", f"entry {number + 1}: {element} is not a string")
    if texts["method"] not in _ORDER:
        raise RefusedError(405, "not-supported", f"entry {number + 1}: this method is not supported")
    name = texts["fullUrl"]
    return _Entry(
        number,
        str(texts["method"]),
        str(texts["url"]),
        name if name is not None and name.startswith("urn:") else None,
        sent.get("resource"),
        texts["ifNoneExist"],
        texts["ifMatch"],
    )


def _do(interactions: Interactions, entry: _Entry, resource: object) -> Reply:
    try:
        url = urlsplit(entry.url.removeprefix(f"{interactions.base}/"))
    except ValueError:
        raise RefusedError(400, "value", "the url of the request is none") from None
    parts = url.path.split("/")
    match entry.method, parts:
        case "POST", [kind] if not url.query:
            return interactions.create(kind, resource, entry.if_none_exist)
        case "PUT", [kind, id_] if not url.query:
            return interactions.update(kind, id_, resource, entry.if_match)
        case "GET", [kind, id_]:
            return interactions.read(kind, id_)
        case "GET", [kind]:
            return interactions.search(kind, parse_qsl(url.query, keep_blank_values=True))
    raise RefusedError(400, "not-supported", "this url is not supported in a Bundle")


def _references(value: object) -> set[str]:
    if isinstance(value, list):
        return {name for one in value for name in _references(one)}
    if isinstance(value, dict):
        own = value.get("reference")
        return (
            {own} if isinstance(own, str) else {name for one in value.values() for name in _references(one)}
        )
    return set()


def _linked(value: Any, created: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_linked(one, created) for one in value]
    if isinstance(value, dict):
        return {
            name: created.get(one, one)
            if name == "reference" and isinstance(one, str)
            else _linked(one, created)
            for name, one in value.items()
        }
    return value


def _response(reply: Reply, represent: bool) -> Resource:
    resource = reply.resource
    answer: Resource = {"status": _status(reply.status)}
    if reply.saved:
        version = resource["meta"]["versionId"]
        answer["location"] = f"{resource['resourceType']}/{resource['id']}/_history/{version}"
        answer["etag"] = f'W/"{version}"'
        answer["lastModified"] = resource["meta"]["lastUpdated"]
    if reply.saved and not represent:
        return {"response": answer}
    return {"resource": resource, "response": answer}


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:  # a fault on demand may be any number
        return str(status)
