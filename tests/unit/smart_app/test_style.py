"""The EHR's style: fetched from its own origin, each value checked, nothing of it a rule."""

from typing import Any

import httpx
import pytest

from smart_app.style import contrast, stylesheet_of
from tests.smart_site import ISS, ORIGIN, Site

STYLE = {
    "color_background": "#ffffff",
    "color_error": "#9e2d2d",
    "color_highlight": "#0d5f99",
    "color_modal_backdrop": "#333333",
    "color_success": "#0b6623",
    "color_text": "#303030",
    "dim_border_radius": "6px",
    "dim_font_size": "16px",
    "dim_spacing_size": "20px",
    "font_family_body": "Georgia, Times, 'Times New Roman', serif",
    "font_family_heading": 'Arial, "Helvetica Neue";',
}


def test_all_eleven_keys_become_custom_properties() -> None:
    assert stylesheet_of(STYLE) == (
        ":root {\n"
        "  --ehr-color-background: #ffffff;\n"
        "  --ehr-color-text: #303030;\n"
        "  --ehr-color-error: #9e2d2d;\n"
        "  --ehr-color-highlight: #0d5f99;\n"
        "  --ehr-color-success: #0b6623;\n"
        "  --ehr-color-modal-backdrop: #333333;\n"
        "  --ehr-dim-border-radius: 6px;\n"
        "  --ehr-dim-font-size: 16px;\n"
        "  --ehr-dim-spacing-size: 20px;\n"
        "  --ehr-font-family-body: Georgia, Times, 'Times New Roman', serif;\n"
        '  --ehr-font-family-heading: Arial, "Helvetica Neue";\n'
        "}\n"
    )


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#fff", "#ffffff", 1.0),
        ("#767676", "#fff", 4.54),
        ("#777777", "#fff", 4.48),
    ],
)
def test_contrast_is_that_of_wcag(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == contrast(other, one) == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize(
    "change",
    [
        {"color_text": "#777777"},
        {"color_text": ""},
        {"color_text": "red"},
        {"color_text": None},
        {"color_background": "#ccc"},
        {"color_background": "url(https://evil.example)"},
        {"color_background": "#fff;} body{display:none"},
    ],
)
def test_text_that_does_not_stand_out_is_left_out_with_its_ground(change: dict[str, Any]) -> None:
    style = {"color_background": "#ffffff", "color_text": "#767676"}
    assert "--ehr-color-text: #767676" in stylesheet_of(style)
    if change.get("color_background") == "#ccc":
        style["color_text"] = "#6f6f6f"
    assert stylesheet_of(style | change) == ""


def test_a_colour_that_does_not_stand_out_is_left_out_alone() -> None:
    sheet = stylesheet_of(STYLE | {"color_error": "#ffcccc"})
    assert "error" not in sheet and "success" in sheet


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dim_font_size", "11px"),
        ("dim_font_size", "100px"),
        ("dim_font_size", "0"),
        ("dim_font_size", "16"),
        ("dim_font_size", "calc(1px)"),
        ("dim_spacing_size", "-5px"),
        ("dim_spacing_size", "999rem"),
        ("dim_border_radius", "6px;} *{display:none"),
        ("font_family_body", "Arial; } body { display: none"),
        ("font_family_body", "url(https://evil.example/f)"),
        ("font_family_body", "'Arial"),
        ("font_family_body", "expression(alert(1))"),
        ("font_family_body", ""),
        ("font_family_body", 7),
        ("color_modal_backdrop", "rgba(0,0,0,.5)"),
        ("x_unknown", "#ffffff"),
    ],
)
def test_a_value_of_another_form_is_left_out(key: str, value: object) -> None:
    assert stylesheet_of({key: value}) == ""


@pytest.fixture
def site() -> Site:
    return Site()


def styled(site: Site, url: str, response: httpx.Response | None = None) -> str:
    route = site.ehr.router.get(f"{ORIGIN}/style.json")
    route.return_value = response or httpx.Response(200, json=STYLE)
    site.ehr.token["smart_style_url"] = url
    return site.session_of(site.sign_in()).style


def test_a_style_of_the_ehrs_origin_is_kept_with_the_session(site: Site) -> None:
    assert styled(site, f"{ORIGIN}/style.json") == stylesheet_of(STYLE)
    calls = len(site.ehr.router.calls)
    assert styled(site, f"{ORIGIN}/style.json") == stylesheet_of(STYLE)
    assert len(site.ehr.router.calls) == calls + 1  # the token alone: style, keys and configuration are kept


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/style.json",
        "http://ehr.example/style.json",
        "http://169.254.169.254/latest/meta-data",
        "https://127.0.0.1/style.json",
        "https://ehr.example:8443/style.json",
        "https://ehr.example@evil.example/style.json",
        "https://user@ehr.example/style.json",
        "//ehr.example/style.json",
        "style.json",
        "file:///etc/passwd",
        "https://[",
        "",
    ],
)
def test_a_style_elsewhere_is_never_asked_for(site: Site, url: str) -> None:
    assert styled(site, url) == ""
    assert {call.request.url.path for call in site.ehr.router.calls} == {
        "/r4/tenant/.well-known/smart-configuration", "/oauth/token", "/oauth/jwks"
    }  # fmt: skip


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(302, headers={"location": "http://169.254.169.254/"}),
        httpx.Response(500),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[STYLE]),
        httpx.Response(200, content=b"{" + b" " * 300_000 + b"}"),
    ],
)
def test_a_style_that_cannot_be_had_is_our_own(site: Site, response: httpx.Response) -> None:
    assert styled(site, f"{ORIGIN}/style.json", response) == ""
    assert site.session_of(site.sign_in()).iss == ISS
