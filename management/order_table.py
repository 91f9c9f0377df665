"""The table of order checks: what may be found, how loud, with which numbers, and from where.

Loading refuses a row without source, an unknown word, and a kind of finding that has no row. Where a row
names a guard, its source is that of the protocol's guard, so that a site's own guard is cited as its own.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from importlib import resources
from typing import Any

from management.drafted_order import CorrectDose, OrderFinding, OrderKind, Severity
from management.protocol_rows import Protocol, ProtocolError, Provenance
from management.review import Guard

FILE = "order-checks.toml"
_RELIED_ON = frozenset({"A", "B"})
_TIERS = _RELIED_ON | {"C", "GK", "RULE"}


class OrderCut(Enum):
    """A number that an order is compared with."""

    ABOVE_RULE = "above-rule"
    ROUNDED_UP = "rounded-up"
    BELOW_RULE = "below-rule"
    STEROID_FAR_BELOW_RULE = "steroid-far-below-rule"
    RENAL_CLEARANCE = "renal-clearance"
    STEROID_GOES_ON = "steroid-goes-on-from"
    DEXAMETHASONE_IN_PREDNISONE = "prednisone-per-dexamethasone"
    METHYLPREDNISOLONE_IN_PREDNISONE = "prednisone-per-methylprednisolone"
    OUTER_BOUND = "outer-bound"
    OUTER_BOUND_WITHOUT_CAP = "outer-bound-without-cap"
    OUTER_BOUND_WITHOUT_WEIGHT = "outer-bound-without-weight"


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One kind of finding; ``source`` is the guard that it is, or where the row comes from by itself."""

    kind: OrderKind
    severity: Severity
    wording: str
    source: Guard | Provenance


@dataclass(frozen=True, slots=True)
class OrderCutRow:
    """A number with its unit and its source."""

    cut: OrderCut
    value: Decimal
    unit: str
    wording: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class PrintedDose:
    """A dose in mg that the source prints beside a dose rule."""

    rule: str
    value: Decimal
    wording: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class OrderTable:
    """The loaded table."""

    checks: Mapping[OrderKind, CheckRow]
    cuts: Mapping[OrderCut, OrderCutRow]
    printed: Mapping[str, PrintedDose]

    def fraction(self, cut: OrderCut) -> Decimal:
        """A cut in percent, as a fraction."""
        return self.cuts[cut].value / 100


@lru_cache(maxsize=1)
def order_table() -> OrderTable:
    """The shipped table, loaded once."""
    folder = resources.files("management").joinpath("tables", "orders")
    return read_order_table(folder.joinpath(FILE).read_text("utf-8"))


def read_order_table(text: str) -> OrderTable:
    """Read the table. Raises :class:`ProtocolError` naming the row and its fault."""
    try:
        tables = tomllib.loads(text)
        checks = [_check(row) for row in tables["check"]]
        cuts = [_cut(row) for row in tables["cut"]]
        printed = [
            PrintedDose(row["rule"], Decimal(row["value"]), row["wording"], _provenance(row))
            for row in tables["printed"]
        ]
    except (KeyError, ValueError, ArithmeticError) as error:
        raise ProtocolError(f"{FILE}: {error}") from error
    table = OrderTable(
        checks={row.kind: row for row in checks},
        cuts={row.cut: row for row in cuts},
        printed={row.rule: row for row in printed},
    )
    absent = [kind.value for kind in OrderKind if kind not in table.checks]
    absent += [cut.value for cut in OrderCut if cut not in table.cuts]
    if absent or len(table.checks) < len(checks) or len(table.cuts) < len(cuts):
        raise ProtocolError(f"{FILE}: missing or twice: {', '.join(absent) or 'a row'}")
    return table


def find(
    kind: OrderKind,
    protocol: Protocol,
    summary: str,
    text: str | None = None,
    *,
    source: Provenance | None = None,
    correct: CorrectDose | None = None,
) -> OrderFinding:
    """Write a finding of ``kind`` with the source of its row, or with ``source``: that of a dose rule."""
    row = order_table().checks[kind]
    guard = row.source if isinstance(row.source, Guard) else None
    own = protocol.guards[row.source].provenance if isinstance(row.source, Guard) else row.source
    provenance = source or own
    return OrderFinding(
        kind=kind,
        severity=row.severity,
        guard=guard,
        summary=summary,
        text=text or summary,
        cite=provenance.citation,
        tier=provenance.tier,
        verified=provenance.verified,
        correct=correct,
    )


def _check(row: Mapping[str, Any]) -> CheckRow:
    return CheckRow(
        kind=OrderKind(row["kind"]),
        severity=Severity(row["severity"]),
        wording=row["wording"],
        source=Guard(row["guard"]) if "guard" in row else _provenance(row),
    )


def _cut(row: Mapping[str, Any]) -> OrderCutRow:
    return OrderCutRow(
        OrderCut(row["id"]), Decimal(row["value"]), row["unit"], row["wording"], _provenance(row)
    )


def _provenance(row: Mapping[str, Any]) -> Provenance:
    tier, verified = row["tier"], row["verified"]
    if tier not in _TIERS or (verified and tier not in _RELIED_ON) or not row["citation"]:
        raise ValueError(f"{row.get('kind', row.get('id'))}: tier {tier} with verified {verified}")
    return Provenance("; ".join(row["citation"]), tier, verified)
