"""The lines that faults name are those on which the keys stand, whatever the text around them."""

import tomllib
from collections.abc import Iterator
from importlib import resources

import pytest

from management.protocol_lines import Lines, Path

TRICKY = '''# [[row]] in a comment
name = "a [[row]] # and = in a string"
long = """
[[row]]
id = "not a row" \\""" still inside
it ends with two quotes"""""
raw = \'\'\'
[[row]]
it's = raw\'\'\'\'
list = [
  "one", # a comment with ] in it
  """
two
""",
]
"quoted key" = 1
'literal key' = 2
dotted.key = 3
inline = { a = 1, b = "]" }

[[row]]
id = "first"
  [[ row . gives ]]
  id = "x"
  [[row.gives]]
  id = "y"
[[row]]
id = "second"
[[row.gives]]
id = "z"
[table."odd name"]
last = true'''


def line_of(text: str, words: str, occurrence: int = 1) -> int:
    """The line on which ``words`` stand for the given time."""
    return [number for number, line in enumerate(text.split("\n"), 1) if line == words][occurrence - 1]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 1),
        (("name",), 2),
        (("long",), 3),
        (("raw",), line_of(TRICKY, "raw = '''")),
        (("list",), line_of(TRICKY, "list = [")),
        (("list", 1), line_of(TRICKY, "list = [")),
        (("quoted key",), line_of(TRICKY, '"quoted key" = 1')),
        (("literal key",), line_of(TRICKY, "'literal key' = 2")),
        (("dotted", "key"), line_of(TRICKY, "dotted.key = 3")),
        (("inline", "a"), line_of(TRICKY, 'inline = { a = 1, b = "]" }')),
        (("row", 0), line_of(TRICKY, "[[row]]", 3)),
        (("row", 0, "id"), line_of(TRICKY, 'id = "first"')),
        (("row", 0, "gives", 0, "id"), line_of(TRICKY, '  id = "x"')),
        (("row", 0, "gives", 1, "id"), line_of(TRICKY, '  id = "y"')),
        (("row", 0, "gives", 1, "missing"), line_of(TRICKY, "  [[row.gives]]")),
        (("row", 1, "gives", 0, "id"), line_of(TRICKY, 'id = "z"')),
        (("table", "odd name", "last"), line_of(TRICKY, "last = true")),
    ],
)
def test_a_key_is_found_on_its_line(path: Path, line: int) -> None:
    tomllib.loads(TRICKY)  # the text is TOML, or the test proves nothing
    assert Lines(TRICKY).of(path) == line


def test_lines_are_counted_alike_with_windows_line_ends() -> None:
    text = TRICKY.replace("\n", "\r\n")
    assert Lines(text).of(("row", 1, "id")) == line_of(TRICKY, 'id = "second"')


def keys_of(value: object, path: Path = ()) -> Iterator[Path]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield (*path, key)
            yield from keys_of(member, (*path, key))
    if isinstance(value, list):
        for index, member in enumerate(value):
            yield from keys_of(member, (*path, index))


@pytest.mark.parametrize("room", ["grading", "management", "fhir_maps"])
def test_every_key_of_every_shipped_table_is_found_where_it_is_written(room: str) -> None:
    for file in resources.files(room).joinpath("tables").iterdir():
        if not file.name.endswith(".toml"):
            continue
        text = file.read_text("utf-8")
        written, lines = text.splitlines(), Lines(text)
        for path in keys_of(tomllib.loads(text)):
            key = path[-1]
            on_line = written[lines.of(path) - 1]
            assert str(key) in on_line, (file.name, path, on_line)
