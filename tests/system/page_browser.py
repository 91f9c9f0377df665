"""As much of a browser as our pages need without JavaScript: cookies, redirects, and forms as they stand.

    browser = PageBrowser()
    page = browser.open(url)
    page = browser.send(page, {"ice-year": "1"}, do="check")

Of a form it says what a browser says of a page that sends no referrer. Cookies are kept by origin, path `/`,
and taken only as our app has to set them: `Secure`, `HttpOnly`, `Partitioned`. The cookie jars of libraries
keep secure cookies from `http://127.0.0.1`, which real browsers trust.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import TracebackType
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

_MOST_REDIRECTS = 10
_TYPED = frozenset({"hidden", "text", "datetime-local"})
_WITHIN_A_LINE = frozenset({"a", "b", "em", "q", "span", "strong"})
_REQUIRED = frozenset({"secure", "httponly", "partitioned", "path=/", "samesite=none"})


@dataclass(slots=True)
class Form:
    """A form: its address, the values that stand in it, and its buttons' values by name."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ShownPage:
    """An answer as it is shown. `words` is its visible text with single blanks."""

    status: int
    url: str
    words: str
    forms: list[Form]
    links: list[str]

    def form(self, **holding: str) -> Form:
        """The one form in which these values stand, or that has such a button."""
        [found] = [
            form
            for form in self.forms
            if all(
                form.fields.get(name) == value or (name, value) in form.buttons
                for name, value in holding.items()
            )
        ]
        return found


class PageBrowser:
    """One browser with its own cookies."""

    def __init__(self) -> None:
        self._client = httpx.Client(trust_env=False, timeout=60)
        self._cookies: dict[str, dict[str, str]] = {}

    def open(self, url: str) -> ShownPage:
        """Load an address, and what it redirects to."""
        return self._show(self._follow("GET", url))

    def send(self, page: ShownPage, typed: dict[str, str] | None = None, /, **button: str) -> ShownPage:
        """Fill in and send the page's form that has this button, or holds this value."""
        form = page.form(**button)
        return self._show(self._follow("POST", form.action, form.fields | (typed or {}) | button))

    def _follow(self, method: str, url: str, fields: dict[str, str] | None = None) -> httpx.Response:
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": "null"} if method == "POST" else {}
        for _ in range(_MOST_REDIRECTS):
            cookies = "; ".join(f"{name}={value}" for name, value in self._jar(url).items())
            answer = self._client.request(
                method, url, data=fields, headers=headers | ({"Cookie": cookies} if cookies else {})
            )
            self._keep(url, answer.headers.get_list("set-cookie"))
            if not answer.is_redirect:
                return answer
            method, url, fields, headers = "GET", urljoin(url, answer.headers["location"]), None, {}
        raise AssertionError("redirected without end")

    def _jar(self, url: str) -> dict[str, str]:
        return self._cookies.setdefault(urlsplit(url).netloc, {})

    def _keep(self, url: str, set_cookies: list[str]) -> None:
        for set_cookie in set_cookies:
            pair, *attributes = (part.strip() for part in set_cookie.split(";"))
            told = {attribute.casefold() for attribute in attributes}
            assert told >= _REQUIRED, "a browser would not take this cookie in a frame"
            name, _, value = pair.partition("=")
            if "max-age=0" in told:
                self._jar(url).pop(name, None)
            else:
                self._jar(url)[name] = value

    def _show(self, answer: httpx.Response) -> ShownPage:
        reader = _PageReader(str(answer.url))
        reader.feed(answer.text)
        words = " ".join("".join(reader.texts).split())
        return ShownPage(answer.status_code, str(answer.url), words, reader.forms, reader.links)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()


class _PageReader(HTMLParser):
    """Forms, links and visible text of a page."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self._url = url
        self._form: Form | None = None
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._part_words(tag)
        if tag == "a" and "href" in given:
            self.links.append(urljoin(self._url, given["href"]))
        if tag == "form":
            self._form = Form(urljoin(self._url, given.get("action", "")))
            self.forms.append(self._form)
        if self._form is not None:
            self._read_control(tag, given, self._form)

    def _read_control(self, tag: str, given: dict[str, str], form: Form) -> None:
        name, value = given.get("name", ""), given.get("value", "")
        kind = given.get("type", "text")
        if tag == "input" and name and (kind in _TYPED or (kind == "radio" and "checked" in given)):
            form.fields[name] = value
        elif tag == "button" and name:
            form.buttons.append((name, value))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in form.fields):
            form.fields[self._select] = value
        elif tag == "textarea" and name:
            self._textarea = name
            form.fields[name] = ""

    def handle_endtag(self, tag: str) -> None:
        self._part_words(tag)
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self._textarea and self._form is not None:
            self._form.fields[self._textarea] += data

    def _part_words(self, tag: str) -> None:
        if tag not in _WITHIN_A_LINE:
            self.texts.append(" ")
