"""Media types of the FHIR endpoint: which body is taken, and under which name JSON is answered."""

FHIR_JSON = "application/fhir+json"
# In the order of our liking; the second is the name of DSTU2, which some browser clients still ask for.
_JSON_TYPES = (FHIR_JSON, "application/json+fhir", "application/json")
FORM = "application/x-www-form-urlencoded"


def is_json(content_type: str) -> bool:
    """Whether a body of that type is taken as JSON."""
    return _name(content_type) in _JSON_TYPES


def is_form(content_type: str) -> bool:
    """Whether a body of that type is a search form."""
    return _name(content_type) == FORM


def answer_type(accept: str | None) -> str | None:
    """Return the type of the answer for an ``Accept`` header; ``None`` where no JSON is accepted."""
    wanted: dict[str, float] = {}
    for part in (accept or "*/*").split(","):
        name = _name(part)
        wanted[name] = max(_weight(part), wanted.get(name, 0.0))
    liked = [(weight, name) for name, weight in wanted.items() if weight > 0]
    ours = [(weight, -_JSON_TYPES.index(name), name) for weight, name in liked if name in _JSON_TYPES]
    if ours:
        return max(ours)[2]
    if not any(name in ("*/*", "application/*", "") for _, name in liked):
        return None
    # A browser that shows an address: plain JSON is shown, the FHIR type is saved as a file.
    return "application/json" if "text/html" in wanted else FHIR_JSON


def _name(text: str) -> str:
    return text.partition(";")[0].strip().lower()


def _weight(part: str) -> float:
    for parameter in part.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
