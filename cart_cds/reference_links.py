"""Links inside a page, as GitHub makes them from headings."""

import re


def anchor(heading: str) -> str:
    """The name under which GitHub links to a heading: lower case, blanks as dashes, other signs dropped."""
    return re.sub(r"[^\w\- ]", "", heading.casefold()).replace(" ", "-")
