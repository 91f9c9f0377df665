"""The sandbox's authorization server: SMART App Launch 2.2, and the guard of the FHIR endpoint's door.

Strict where public launch simulators are lenient, and wrong on demand (:class:`SmartFaults`) as real servers
are. It keeps everything in memory, knows no public clients, no sign-in and no consent, and gives no
``system/`` access. What it does not do: enforce the query of a scope, introspect tokens, end a user's visit.
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter

from ehr_sandbox.clock import now_utc
from ehr_sandbox.door import AccessRefusedError, Interaction
from ehr_sandbox.smart_authorize import Authorizations, PatientChoice
from ehr_sandbox.smart_clients import Clients, RegisteredClient
from ehr_sandbox.smart_discovery import STYLE, Addresses
from ehr_sandbox.smart_faults import SmartFaults
from ehr_sandbox.smart_grants import Grant, Grants
from ehr_sandbox.smart_identity import Identities, SigningKeys
from ehr_sandbox.smart_launch_service import LaunchService
from ehr_sandbox.smart_launches import LaunchContext, Launches
from ehr_sandbox.smart_routes import smart_router
from ehr_sandbox.smart_scopes import may, resource_scope
from ehr_sandbox.smart_token import TokenRequests

__all__ = ["LaunchContext", "PatientChoice", "RegisteredClient", "SmartFaults", "SmartServer"]

SERVICE_TOKEN_SECONDS = 300
_WITHOUT_A_TOKEN = (Interaction.READ, Interaction.SEARCH)


class SmartServer:
    """The authorization server of one FHIR base; implements :class:`ehr_sandbox.door.Door`.

    ``fhir_base`` has no slash at its end and is the issuer. ``clock`` is real time (aware), not the course's.
    ``patients`` lists whom an app that stands alone may be opened for. ``open_reads`` lets reads and searches
    through that bring no ``Authorization`` at all; one that is brought always counts. ``service_subject`` is
    the client id of the CDS service in ``fhirAuthorization``. ``keys`` are made where none are given.
    """

    def __init__(
        self,
        fhir_base: str,
        clients: Sequence[RegisteredClient],
        *,
        clock: Callable[[], datetime] = now_utc,
        faults: SmartFaults | None = None,
        open_reads: bool = False,
        patients: Callable[[], Sequence[PatientChoice]] = tuple,
        service_subject: str = "cart-toxicity-cds",
        keys: SigningKeys | None = None,
    ) -> None:
        if fhir_base.endswith("/"):
            raise ValueError("the FHIR base has no slash at its end")
        self.faults = faults if faults is not None else SmartFaults()
        self.patients = patients
        self.addresses = Addresses(fhir_base)
        self.clients = Clients(clients, self.addresses.token_endpoint, clock)
        self.identities = Identities(fhir_base, self.faults, clock, keys)
        self._open_reads = open_reads
        self._service_subject = service_subject
        self._launches = Launches(clock)
        self._grants = Grants(clock)
        self.authorizations = Authorizations(
            fhir_base, self.clients, self._launches, self._grants, self.faults, patients, clock
        )
        self.token_requests = TokenRequests(self.clients, self._grants, self.identities, self.faults)
        self.launch_service = LaunchService(self.clients, self._launches, patients)

    @property
    def style_url(self) -> str:
        """Where the sandbox's style is, for ``LaunchContext.smart_style_url``."""
        return self.addresses.origin + STYLE

    def begin_launch(self, context: LaunchContext) -> str:
        """Begin a launch from the chart; returns the ``launch`` value: good once, for five minutes.

        The app is opened at ``{launch_uri}?iss={fhir_base}&launch={value}``.
        """
        return self._launches.begin(context)

    def router(self) -> APIRouter:
        """All routes with their full paths; to be included before the FHIR endpoint's."""
        return smart_router(self)

    def rotate_keys(self) -> None:
        """Sign id_tokens with new keys; the old ones are gone from the JWK Set at once."""
        self.identities.rotate_keys()

    def issue_for_service(self, patient_id: str, scope: str) -> dict[str, Any]:
        """``fhirAuthorization`` of a CDS Hooks call: a token for one patient, without a refresh token.

        Raises :class:`ValueError` for a scope that is no ``patient/`` or ``user/`` scope known here.
        """
        if not scope.split() or any(resource_scope(text) is None for text in scope.split()):
            raise ValueError("a service's scopes are patient/ and user/ scopes of known types")
        grant = Grant(self._service_subject, scope, patient_id)
        issued = self._grants.issue(grant, SERVICE_TOKEN_SECONDS)
        return {
            "access_token": issued.access_token,
            "token_type": "Bearer",
            "expires_in": issued.seconds,
            "scope": scope,
            "subject": self._service_subject,
            "patient": patient_id,
        }

    def admit(
        self, authorization: str | None, interaction: Interaction, kind: str, patients: Collection[str]
    ) -> None:
        """The door: see :meth:`ehr_sandbox.door.Door.admit`."""
        if authorization is None and self._open_reads and interaction in _WITHOUT_A_TOKEN:
            return
        grant = self._grant_of(authorization)
        if not may(grant.scope, interaction.value, kind, grant.patient_id, patients):
            raise AccessRefusedError(403, "the token does not permit this")

    def admit_launch(self, authorization: str | None, patient_id: str) -> None:
        """Whether a launch for a patient may be begun by request: with a token, only for its own patient.

        Raises :class:`AccessRefusedError`.
        """
        if authorization is None and self._open_reads:
            return
        if self._grant_of(authorization).patient_id != patient_id:
            raise AccessRefusedError(403, "the token is for another patient")

    def _grant_of(self, authorization: str | None) -> Grant:
        if authorization is None:
            raise AccessRefusedError(401, "a token is needed")
        scheme, _, token = authorization.partition(" ")
        grant = self._grants.find(token.strip()) if scheme.casefold() == "bearer" else None
        if grant is None:
            raise AccessRefusedError(401, "the token is not known, or has expired")
        return grant
