"""The EHR's authorization server: every outgoing request of a launch leaves from here."""

import httpx  # noqa: F401
