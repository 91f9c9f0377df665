"""What a protocol that extends another says differently, by the ids of rows and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from management.protocol_rows import Protocol

_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True)
class Differences:
    """Ids with their words. ``changed``, ``added`` and ``left_out`` are rows; ``numbers`` are dose rules,
    guards and cuts, changed or new.
    """

    changed: Mapping[str, str]
    added: Mapping[str, str]
    left_out: Mapping[str, str]
    numbers: Mapping[str, str]

    @property
    def of_this_protocol(self) -> frozenset[str]:
        """Ids of all that the protocol states itself."""
        return frozenset((*self.changed, *self.added, *self.numbers))

    def lines(self) -> tuple[tuple[str, str], ...]:
        """Each difference as a word and what it is about."""
        return tuple(
            (word, f"{id_}: {words}")
            for word, entries in (
                ("changed", self.changed),
                ("added", self.added),
                ("left out", self.left_out),
                ("changed", self.numbers),
            )
            for id_, words in entries.items()
        )


def find_differences(protocol: Protocol, base: Protocol) -> Differences:
    """Compare a protocol with the one that it extends."""
    own, known = ({row.id: row for row in one.rows} for one in (protocol, base))
    numbers = {
        **_other({id_: (rule, rule.text) for id_, rule in protocol.doses.items()}, base.doses),
        **_other(
            {key.value: (row, row.wording) for key, row in protocol.guards.items()},
            {key.value: row for key, row in base.guards.items()},
        ),
        **_other(
            {key.value: (row, row.wording) for key, row in protocol.cuts.items()},
            {key.value: row for key, row in base.cuts.items()},
        ),
    }
    return Differences(
        changed={id_: row.wording for id_, row in own.items() if id_ in known and row != known[id_]},
        added={id_: row.wording for id_, row in own.items() if id_ not in known},
        left_out={id_: row.wording for id_, row in known.items() if id_ not in own},
        numbers=numbers,
    )


def _other(own: Mapping[str, tuple[_Entry, str]], known: Mapping[str, _Entry]) -> dict[str, str]:
    return {id_: words for id_, (entry, words) in own.items() if known.get(id_) != entry}
