"""Stylesheets, scripts and pictures: read once at the start, addressed by their content.

Each address names a hash of what it serves, so a browser may keep it for good and never mixes two versions.
"""

import hashlib
from dataclasses import dataclass
from importlib import resources

from fastapi import APIRouter, Response

from smart_app.errors import PageError

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_FOR_GOOD = "public, max-age=31536000, immutable"
_HASH_LETTERS = 16


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    version: str


class StaticFiles:
    """The files of ``static/``. ``path`` is where they are served, without a slash at its end."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._files: dict[str, _File] = {}
        for entry in resources.files("smart_app").joinpath("static").iterdir():
            media_type = _TYPES.get("." + entry.name.rpartition(".")[2])
            if media_type is not None and entry.is_file():
                content = entry.read_bytes()
                version = hashlib.sha256(content).hexdigest()[:_HASH_LETTERS]
                self._files[entry.name] = _File(content, media_type, version)

    def url_of(self, name: str) -> str:
        """The address of a file. Raises :class:`KeyError` for one that is not there."""
        return f"{self._path}/{self._files[name].version}/{name}"

    def router(self) -> APIRouter:
        """The route of the files."""
        router = APIRouter()

        @router.get("/static/{version}/{name}")
        async def serve(version: str, name: str) -> Response:
            file = self._files.get(name)
            if file is None or file.version != version:
                raise PageError(404, "There is nothing here", "This address belongs to no file of this app.")
            return Response(file.content, media_type=file.media_type, headers={"Cache-Control": _FOR_GOOD})

        return router
