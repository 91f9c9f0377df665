"""The loader refuses a table that cannot be used, and says which row and why."""

import tomllib
from collections.abc import Callable
from importlib import resources
from typing import Any

import pytest

from grading.chart import Seizure
from grading.tables import FILES, TIERS, VERIFIABLE_TIERS, TableError, load_tables, shipped_tables

_FOLDER = resources.files("grading").joinpath("tables")
SHIPPED = {name: _FOLDER.joinpath(f"{name}.toml").read_text("utf-8") for name in FILES}
Document = dict[str, Any]


def _toml(document: Document) -> str:
    """Write tables of plain rows; the standard library only reads TOML."""
    lines = []
    for kind, rows in document.items():
        for row in rows:
            lines += [f"[[{kind}]]", *(f"{key} = {_value(value)}" for key, value in row.items())]
    return "\n".join(lines)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value)}]"
    return str(value) if isinstance(value, int) else f'"{value}"'


def _changed(file: str, change: Callable[[Document], Any]) -> dict[str, str]:
    document = tomllib.loads(SHIPPED[file])
    change(document)
    return {**SHIPPED, file: _toml(document)}


def _row(document: Document, kind: str, **key: Any) -> dict[str, Any]:
    (name, value), *_ = key.items()
    return next(row for row in document[kind] if row[name] == value)


def _without(kind: str, **key: Any) -> Callable[[Document], Any]:
    return lambda document: document[kind].remove(_row(document, kind, **key))


def _with(table: str, key: dict[str, Any], **changes: Any) -> Callable[[Document], Any]:
    return lambda document: _row(document, table, **key).update(changes)


def _lacking(kind: str, key: dict[str, Any], what: str) -> Callable[[Document], Any]:
    return lambda document: _row(document, kind, **key).pop(what)


def _repeated(kind: str, **key: Any) -> Callable[[Document], Any]:
    def repeat(document: Document) -> None:
        row = _row(document, kind, **key)
        document[kind].insert(document[kind].index(row), dict(row))

    return repeat


def _swapped(kind: str, one: dict[str, Any], other: dict[str, Any]) -> Callable[[Document], Any]:
    def swap(document: Document) -> None:
        rows = document[kind]
        first, second = (rows.index(_row(document, kind, **key)) for key in (one, other))
        rows[first], rows[second] = rows[second], rows[first]

    return swap


FAULTS = {
    "a level of an axis is missing": (
        "crs",
        lambda document: [_without("criterion", level=4)(document) for _ in range(1)],
        "axis hypotension: level 4 is missing",
    ),
    "a finding has no criterion": (
        "icans",
        _without("criterion", id="icans.motor.paraparesis"),
        "axis motor: finding 'paraparesis' is missing",
    ),
    "a criterion that grading names is missing": (
        "crs",
        _without("criterion", id="crs.hypoxia.flow-unknown"),
        "crs.hypoxia.flow-unknown is missing",
    ),
    "a criterion stands twice": (
        "crs",
        _repeated("criterion", id="crs.fever.present"),
        "crs.fever.present: stands twice",
    ),
    "levels of an axis do not rise": (
        "crs",
        _swapped("criterion", {"id": "crs.hypoxia.low-flow"}, {"id": "crs.hypoxia.ecmo"}),
        "stands after level 4",
    ),
    "a level that the axis does not have": (
        "crs",
        _with("criterion", {"id": "crs.fever.present"}, level=2),
        "crs.fever.present: level 2 does not exist on axis fever",
    ),
    "an axis that nobody knows": (
        "crs",
        _with("criterion", {"id": "crs.fever.present"}, axis="mood"),
        "unknown axis 'mood'",
    ),
    "a level that is a word": (
        "crs",
        _with("criterion", {"id": "crs.fever.present"}, level="one"),
        "level is no whole number",
    ),
    "a level that is true": (
        "crs",
        _with("criterion", {"id": "crs.fever.present"}, level=True),
        "level is no whole number",
    ),
    "no wording": (
        "crs",
        _with("criterion", {"id": "crs.fever.present"}, wording=""),
        "crs.fever.present: wording is missing",
    ),
    "no id": ("crs", _lacking("criterion", {"id": "crs.fever.present"}, "id"), "crs: id is missing"),
    "no citation": (
        "crs",
        _with("criterion", {"id": "crs.fever.present"}, citation=[]),
        "crs.fever.present: citation is missing",
    ),
    "a citation that is not listed": (
        "crs",
        _with("criterion", {"id": "crs.fever.present"}, citation=["ASTCT-2019", "hearsay"]),
        "unknown citation 'hearsay'",
    ),
    "a tier that nobody knows": (
        "windows",
        _with("window", {"id": "temperature"}, tier="D"),
        "temperature: unknown tier 'D'",
    ),
    "our own rule as verified": (
        "windows",
        _with("window", {"id": "temperature"}, verified=True),
        "temperature: tier RULE cannot be verified",
    ),
    "a finding that nobody charts": (
        "icans",
        _with("criterion", {"id": "icans.seizure.brief"}, finding="hiccup"),
        "unknown finding 'hiccup'",
    ),
    "a tremor as a criterion": (
        "icans",
        _with("criterion", {"id": "icans.motor.hemiparesis"}, finding="tremor-or-myoclonus"),
        "unknown finding 'tremor-or-myoclonus'",
    ),
    "a finding on an axis without findings": (
        "crs",
        _with("criterion", {"id": "crs.fever.present"}, finding="chills"),
        "unknown finding 'chills'",
    ),
    "a hole between the scores": (
        "icans",
        _with("criterion", {"id": "icans.ice.3-6"}, highest_score=5),
        "axis ice: score 6 has no level",
    ),
    "a score without an end": (
        "icans",
        _lacking("criterion", {"id": "icans.capd.1-8"}, "highest_score"),
        "icans.capd.1-8: highest_score is missing",
    ),
    "a window of no length": (
        "windows",
        _with("window", {"id": "temperature"}, minutes=0),
        "temperature: must be longer than nothing",
    ),
    "a window without a reason": (
        "windows",
        _lacking("window", {"id": "temperature"}, "reason"),
        "temperature: reason is missing",
    ),
    "a window that grading names is missing": (
        "windows",
        _without("window", id="push"),
        "windows.toml: push is missing",
    ),
    "a window stands twice": ("windows", _repeated("window", id="push"), "push: stands twice"),
    "a drug is missing": (
        "vasoactive_agents",
        _without("agent", agent="dopamine"),
        "vasoactive_agents.toml: dopamine is missing",
    ),
    "a drug that nobody knows": (
        "vasoactive_agents",
        _with("agent", {"agent": "dopamine"}, agent="caffeine"),
        "unknown value 'caffeine'",
    ),
    "a drug of a kind that nobody knows": (
        "vasoactive_agents",
        _with("agent", {"agent": "dopamine"}, kind="strong"),
        "unknown value 'strong'",
    ),
    "a drug stands twice": (
        "vasoactive_agents",
        _repeated("agent", agent="dopamine"),
        "dopamine: stands twice",
    ),
    "a device is missing": (
        "oxygen_devices",
        _without("device", device="cpap"),
        "oxygen_devices.toml: cpap is missing",
    ),
    "a device that nobody knows": (
        "oxygen_devices",
        _with("device", {"device": "cpap"}, device="snorkel"),
        "unknown value 'snorkel'",
    ),
    "a device stands twice": ("oxygen_devices", _repeated("device", device="cpap"), "cpap: stands twice"),
    "support does not rise down the table": (
        "oxygen_devices",
        _swapped("device", {"device": "room-air"}, {"device": "cpap"}),
        "levels must rise down the table",
    ),
    "a device whose level runs backwards": (
        "oxygen_devices",
        _with("device", {"device": "cpap"}, highest=3),
        "cpap: levels must rise down the table",
    ),
    "a device with a criterion that nobody knows": (
        "oxygen_devices",
        _with("device", {"device": "cpap"}, criterion="crs.hypoxia.snorkel"),
        "unknown criterion 'crs.hypoxia.snorkel'",
    ),
    "a fixed device without a criterion": (
        "oxygen_devices",
        _lacking("device", {"device": "cpap"}, "criterion"),
        "a criterion is named exactly where the level is fixed",
    ),
    "cuts with a hole": (
        "limits",
        _with("cut", {"id": "child"}, from_years=2),
        "child: must begin at 1 years and not end before",
    ),
    "a cut that ends before it begins": (
        "limits",
        _with("cut", {"id": "child"}, to_years=0),
        "child: must begin at 1 years and not end before",
    ),
    "cuts that do not begin at birth": (
        "limits",
        _without("cut", id="infant"),
        "child: must begin at 0 years",
    ),
    "a limit that is no number": (
        "limits",
        _with("limit", {"id": "fever-celsius"}, value="warm"),
        "fever-celsius: value is no number",
    ),
    "a limit that grading names is missing": (
        "limits",
        _without("limit", id="fever-celsius"),
        "limits.toml: fever-celsius is missing",
    ),
    "a limit stands twice": (
        "limits",
        _repeated("limit", id="fever-celsius"),
        "fever-celsius: stands twice",
    ),
    "an arousal scale with a hole": (
        "icans",
        _with("arousal", {"from_score": -3}, from_score=-2),
        "arousal rass: hole or overlap at -4",
    ),
    "an arousal scale that overlaps": (
        "icans",
        _with("arousal", {"from_score": -3}, from_score=-4),
        "arousal rass: hole or overlap",
    ),
    "an arousal scale that is missing": (
        "icans",
        lambda document: [_without("arousal", scale="gcs-eye")(document) for _ in range(4)],
        "arousal gcs-eye is missing",
    ),
    "an arousal scale that nobody knows": (
        "icans",
        _with("arousal", {"scale": "gcs-eye"}, scale="gcs-verbal"),
        "unknown value 'gcs-verbal'",
    ),
    "an arousal level that runs backwards": (
        "icans",
        _with("arousal", {"from_score": -4}, highest=2),
        "runs backwards",
    ),
    "no rows of a kind": ("limits", lambda document: document.pop("cut"), "limits.toml: no cut"),
    "a citation without a text": (
        "citations",
        _lacking("citation", {"id": "MDedge"}, "text"),
        "text is missing",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_table_is_refused_when_it_has(fault: str) -> None:
    file, change, message = FAULTS[fault]
    with pytest.raises(TableError) as refused:
        load_tables(_changed(file, change))
    assert message in str(refused.value)


def test_a_file_that_is_no_toml_is_refused_by_name() -> None:
    with pytest.raises(TableError, match=r"windows\.toml: "):
        load_tables({**SHIPPED, "windows": "[[window"})


def test_the_shipped_tables_are_loaded_once_and_unchanged_by_rewriting_them() -> None:
    assert shipped_tables() is shipped_tables()
    rewritten = load_tables({name: _toml(tomllib.loads(text)) for name, text in SHIPPED.items()})
    assert rewritten == shipped_tables()


def test_only_sourced_rows_are_verified() -> None:
    tables = shipped_tables()
    rows = [
        *tables.criteria.values(),
        *tables.windows.values(),
        *tables.agents.values(),
        *tables.devices.values(),
        *tables.limits.values(),
        *tables.pressure_cuts,
    ]
    assert all(row.tier in TIERS for row in rows)
    assert all(row.tier in VERIFIABLE_TIERS for row in rows if row.verified)
    assert all(not window.verified for window in tables.windows.values())


def test_a_finding_that_is_no_criterion_has_none() -> None:
    assert shipped_tables().of_finding("seizure", Seizure.NONE.value) is None
    assert shipped_tables().of_finding("motor", "tremor-or-myoclonus") is None
