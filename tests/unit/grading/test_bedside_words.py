"""What a card says of a finding is what a doctor would say."""

from enum import Enum

import pytest

from grading.bedside_words import in_words
from grading.chart import Consciousness, Motor, OxygenDevice, RaisedIcp, Seizure, VasoactiveAgent

FINDINGS = [*OxygenDevice, *VasoactiveAgent, *Consciousness, *Seizure, *Motor, *RaisedIcp]


@pytest.mark.parametrize(
    ("charted", "words"),
    [
        (OxygenDevice.BIPAP, "BiPAP"),
        (OxygenDevice.CPAP, "CPAP"),
        (OxygenDevice.MECHANICAL_VENTILATION, "mechanical ventilation"),
        (OxygenDevice.NASAL_CANNULA, "nasal cannula"),
        (OxygenDevice.VENTURI_MASK, "Venturi mask"),
        (VasoactiveAgent.NOREPINEPHRINE, "norepinephrine"),
        (VasoactiveAgent.ANGIOTENSIN_II, "angiotensin II"),
        (Consciousness.AWAKENS_TO_VOICE, "awakens to voice"),
        (Seizure.BRIEF_RESOLVED, "brief seizure, resolved"),
        (Motor.TREMOR_OR_MYOCLONUS, "tremor or myoclonus"),
        (RaisedIcp.CRANIAL_NERVE_VI_PALSY, "cranial nerve VI palsy"),
    ],
)
def test_it_is_said_as_on_a_ward(charted: Enum, words: str) -> None:
    assert in_words(charted) == words


@pytest.mark.parametrize("seizure", [finding for finding in Seizure if finding is not Seizure.NONE])
def test_a_seizure_is_called_one(seizure: Seizure) -> None:
    assert "seizure" in in_words(seizure)


@pytest.mark.parametrize("charted", FINDINGS, ids=lambda one: str(one.value))
def test_no_code_reaches_a_reader(charted: Enum) -> None:
    assert in_words(charted)
    assert "_" not in in_words(charted)
