"""Where the entries of a TOML text stand: the parser of the standard library keeps no positions.

The text is read once more, token by token, after ``tomllib`` has accepted it. That makes the scan simple:
it need not judge the text, only tell strings and comments from keys and tables.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property

Path = tuple[str | int, ...]
"""Keys and indices from the top of the file: ``("row", 3, "gives", 0, "strength")``."""

_TOKEN = re.compile(
    r"""
    (?P<string>
        \"{3} (?: \\. | [^"\\] | "(?!"") )* \"{3} "{0,2}
      | '{3} (?: [^'] | '(?!'') )* '{3} '{0,2}
      | " (?: \\. | [^"\\\n] )* "
      | ' [^'\n]* '
    )
    | (?P<comment> \#[^\n]* )
    | (?P<newline> \n )
    | (?P<open> [\[{] )
    | (?P<close> [\]}] )
    | (?P<equals> = )
    | (?P<bare> [A-Za-z0-9_-]+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)


class Lines:
    """Lines, counted from 1, of the tables and keys of a valid TOML text; looked for when first asked."""

    def __init__(self, text: str) -> None:
        self._text = text

    def of(self, path: Path) -> int:
        """The line of a path; of what is inside a value, or is not there, that of what holds it."""
        while path and path not in self._found:
            path = path[:-1]
        return self._found.get(path, 1)

    @cached_property
    def _found(self) -> Mapping[Path, int]:
        found: dict[Path, int] = {}
        counts: Counter[Path] = Counter()
        table: Path = ()
        for line, is_header, is_array, names in _statements(self._text):
            path: Path = (*table, *names)
            if is_header:
                path = table = _enter(names, counts, is_array=is_array)
            for length in range(1, len(path) + 1):
                found.setdefault(path[:length], line)
        return found


def _statements(text: str) -> Iterator[tuple[int, bool, bool, list[str]]]:
    """Every header and every key with its line: ``(line, is header, is array of tables, names)``."""
    line, begun, depth, opened = 1, 1, 0, 0
    names: list[str] = []
    in_value = False
    for token in _TOKEN.finditer(f"{text}\n"):
        kind, written = str(token.lastgroup), token[0]
        if kind == "newline" and (depth == 0 or not in_value):
            if opened:
                yield begun, True, opened > 1, names
            names, in_value, depth, opened = [], False, 0, 0
        elif in_value:
            depth += (kind == "open") - (kind == "close")
        elif kind == "equals":
            yield begun, False, False, names
            in_value = True
        elif kind == "open":
            begun, opened = line, opened + 1
        elif kind in ("bare", "string"):
            begun = line
            names.append(written if kind == "bare" else next(iter(tomllib.loads(f"{written} = 0"))))
        line += written.count("\n")


def _enter(names: list[str], counts: Counter[Path], *, is_array: bool) -> Path:
    """The path of a table by its header; an array of tables is entered at its latest member."""
    path: Path = ()
    for name in names[:-1]:
        path = (*path, name)
        if counts[path]:
            path = (*path, counts[path] - 1)
    path = (*path, names[-1])
    if not is_array:
        return path
    counts[path] += 1
    return (*path, counts[path] - 1)
