"""Rows of the chart for the drugs that mask fever or treat the syndromes, and for orders."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from grading.circulation import VasoactiveAgent
from grading.gaps import Source


class ImmuneDrug(Enum):
    """Anticytokine drugs, steroids and others whose doses the protocols count."""

    TOCILIZUMAB = "tocilizumab"
    SILTUXIMAB = "siltuximab"
    ANAKINRA = "anakinra"
    DEXAMETHASONE = "dexamethasone"
    METHYLPREDNISOLONE = "methylprednisolone"
    HYDROCORTISONE = "hydrocortisone"
    PREDNISONE = "prednisone"
    PREDNISOLONE = "prednisolone"
    ACETAMINOPHEN = "acetaminophen"
    IBUPROFEN = "ibuprofen"
    LEVETIRACETAM = "levetiracetam"


STEROIDS = frozenset(
    {
        ImmuneDrug.DEXAMETHASONE,
        ImmuneDrug.METHYLPREDNISOLONE,
        ImmuneDrug.HYDROCORTISONE,
        ImmuneDrug.PREDNISONE,
        ImmuneDrug.PREDNISOLONE,
    }
)
ANTIPYRETICS = frozenset({ImmuneDrug.ACETAMINOPHEN, ImmuneDrug.IBUPROFEN})
ANTICYTOKINES = frozenset({ImmuneDrug.TOCILIZUMAB, ImmuneDrug.SILTUXIMAB, ImmuneDrug.ANAKINRA})


@dataclass(frozen=True, slots=True)
class DrugDose:
    """One administered dose (never an order) of a drug that masks fever or treats the syndromes.

    ``at`` is the start. ``milligrams`` is ``None`` when not charted in a mass. ``systemic`` is ``False`` for
    drops, creams and inhaled forms, which do not mask fever. ``subcutaneous`` marks tocilizumab for
    arthritis, shown but not counted. ``name`` is the drug as charted (a biosimilar keeps its own name).
    """

    drug: ImmuneDrug
    at: datetime
    milligrams: Decimal | None
    source: Source
    name: str | None = None
    systemic: bool = True
    subcutaneous: bool = False


@dataclass(frozen=True, slots=True)
class PendingOrder:
    """An active order (MedicationRequest). It never counts as given.

    ``drug`` is the value of a :class:`VasoactiveAgent` or :class:`ImmuneDrug`.
    """

    drug: VasoactiveAgent | ImmuneDrug
    authored_at: datetime | None
    source: Source
