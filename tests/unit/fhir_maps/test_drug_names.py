"""A known drug in a longer name: what is read, what stays a local form, and what stays unknown."""

import tomllib
from pathlib import Path

import pytest

import fhir_maps
from fhir_maps.drug_names import names_a_continuous_infusion, read_drug_name
from fhir_maps.terminology import fold_text, load_terminology

TERMINOLOGY = load_terminology()


def concept(text: str) -> str | None:
    match = read_drug_name(text, TERMINOLOGY).match
    return match.concept if match else None


def speaks_of(text: str) -> tuple[str, ...]:
    return read_drug_name(text, TERMINOLOGY).speaks_of


@pytest.mark.parametrize(
    ("text", "drug"),
    [
        ("ACTEMRA 20 mg/mL intravenous solution", "tocilizumab"),
        ("tocilizumab (ACTEMRA) 576 mg in sodium chloride 0.9 % 100 mL IVPB", "tocilizumab"),
        ("4 ML tocilizumab 20 MG/ML Injection [Actemra]", "tocilizumab"),
        ("tocilizumab-aazg (TYENNE) 400 mg/20 mL (20 mg/mL) IV solution", "tocilizumab"),
        ("dexamethasone (DECADRON) injection 10 mg", "dexamethasone"),
        ("dexAMETHasone sod phosphate PF 10 mg/mL injection", "dexamethasone"),
        ("methylPREDNISolone (SOLU-MEDROL) 1,000 mg in sodium chloride 0.9 % 100 mL", "methylprednisolone"),
        ("predniSONE (DELTASONE) tablet 50 mg", "prednisone"),
        ("hydrocortisone sodium succinate (PF) (Solu-CORTEF) injection 50 mg", "hydrocortisone"),
        ("acetaminophen (TYLENOL) tablet 650 mg", "acetaminophen"),
        ("acetaminophen (TYLENOL) suppository 650 mg", "acetaminophen"),
        ("acetaminophen (OFIRMEV) 1,000 mg/100 mL (10 mg/mL) IV", "acetaminophen"),
        ("ibuprofen (ADVIL) 100 mg/5 mL oral suspension 400 mg", "ibuprofen"),
        ("levETIRAcetam (KEPPRA) 1,000 mg/100 mL IVPB", "levetiracetam"),
        ("norepinephrine 8 mg in dextrose 5 % 250 mL", "norepinephrine"),
        ("NORepinephrine bitartrate-NaCl 8 mg/250 mL-0.9 % IV solution", "norepinephrine"),
        ("noradrenaline 4 mg in 50 mL syringe", "norepinephrine"),
        ("vasopressin (VASOSTRICT) 20 Units in sodium chloride 0.9 % 100 mL infusion", "vasopressin"),
        ("phenylephrine 100 mcg/mL in NS 10 mL syringe", "phenylephrine"),
        ("midodrine (PROAMATINE) tablet 10 mg", "midodrine"),
        ("axicabtagene ciloleucel (YESCARTA) suspension for IV infusion", "cart:axicabtagene-ciloleucel"),
        ("heparin in dextrose 5 % 25,000 units/250 mL (100 units/mL) infusion", "other"),
    ],
)
def test_a_drug_is_read_without_strength_form_brand_and_carrier(text: str, drug: str) -> None:
    found = read_drug_name(text, TERMINOLOGY)
    assert found.match is not None
    assert (found.match.concept, found.match.by_text, found.match.from_longer_text) == (drug, True, True)
    assert found.speaks_of == ()


@pytest.mark.parametrize(
    "text",
    [
        "phenylephrine 2.5 % ophthalmic drops",
        "phenylephrine (MYDFRIN) 2.5 % ophthalmic solution",
        "phenylephrine 0.5 % nasal spray 2 sprays",
        "phenylephrine 10 mg oral tablet",
        "lidocaine 1 % with epinephrine 1:100,000 injection",
        "bupivacaine-epinephrine (PF) 0.5 %-1:200,000 injection",
        "epinephrine (EPIPEN) 0.3 mg/0.3 mL auto-injector",
        "racepinephrine 2.25 % nebulizer solution",
        "epinephrine 1 mg/mL inhalation",
    ],
)
def test_drops_sprays_tablets_and_local_anaesthetics_stay_local_forms(text: str) -> None:
    assert concept(text) == "vasoactive-local-form"


@pytest.mark.parametrize(
    "text",
    [
        "hydrocortisone 1 % cream",
        "hydrocortisone 2.5 % rectal cream",
        "dexamethasone 0.1 % ophthalmic drops",
        "prednisoLONE acetate (PRED FORTE) 1 % ophthalmic suspension",
    ],
)
def test_a_steroid_in_drops_or_cream_is_not_systemic(text: str) -> None:
    assert concept(text) == "other"


@pytest.mark.parametrize(
    ("text", "drugs"),
    [
        ("tocilizumab study drug", ("tocilizumab",)),
        ("tocilizumab or placebo", ("tocilizumab",)),
        ("0.9 ML tocilizumab 180 MG/ML Prefilled Syringe [Actemra]", ("tocilizumab",)),
        ("tocilizumab 162 mg/0.9 mL subcutaneous", ("tocilizumab",)),
        ("dexamethasone taper", ("dexamethasone",)),
        ("prednisolone acetate 1 % suspension", ("prednisolone",)),
        ("phenylephrine 2.5 %", ("phenylephrine",)),
        ("norepinephrine and vasopressin", ("norepinephrine", "vasopressin")),
        ("norepinephrine nasal IV infusion", ("norepinephrine",)),
        ("norepinephrine per protocol", ("norepinephrine",)),
        ("nor-adrenaline mix", ("epinephrine",)),
        ("tisagenlecleucel (KYMRIAH) chimeric cells", ("cart:tisagenlecleucel",)),
        ("norepinephrine " + "as ordered " * 100, ("norepinephrine",)),
    ],
)
def test_one_word_too_many_leaves_a_drug_unknown_and_spoken_of(text: str, drugs: tuple[str, ...]) -> None:
    assert (concept(text), speaks_of(text)) == (None, drugs)


@pytest.mark.parametrize(
    "text",
    ["PHEN100I", "NORE8/250N", "norepi", "phenylephrin", "racemicepinephrine", "", "8 mg", "IV solution"],
)
def test_a_part_of_a_word_is_no_drug(text: str) -> None:
    assert (concept(text), speaks_of(text)) == (None, ())


@pytest.mark.parametrize(
    ("text", "carrier"),
    [
        ("sodium chloride 0.9 % bolus 1,000 mL", "fluid"),
        ("lactated ringers infusion 1,000 mL", "fluid"),
        ("sodium chloride 0.9 % irrigation 1,000 mL", "diluent"),
        ("sodium chloride 4.5 % 100 mL", "diluent"),
        ("dextrose 5 % and sodium chloride 0.9 % infusion", "diluent"),
        ("sodium chloride 3 % infusion 500 mL", "other"),
    ],
)
def test_a_fluid_is_a_bolus_fluid_only_where_it_is_nothing_else(text: str, carrier: str) -> None:
    assert concept(text) == carrier


def test_a_name_says_that_it_runs_on() -> None:
    assert names_a_continuous_infusion("sodium chloride 0.9 % infusion 1,000 mL")
    assert not names_a_continuous_infusion("sodium chloride 0.9 % bolus 1,000 mL")
    assert not names_a_continuous_infusion(None)


def test_every_word_table_has_a_reason_and_no_word_is_of_two_minds() -> None:
    text = (Path(fhir_maps.__file__).parent / "tables" / "drug_name_words.toml").read_text("utf-8")
    tables = tomllib.loads(text)
    assert all(table["reason"] for table in tables.values())
    excluding = [
        fold_text(word)
        for kind in ("local", "into-tissue", "by-mouth", "rectal")
        for word in tables[kind]["words"]
    ]
    allowing = {fold_text(word) for kind in ("forms", "salts", "by-vein") for word in tables[kind]["words"]}
    assert len(excluding) == len(set(excluding))
    assert not allowing & set(excluding)
