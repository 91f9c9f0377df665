"""Tables, links, examples and pictures of the documents against the program."""

import csv
import json
import re
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from cart_cds.clinical_reference import ROOT
from cart_cds.command_line import main
from cart_cds.demo import run_demo
from cds_service.app import create_app
from cds_service.cards import Topic
from cds_service.settings import _KNOWN, Settings
from docs.tools import card_gallery
from docs.tools.card_picture import PICTURE, card_page, digest_of, draw, stamp, stamped_digest
from docs.tools.sample_card import CARD_FILE, Wire, as_text, ask_service, crs_card, refresh
from fhir_maps.data_requirements import REQUIREMENTS, data_requirements
from fhir_maps.terminology import COLUMNS, load_terminology
from grading.assess import assess
from grading.chart import GapWhat
from management.protocol import shipped_protocols
from tests.spec.management.bedside import AT, chart_of
from tests.system.conftest import require_tool

DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text("utf-8")
SITE_MAPS = (ROOT / "docs/site-maps.md").read_text("utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def first_cells(text: str, heading: str) -> list[str]:
    """The first cells of the table under a heading, without code signs."""
    section = text.split(f"# {heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [line.strip("|").split("|")[0].strip() for line in section.splitlines() if line.startswith("|")]
    return [cell.strip("`") for cell in rows[2:]]


def test_the_settings_table_names_every_setting_and_no_other() -> None:
    assert sorted(first_cells(README, "Settings")) == sorted(f"CART_CDS_{name}" for name in _KNOWN)


def test_the_defaults_in_the_settings_table_are_those_of_the_program() -> None:
    settings = Settings.from_environment({})
    for name, value in {
        "PROTOCOL": settings.protocol,
        "MAX_BODY_MIB": f"{settings.max_body_bytes // 2**20}",
        "FHIR_DEADLINE_SECONDS": f"{settings.fhir_deadline_seconds:g}",
        "MODE": settings.mode.value,
    }.items():
        assert f"| `CART_CDS_{name}` | `{value}` |" in README


def test_every_shipped_protocol_is_named() -> None:
    for name in shipped_protocols():
        assert f"`{name}`" in README


def test_the_table_of_data_names_every_prefetch_key_and_no_other() -> None:
    assert first_cells(README, "Data it asks for") == [requirement.key for requirement in REQUIREMENTS]
    for requirement in REQUIREMENTS:
        assert f"| `{requirement.key}` | {requirement.resource_type} |" in README


def test_discovery_offers_the_services_and_keys_that_the_readme_names() -> None:
    services = TestClient(create_app(Settings())).get("/cds-services").json()["services"]
    for service in services:
        assert f"/cds-services/{service['id']}`" in README
        for key in service["prefetch"]:
            assert f"| `{key.rstrip('0123456789')}` |" in README
    missing = {"order-select", "order-sign"} - {service["hook"] for service in services}
    assert all(f"`{hook}`" in README.split("Not there yet", 1)[1].split("\n- ", 1)[0] for hook in missing)


def test_the_addresses_that_the_readme_names_answer() -> None:
    client = TestClient(create_app(Settings()))
    for address in ("/cds-services", "/health/live", "/health/ready", "/metrics"):
        assert f"`GET {address}`" in README or f"`GET {address}`," in README
        assert client.get(address).status_code == 200


def commands_below(capsys: pytest.CaptureFixture[str], *command: str) -> list[tuple[str, ...]]:
    """The commands that the help of one lists; none below a command that is run itself."""
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    help_text = capsys.readouterr().out
    listed = re.findall(r"^    ([a-z-]+) ", help_text.partition("options:")[0], re.M)
    if "COMMAND" not in help_text:
        return [command]
    return [below for name in listed for below in commands_below(capsys, *command, name)]


def is_name(word: str) -> bool:
    """Whether a word of a command line is a command, not an argument or option."""
    return re.fullmatch("[a-z][a-z-]*", word) is not None


def test_the_command_table_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    cells = first_cells(README, "Command line")
    # "cart-cds protocol check PATH": the words before the first argument or option are the command.
    commands = [tuple(takewhile(is_name, cell.split()[1:])) for cell in cells]
    for command, cell in zip(commands, cells, strict=True):
        with pytest.raises(SystemExit) as ended:
            main([*command, "--help"])
        assert ended.value.code == 0
        options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
        assert options == set(re.findall(r"--[a-z-]+", cell))
    assert sorted(commands_below(capsys)) == sorted(commands)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text("utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http", "#")):
            assert (document.parent / target.partition("#")[0]).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_json_block_is_json(document: Path) -> None:
    for block in blocks(document.read_text("utf-8"), "json"):
        json.loads(block)


def test_every_decision_is_listed() -> None:
    listed = (ROOT / "docs/decisions/README.md").read_text("utf-8")
    for path in sorted((ROOT / "docs/decisions").glob("0*.md")):
        number, _, title = path.read_text("utf-8").splitlines()[0].removeprefix("# ").partition(": ")
        assert path.name.startswith(number)
        assert f"| {number} | [{title}]({path.name}) |" in listed


@pytest.mark.parametrize(
    ("chart", "lowest", "highest", "gap"),
    [
        ("fever 38.8; no systolic", 1, 2, GapWhat.BLOOD_PRESSURE),
        ("no systolic", 0, 0, GapWhat.BLOOD_PRESSURE),
        ("fever 38.8; no oxygen", 1, 1, GapWhat.OXYGEN),
        ("fever 38.8; oxygen nasal-cannula 3 14h", 1, 4, GapWhat.OXYGEN),
    ],
)
def test_what_is_missing_is_read_as_decision_004_says(
    chart: str, lowest: int, highest: int, gap: GapWhat
) -> None:
    answer = assess(chart_of(chart), AT)
    assert answer is not None
    assert (answer.crs.lowest, answer.crs.highest) == (lowest, highest)
    assert gap in {item.what for item in answer.gaps}


def test_the_example_of_site_maps_is_the_file_that_is_loaded() -> None:
    shipped = (ROOT / "docs/examples/site-maps/ward-7.csv").read_text("utf-8")
    assert blocks(SITE_MAPS, "csv") == [shipped]
    assert set(blocks(README, "csv")[0].splitlines()) <= set(shipped.splitlines())
    assert ",".join(COLUMNS) == shipped.splitlines()[0]


def test_a_code_of_the_site_is_asked_for_from_then_on() -> None:
    terminology = load_terminology(ROOT / "docs/examples/site-maps")
    templates = {requirement.key: requirement.template for requirement in data_requirements(terminology)}
    asked = "".join(template for key, template in templates.items() if key.startswith("temperature"))
    assert "https://hospital.example/obs|TEMP-AX" in asked


def test_the_groups_and_concepts_of_the_maps_are_all_listed() -> None:
    section = SITE_MAPS.split("## Groups and concepts", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    groups: dict[str, set[str]] = {}
    for path in sorted((ROOT / "fhir_maps/tables").glob("*.csv")):
        for row in csv.DictReader(path.read_text("utf-8").splitlines()):
            if not row["concept"].startswith("!"):
                groups.setdefault(row["group"], set()).add(row["concept"])
    for group, concepts in groups.items():
        line = next((line for line in lines if f"`{group}`" in line.split("|")[1]), "")
        assert line, group
        if "as in `" not in line and group != "unit":
            assert set(re.findall(r"`([^`]+)`", line.rsplit("|", 2)[1])) == concepts, group


def test_the_card_and_the_table_in_the_readme_are_what_the_service_answers() -> None:
    card = crs_card(ask_service())
    assert CARD_FILE.read_text("utf-8") == as_text(card), "stale: run make docs"
    assert refresh(README, card) == README, "stale: run make docs"


def test_the_picture_shows_the_card_that_the_service_answers() -> None:
    picture = PICTURE.read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert stamped_digest(picture) == digest_of(card_page(json.loads(CARD_FILE.read_text("utf-8")))), (
        "stale: run make docs where there is a Chromium"
    )


def test_the_gallery_lists_every_scene() -> None:
    assert (card_gallery.GALLERY / "README.md").read_text("utf-8") == card_gallery.index(), "run make docs"
    drawn = {picture.stem for picture in card_gallery.GALLERY.glob("*.png")}
    assert drawn == {scene.name for scene in card_gallery.SCENES}


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


@pytest.mark.parametrize("scene", card_gallery.SCENES, ids=lambda scene: scene.name)
def test_each_picture_of_the_gallery_shows_what_the_service_answers(
    scene: card_gallery.Scene, wire: Wire
) -> None:
    drawn = stamped_digest(card_gallery.picture_of(scene).read_bytes())
    assert drawn == digest_of(card_gallery.page_of(scene, wire)), "run make docs where there is a Chromium"


def test_every_topic_of_a_card_is_in_the_gallery() -> None:
    assert {scene.topic for scene in card_gallery.SCENES} == {topic.value for topic in Topic}


def test_a_page_of_a_card_shows_html_of_the_record_as_text() -> None:
    card = json.loads(CARD_FILE.read_text("utf-8"))
    page = card_page(card | {"summary": "<script>1</script>", "detail": "<b>x</b>"})
    assert "<script>1" not in page
    assert "<b>" not in page


def test_a_digest_is_put_into_a_picture_without_touching_the_rest() -> None:
    picture = PICTURE.read_bytes()
    again = stamp(picture, "0" * 64)
    assert stamped_digest(again) == "0" * 64
    assert len(again) == len(picture) + 12 + len("card-sha256") + 1 + 64


@pytest.mark.system
def test_a_browser_draws_the_card() -> None:
    browser = require_tool("chromium", "no Chromium on this machine")
    picture = draw(card_page(json.loads(CARD_FILE.read_text("utf-8"))), browser)
    width, height = (int.from_bytes(picture[at : at + 4], "big") for at in (16, 20))
    assert width >= 900
    assert height > 1000, "the card is cut"


def test_the_request_in_the_readme_gets_the_card_in_the_readme() -> None:
    command = next(block for block in blocks(README, "sh") if block.startswith("curl"))
    request: dict[str, Any] = json.loads(command.split("-d '", 1)[1].rsplit("'", 1)[0])
    shown = json.loads(blocks(README, "json")[0])
    with run_demo() as demo:
        assert request["fhirServer"] == "http://127.0.0.1:8001/fhir"
        path = command.split("http://127.0.0.1:8000", 1)[1].split()[0]
        answer = demo.http.post(f"{demo.service_url}{path}", json=request | {"fhirServer": demo.fhir_url})
    assert answer.status_code == 200
    card = crs_card(answer.json())
    # The demonstration plays its charts up to now: since when a grade stands is another hour each time.
    summaries = [re.sub(r"since (\d\d-\d\d )?\d\d:\d\d", "since", one["summary"]) for one in (card, shown)]
    assert summaries[0] == summaries[1] and card["indicator"] == shown["indicator"]
    assert [one["label"] for one in card["suggestions"]] == [one["label"] for one in shown["suggestions"]]


def test_a_licence_notice_is_there_for_every_code_system_of_the_maps() -> None:
    notice = (ROOT / "NOTICE").read_text("utf-8")
    for name in ("LOINC", "SNOMED CT", "RxNorm", "ICD-10-CM", "ICD-10-PCS", "CPT", "ATC", "UCUM", "MIMIC"):
        assert name in notice
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")
