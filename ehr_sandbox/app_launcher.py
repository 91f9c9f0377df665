"""A SMART launch from the chart: the address that the frame opens."""

from urllib.parse import urlencode, urlsplit, urlunsplit

from ehr_sandbox.chart_actions import LaunchedApp
from ehr_sandbox.smart_server import LaunchContext, SmartServer
from ehr_sandbox.ward import encounter_id


class SmartLauncher:
    """Begins launches at an authorization server; ``fhir_base`` is told as ``iss``."""

    def __init__(self, server: SmartServer, fhir_base: str) -> None:
        self._server = server
        self._fhir_base = fhir_base

    def begin(self, app: LaunchedApp) -> str:
        """The app's launch URL with ``launch`` and ``iss``. Neither names the patient."""
        context = LaunchContext(app.patient_id, encounter_id(app.patient_id), app_context=app.app_context)
        told = urlencode({"iss": self._fhir_base, "launch": self._server.begin_launch(context)})
        parts = urlsplit(app.url)
        query = f"{parts.query}&{told}" if parts.query else told
        return urlunsplit(parts._replace(query=query))
