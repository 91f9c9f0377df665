"""Refresh what the README shows of the product: ``python -m docs.tools.card_picture``.

Writes the card as JSON, table and card excerpt in the README, and, where there is a Chromium, the picture.
The picture carries the digest of the card it shows, so that a test can tell a stale one. Without a browser
the rest is written and the lack is said; the exit code is 0, as the documents themselves are whole.
"""

import hashlib
import io
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from html import escape
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from PIL import Image

from docs.tools.sample_card import CARD_FILE, README, as_text, ask_service, crs_card, refresh

PICTURE = CARD_FILE.with_suffix(".png")
_WIDTH = 960
_SCALE = 1
_COLOURS = 32
_DIGEST_KEY = b"card-sha256"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADING = re.compile(r"<p><strong>([^<]*)</strong></p>")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_STYLE = """
* { box-sizing: border-box }
body { margin: 0; padding: 18px; background: #e9edf1; color: #16191d;
       font: 16px/1.45 "DejaVu Sans", "Liberation Sans", Arial, sans-serif }
.card { background: #fff; border: 1px solid #b9c2cb; border-radius: 6px; overflow: hidden }
h1 { margin: 0; padding: 14px 20px; color: #fff; background: #2b6cb0; font-size: 21px; line-height: 1.3 }
.warning h1 { background: #8a5a00 } .critical h1 { background: #a3121f }
.detail { padding: 2px 20px }
p { margin: 11px 0 }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; margin: 12px 0 }
th, td { text-align: left; padding: 4px 10px 4px 0 }
th { color: #454d56; font-weight: 600; border-bottom: 2px solid #8b96a1 }
td { border-bottom: 1px solid #dfe4e9; vertical-align: top }
td:nth-child(2) { font-weight: 600 } td:nth-child(3), td:nth-child(4) { white-space: nowrap }
td:nth-child(5) { color: #5b6670; font-size: 12.5px; word-break: break-word }
h2 { margin: 20px 0 4px; padding-bottom: 3px; font-size: 17px; border-bottom: 2px solid #8b96a1 }
ul { margin: 8px 0 12px; padding-left: 22px } li { margin: 8px 0 }
.actions { background: #f3f6f9; border-top: 1px solid #b9c2cb; padding: 12px 20px }
.button { display: inline-block; margin: 3px 8px 3px 0; padding: 8px 14px; border-radius: 5px;
          border: 1px solid #1c4f86; color: #1c4f86; background: #fff; font-weight: 600; font-size: 15px }
.button.recommended { background: #1c4f86; color: #fff }
.source { padding: 0 20px 12px; background: #f3f6f9; color: #454d56; font-size: 13.5px }
"""


def card_page(card: dict[str, Any]) -> str:
    """The card as an EHR may show it: its Markdown, paragraphs that are bold as a whole drawn as headings.

    Whatever looks like HTML in the card is shown as text.
    """
    detail = _HEADING.sub(r"<h2>\1</h2>", _MARKDOWN.render(card["detail"]))
    labels = [(one["label"], one.get("isRecommended", False)) for one in card.get("suggestions", ())]
    labels += [(one["label"], False) for one in card.get("links", ())]
    buttons = "".join(
        f'<span class="button{" recommended" if recommended else ""}">{escape(label)}</span>'
        for label, recommended in labels
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>card</title>'
        f"<style>{_STYLE}</style></head><body>"
        f'<section class="card {escape(card["indicator"])}"><h1>{escape(card["summary"])}</h1>'
        f'<div class="detail">{detail}</div>'
        + (f'<div class="actions">{buttons}</div>' if buttons else "")
        + f'<div class="source">Source: {escape(card["source"]["label"])}</div></section>'
        "<script>document.body.dataset.height = document.documentElement.scrollHeight</script></body></html>"
    )


def find_browser() -> str | None:
    """A Chromium on this machine."""
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))),
        None,
    )


def draw(page: str, browser: str) -> bytes:
    """Draw a page in full height as PNG. Raises :class:`subprocess.CalledProcessError`."""
    with tempfile.TemporaryDirectory(prefix="card-") as folder:
        source, picture = Path(folder, "card.html"), Path(folder, "card.png")
        source.write_text(page, "utf-8")
        dom = _run(browser, folder, 600, "--dump-dom", source.as_uri())
        measured = re.search(r'data-height="(\d+)"', dom)
        height = int(measured[1]) if measured else 2000
        _run(browser, folder, height, f"--screenshot={picture}", source.as_uri())
        return _with_few_colours(picture)


def _with_few_colours(picture: Path) -> bytes:
    """The picture with a palette: a fifth of the size, and text looks the same."""
    written = io.BytesIO()
    with Image.open(picture) as drawn:
        drawn.convert("RGB").quantize(_COLOURS).save(written, "PNG", optimize=True)
    return written.getvalue()


def _run(browser: str, folder: str, height: int, *arguments: str) -> str:
    flags = ["--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
    flags += ["--disable-component-update", "--disable-sync", "--hide-scrollbars", "--disable-lcd-text"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")  # Chromium's sandbox does not start for root
    flags += [f"--user-data-dir={folder}/profile", f"--force-device-scale-factor={_SCALE}"]
    flags.append(f"--window-size={_WIDTH},{height}")
    command = [browser, *flags, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=90)  # noqa: S603
    return done.stdout


def digest_of(text: str) -> str:
    """The digest by which a picture names the card it shows."""
    return hashlib.sha256(text.encode()).hexdigest()


def stamp(picture: bytes, digest: str) -> bytes:
    """Put a digest into a PNG as a text chunk, after its header."""
    content = b"tEXt" + _DIGEST_KEY + b"\0" + digest.encode("ascii")
    chunk = struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
    header_end = len(_SIGNATURE) + 25  # IHDR is always 13 bytes long
    return picture[:header_end] + chunk + picture[header_end:]


def stamped_digest(picture: bytes) -> str | None:
    """The digest that a picture carries."""
    found = re.search(rb"tEXt" + _DIGEST_KEY + rb"\0([0-9a-f]{64})", picture)
    return found[1].decode("ascii") if found else None


def main() -> int:
    """Write the card, the excerpt and the picture; the picture only when the card has changed."""
    card = crs_card(ask_service())
    text = as_text(card)
    CARD_FILE.write_text(text, "utf-8")
    README.write_text(refresh(README.read_text("utf-8"), card), "utf-8")
    digest = digest_of(card_page(card))
    if PICTURE.is_file() and stamped_digest(PICTURE.read_bytes()) == digest:
        return 0
    browser = find_browser()
    if browser is None:
        sys.stderr.write(f"{PICTURE.name} is stale and there is no Chromium to draw it\n")
        return 0
    PICTURE.write_bytes(stamp(draw(card_page(card), browser), digest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
