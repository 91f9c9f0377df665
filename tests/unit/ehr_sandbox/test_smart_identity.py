"""id_tokens: right by default, and wrong in exactly one thing on demand."""

import hmac
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import KeySet
from joserfc.util import urlsafe_b64decode

from ehr_sandbox.smart_faults import FhirUserForm, IdTokenFault
from tests.unit.ehr_sandbox.smart_client import BASE, CLIENT_ID, SCOPE, SERVER_KEYS, Site


@pytest.fixture
def site() -> Site:
    return Site()


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims = (json.loads(urlsafe_b64decode(part.encode())) for part in token.split(".")[:2])
    return header, claims


def launched(site: Site, scope: str = SCOPE) -> tuple[str, str]:
    """An id_token and the nonce that it was asked for with."""
    request = site.request(scope=scope)
    answer = site.http.get("/auth/authorize", params=request)
    code = answer.headers["location"].partition("code=")[2].partition("&")[0]
    return site.exchange(code).json()["id_token"], request["nonce"]


def verified(site: Site, token: str) -> dict[str, Any]:
    keys = KeySet.import_key_set(site.http.get("/auth/jwks.json").json())
    return jwt.decode(token, keys, algorithms=["RS256", "ES256", "ES384"]).claims


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384"])
def test_an_id_token_says_who_is_signed_in(site: Site, algorithm: str) -> None:
    site.faults.id_token_algorithm = algorithm
    token, nonce = launched(site)
    header, _ = parts(token)
    assert header == {"typ": "JWT", "alg": algorithm, "kid": SERVER_KEYS.keys[algorithm].kid}
    claims = verified(site, token)
    assert claims.pop("sub")
    assert claims == {
        "iss": BASE,
        "aud": CLIENT_ID,
        "iat": site.clock.seconds,
        "exp": site.clock.seconds + 300,
        "nonce": nonce,
        "fhirUser": f"{BASE}/Practitioner/demo-clinician",
    }


@pytest.mark.parametrize(
    ("form", "told"),
    [
        (FhirUserForm.ABSOLUTE, f"{BASE}/Practitioner/demo-clinician"),
        (FhirUserForm.RELATIVE, "Practitioner/demo-clinician"),
        (FhirUserForm.FOREIGN, "https://directory.example/fhir/Practitioner/demo-clinician"),
    ],
)
def test_the_user_is_named_in_three_forms(site: Site, form: FhirUserForm, told: str) -> None:
    site.faults.fhir_user = form
    assert verified(site, launched(site)[0])["fhirUser"] == told


def test_the_user_is_named_only_where_it_was_asked_for(site: Site) -> None:
    assert "fhirUser" not in verified(site, launched(site, "launch openid patient/Patient.r")[0])
    assert "id_token" not in site.tokens(scope="launch patient/Patient.r")


@pytest.mark.parametrize(
    ("fault", "claim", "told"),
    [
        (IdTokenFault.WRONG_ISSUER, "iss", "https://directory.example/fhir"),
        (IdTokenFault.WRONG_AUDIENCE, "aud", "another-client"),
        (IdTokenFault.WRONG_NONCE, "nonce", "the-nonce-of-another-login"),
        (IdTokenFault.NO_NONCE, "nonce", None),
    ],
)
def test_a_claim_can_be_wrong_under_a_good_signature(
    site: Site, fault: IdTokenFault, claim: str, told: str | None
) -> None:
    site.faults.id_token = fault
    token, nonce = launched(site)
    claims = verified(site, token)
    assert claims.get(claim) == told
    rest = {"iss": BASE, "aud": CLIENT_ID, "nonce": nonce}
    rest.pop(claim)
    assert rest.items() <= claims.items()


def test_it_can_have_expired(site: Site) -> None:
    site.faults.id_token = IdTokenFault.EXPIRED
    assert verified(site, launched(site)[0])["exp"] == site.clock.seconds - 300


def test_it_can_be_unsigned(site: Site) -> None:
    site.faults.id_token = IdTokenFault.ALG_NONE
    token = launched(site)[0]
    assert parts(token)[0] == {"typ": "JWT", "alg": "none"}
    assert token.endswith(".")


def test_it_can_be_signed_with_the_public_key_as_a_secret(site: Site) -> None:
    site.faults.id_token = IdTokenFault.HS256_PUBLIC_KEY
    token = launched(site)[0]
    header, _ = parts(token)
    assert (header["alg"], header["kid"]) == ("HS256", SERVER_KEYS.keys["RS256"].kid)
    signed, _, signature = token.rpartition(".")
    pem = SERVER_KEYS.keys["RS256"].public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert urlsafe_b64decode(signature.encode()) == hmac.digest(pem, signed.encode(), "sha256")


def test_it_can_name_no_key_and_hold_all_the_same(site: Site) -> None:
    site.faults.id_token = IdTokenFault.NO_KID
    token = launched(site)[0]
    assert "kid" not in parts(token)[0]
    assert jwt.decode(token, SERVER_KEYS.keys["RS256"], algorithms=["RS256"]).claims["iss"] == BASE


def test_its_signature_can_be_broken(site: Site) -> None:
    site.faults.id_token = IdTokenFault.WRONG_SIGNATURE
    with pytest.raises(BadSignatureError):
        verified(site, launched(site)[0])


def test_after_a_rotation_the_old_key_is_published_no_longer(site: Site) -> None:
    old = {key["kid"] for key in site.http.get("/auth/jwks.json").json()["keys"]}
    before, _ = launched(site)
    site.server.rotate_keys()
    new = {key["kid"] for key in site.http.get("/auth/jwks.json").json()["keys"]}
    assert not old & new
    after, _ = launched(site)
    assert parts(after)[0]["kid"] in new
    assert verified(site, after)["iss"] == BASE
    assert parts(before)[0]["kid"] not in new


def test_it_can_be_signed_by_a_key_that_is_published_no_longer(site: Site) -> None:
    old = {key["kid"] for key in site.http.get("/auth/jwks.json").json()["keys"]}
    site.server.rotate_keys()
    site.faults.id_token = IdTokenFault.RETIRED_KEY
    assert parts(launched(site)[0])[0]["kid"] in old


def test_keys_are_published_with_their_algorithm_or_without(site: Site) -> None:
    keys = site.http.get("/auth/jwks.json").json()["keys"]
    assert [key["alg"] for key in keys] == ["RS256", "ES256", "ES384"]
    assert not any({"d", "p", "q"} & key.keys() for key in keys)
    site.faults.jwks_without_alg = True
    assert not any("alg" in key for key in site.http.get("/auth/jwks.json").json()["keys"])


def test_an_id_token_on_refresh_has_neither_nonce_nor_audience(site: Site) -> None:
    site.faults.id_token_on_refresh = True
    claims = verified(site, site.refresh(site.tokens()["refresh_token"]).json()["id_token"])
    assert claims["iss"] == BASE
    assert not {"nonce", "aud"} & claims.keys()
