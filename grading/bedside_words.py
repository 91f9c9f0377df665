"""Findings, devices and agents in the words of a ward; most codes read well once their hyphens are gone."""

from collections.abc import Mapping
from enum import Enum

from grading.chart import Consciousness, OxygenDevice, RaisedIcp, Seizure, VasoactiveAgent

_WORDS: Mapping[Enum, str] = {
    OxygenDevice.VENTURI_MASK: "Venturi mask",
    OxygenDevice.PARTIAL_REBREATHER: "partial rebreather mask",
    OxygenDevice.NON_REBREATHER: "non-rebreather mask",
    OxygenDevice.CPAP: "CPAP",
    OxygenDevice.BIPAP: "BiPAP",
    OxygenDevice.T_PIECE: "T-piece",
    OxygenDevice.ECMO: "ECMO",
    OxygenDevice.UNSPECIFIED_MASK: "mask of a kind not told",
    OxygenDevice.UNSPECIFIED_NON_INVASIVE_VENTILATION: "non-invasive ventilation of a kind not told",
    OxygenDevice.UNSPECIFIED_OXYGEN: "oxygen by a device not told",
    VasoactiveAgent.ANGIOTENSIN_II: "angiotensin II",
    Consciousness.AWAKENS_TO_TOUCH: "awakens only to touch",
    Seizure.BRIEF_RESOLVED: "brief seizure, resolved",
    Seizure.EEG_RESOLVED_WITH_TREATMENT: "seizure on EEG, resolved with treatment",
    Seizure.REPEATED_WITH_RECOVERY: "repeated seizures with recovery between",
    Seizure.PROLONGED_OVER_5_MIN: "seizure of more than 5 minutes",
    Seizure.REPETITIVE_WITHOUT_RECOVERY: "repetitive seizures without recovery between",
    RaisedIcp.FOCAL_OEDEMA: "focal oedema on imaging",
    RaisedIcp.DIFFUSE_OEDEMA: "diffuse oedema on imaging",
    RaisedIcp.POSTURING: "decerebrate or decorticate posturing",
    RaisedIcp.CRANIAL_NERVE_VI_PALSY: "cranial nerve VI palsy",
    RaisedIcp.CUSHING_TRIAD: "Cushing's triad",
}


def in_words(charted: Enum) -> str:
    """A charted finding, device or agent as a reader would say it."""
    return _WORDS.get(charted) or str(charted.value).replace("-", " ")
