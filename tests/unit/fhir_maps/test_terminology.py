"""Maps: codes before texts, used before unused, a site's rows before ours, and faults named by line."""

from pathlib import Path

import pytest

from fhir_maps.observations import PANELS, READERS
from fhir_maps.r4 import CodeableConcept, Coding
from fhir_maps.terminology import MapRow, Terminology, TerminologyError, fold_text, load_terminology
from grading.chart import (
    Attributable,
    Consciousness,
    Lab,
    Motor,
    OxygenDevice,
    RaisedIcp,
    Seizure,
)

LOINC = "http://loinc.org"
HEADER = "group,concept,system,code,text,source,confidence,reason\n"
TERMINOLOGY = load_terminology()


def concepts_of(group: str) -> set[str]:
    return {row.concept for row in TERMINOLOGY.rows if row.group == group and not row.deliberately_unused}


def row(concept: str, *, system: str = "", code: str = "", text: str = "", reason: str = "") -> MapRow:
    return MapRow("observation", concept, system, code, text, "test", "test", reason, "test.csv")


@pytest.mark.parametrize(
    "text", ["High flow neb", "HIGH_FLOW-NEB", "  high   flow neb ", "high‑flow–neb", "High\u00a0Flow\tNeb"]
)
def test_texts_spelled_alike_are_one(text: str) -> None:
    assert fold_text(text) == "high flow neb"


def test_part_of_a_text_is_no_match() -> None:
    assert TERMINOLOGY.of_text("oxygen_device", "Nasal cannula") is not None
    assert TERMINOLOGY.of_text("oxygen_device", "Nasal cannula size 4") is None


def test_megabytes_of_text_are_not_looked_up() -> None:
    assert TERMINOLOGY.of_text("oxygen_device", "none" + " " * 2_000_000) is None


def test_code_goes_before_text_and_text_is_marked() -> None:
    terminology = Terminology([row("a", system=LOINC, code="1-1"), row("b", text="words")])
    coded = terminology.of_concept(
        "observation", CodeableConcept(coding=[Coding(LOINC, "1-1")], text="words")
    )
    assert coded is not None
    assert (coded.concept, coded.by_text) == ("a", False)
    worded = terminology.of_concept("observation", CodeableConcept(coding=[Coding("x", "y")], text="Words"))
    assert worded is not None
    assert (worded.concept, worded.by_text) == ("b", True)
    displayed = terminology.of_concept("observation", CodeableConcept(coding=[Coding("x", "y", "words")]))
    assert displayed is not None
    assert displayed.concept == "b"


def test_used_code_goes_before_an_unused_one_of_the_same_concept() -> None:
    terminology = Terminology(
        [row("!old", system=LOINC, code="1-1", reason="why"), row("new", system=LOINC, code="2-2")]
    )
    both = CodeableConcept(coding=[Coding(LOINC, "1-1"), Coding(LOINC, "2-2")])
    match = terminology.of_concept("observation", both)
    assert match is not None
    assert match.concept == "new"


def test_unused_code_goes_before_any_text() -> None:
    match = TERMINOLOGY.of_concept(
        "observation", CodeableConcept(coding=[Coding(LOINC, "54632-5")], text="RASS")
    )
    assert match is not None
    assert match.unused
    assert match.row.reason


def test_same_code_in_another_system_is_another_code() -> None:
    assert TERMINOLOGY.of_code("observation", "http://hospital.example", "8310-5") is None


def test_every_observation_concept_has_a_reader() -> None:
    assert concepts_of("observation") - PANELS == set(READERS)


@pytest.mark.parametrize(
    ("group", "enum"),
    [
        ("oxygen_device", OxygenDevice),
        ("consciousness", Consciousness),
        ("seizure", Seizure),
        ("motor", Motor),
        ("raised_icp", RaisedIcp),
        ("attributed_elsewhere", Attributable),
    ],
)
def test_every_answer_of_a_finding_is_mapped_and_no_other(group: str, enum: type[OxygenDevice]) -> None:
    assert concepts_of(group) == {member.value for member in enum}


def test_every_laboratory_value_has_a_code() -> None:
    assert {f"lab:{lab.value}" for lab in Lab} <= concepts_of("observation")


def test_shipped_maps_say_one_thing_of_a_code_and_of_a_text() -> None:
    codes: dict[tuple[str, str, str], str] = {}
    texts: dict[tuple[str, str], str] = {}
    for shipped in TERMINOLOGY.rows:
        if shipped.code:
            assert codes.setdefault((shipped.group, shipped.system, shipped.code), shipped.concept) == (
                shipped.concept
            ), shipped
        if shipped.text:
            key = (shipped.group, fold_text(shipped.text))
            assert texts.setdefault(key, shipped.concept) == shipped.concept, shipped


def test_site_row_adds_to_ours_and_wins(tmp_path: Path) -> None:
    (tmp_path / "site.csv").write_text(
        HEADER
        + "oxygen_device,high-flow-nasal-cannula,,,High flow,site,local,\n"
        + "observation,temperature,http://hospital.example,T1,,site,local,\n",
        "utf-8",
    )
    terminology = load_terminology(tmp_path)
    high_flow = terminology.of_text("oxygen_device", "high flow")
    assert high_flow is not None
    assert high_flow.concept == "high-flow-nasal-cannula"
    assert terminology.of_code("observation", "http://hospital.example", "T1") is not None
    assert terminology.of_code("observation", LOINC, "8310-5") is not None


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (
            "oxygen_device,high-flow,,,Turbo,site,local,\n",
            "line 2: unknown concept 'high-flow' in group 'oxygen_device'; did you mean 'high-flow-nasal",
        ),
        (
            "\noxygen_devices,cpap,,,Turbo,site,local,\n",
            r"line 3: unknown group 'oxygen_devices'; did you mean 'oxygen_device'",
        ),
        (
            "method,zzz,,,Turbo,site,local,\n",
            "concepts of this group: given, not-given, stopped, unknown",
        ),
        ("oxygen_device,cpap,,,,site,local,\n", "line 2: either code or text"),
        (",cpap,,,Turbo,site,local,\n", "line 2: group and concept"),
        ("oxygen_device,!turbo,,,Turbo,site,local,\n", "line 2: a code that is not used needs its reason"),
        ("oxygen_device,cpap,Turbo\n", "line 2: needs 8 cells"),
    ],
)
def test_faulty_site_row_is_refused_with_its_place(tmp_path: Path, line: str, fault: str) -> None:
    (tmp_path / "site.csv").write_text(HEADER + line, "utf-8")
    with pytest.raises(TerminologyError, match=fault):
        load_terminology(tmp_path)


def test_a_file_saved_by_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "site.csv").write_text(
        "\ufeff" + HEADER + "oxygen_device,cpap,,,Turbo,site,local,\n", "utf-8", newline="\r\n"
    )
    terminology = load_terminology(tmp_path)
    assert terminology.of_text("oxygen_device", "turbo") is not None
    assert terminology.site_files == ("site.csv",)


def test_a_file_with_semicolons_is_told_how_to_be_saved(tmp_path: Path) -> None:
    (tmp_path / "site.csv").write_text(HEADER.replace(",", ";"), "utf-8")
    with pytest.raises(TerminologyError, match="save it with commas, not semicolons"):
        load_terminology(tmp_path)


def test_site_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TerminologyError, match="no such folder"):
        load_terminology(tmp_path / "elsewhere")
