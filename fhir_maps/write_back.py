"""Observations to the EHR's FHIR server: conditional create, update, and reading again what was saved."""

import httpx  # noqa: F401
