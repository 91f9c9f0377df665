"""Write the committed patients from their courses: ``python -m ehr_sandbox.write_patients``.

One resource a line, so that a changed course shows as changed lines. A test proves that the committed
files are what this module writes.
"""

import json
from pathlib import Path

from ehr_sandbox.courses import COURSES
from ehr_sandbox.record import Resource

FOLDER = Path(__file__).parent / "patients"


def format_bundle(bundle: Resource) -> str:
    """Return a Bundle as JSON with one entry a line."""
    head = {name: value for name, value in bundle.items() if name != "entry"}
    opening = json.dumps(head, ensure_ascii=False, separators=(",", ":"))[:-1]
    entries = ",\n".join(
        json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in bundle["entry"]
    )
    return f'{opening},"entry":[\n{entries}\n]}}\n'


def written_files() -> dict[str, str]:
    """Return the text of every patient's file by its name."""
    records = [course() for course in COURSES]
    return {f"{record.id}.json": format_bundle(record.bundle()) for record in records}


def main() -> None:
    """Write all files."""
    for name, text in written_files().items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
