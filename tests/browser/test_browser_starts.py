"""The browser that other tests rely on starts, shows a page, and is named where it is missing."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.conftest import find_browser


class _OnePage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Set-Cookie", "__Host-s-1=x; HttpOnly; Secure; SameSite=None; Partitioned; Path=/")
        self.end_headers()
        self.wfile.write("<!doctype html><html lang=en><title>°</title><h1>38.0 °C ≥ 38</h1>".encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def one_page() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _OnePage)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_page_is_shown(page: Page, one_page: str) -> None:
    page.goto(one_page)
    assert page.get_by_role("heading").inner_text() == "38.0 °C ≥ 38"


def test_a_secure_host_cookie_is_kept_on_loopback(page: Page, context: BrowserContext, one_page: str) -> None:
    page.goto(one_page)
    assert [cookie.get("name") for cookie in context.cookies()] == ["__Host-s-1"]


def test_no_cookie_of_another_test_is_there(context: BrowserContext) -> None:
    assert context.cookies() == []


def test_a_missing_browser_is_a_named_skip_and_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Chromium on this machine"):
        find_browser()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no Chromium on this machine"):
        find_browser()
