"""Settings of the SMART app: what starts, what refuses to start, and what the refusal does not say."""

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import RSAKey

from smart_app.keys import KeyFileError, SigningKey, SigningKeys
from smart_app.settings import ClientAuth, SmartSettings, SmartSettingsError

RSA_2048 = rsa.generate_private_key(65537, 2048)
P_384 = ec.generate_private_key(ec.SECP384R1())
EHR = '[[ehr]]\niss = "https://ehr.example/r4"\nclient_id = "cart"\n'


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def put(path: Path, content: bytes | str, mode: int = 0o600) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return path


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    put(tmp_path / "keys" / "a.pem", pem(RSA_2048))
    put(tmp_path / "keys" / "b.pem", pem(P_384), 0o400)
    put(tmp_path / "keys" / "notes.txt", "no key", 0o644)
    return tmp_path / "keys"


def read(tmp_path: Path, toml: str, keys: Path | None = None, **more: str) -> SmartSettings:
    values = {
        "CART_CDS_SMART_EHRS": str(put(tmp_path / "ehrs.toml", toml, 0o644)),
        "CART_CDS_PUBLIC_URL": "https://cds.example/base/",
    } | {f"CART_CDS_{name}": value for name, value in more.items()}
    return SmartSettings.from_environment(values | ({"CART_CDS_SMART_KEYS": str(keys)} if keys else {}))


def test_without_ehrs_the_app_is_off() -> None:
    assert not SmartSettings.from_environment({}).is_on
    assert not SmartSettings.from_environment({"CART_CDS_SMART_EHRS": " "}).is_on


def test_all_keys_of_the_file_are_read(tmp_path: Path, keys: Path) -> None:
    put(tmp_path / "secret", "s3cret-value\n")
    settings = read(
        tmp_path,
        """
        idle_minutes = 10
        absolute_minutes = 480
        [[ehr]]
        iss = "https://ehr.example/r4/"
        client_id = "cart"
        algorithm = "ES384"
        allow_missing_s256 = true
        scopes = ["patient/Observation.rs?category=vital-signs"]
        frame_ancestors = ["https://ehr.example", "https://portal.example:8443"]
        fhir_user_required = true
        name = "North hospital"
        [[ehr]]
        iss = "https://other.example"
        client_id = "cart2"
        auth = "client_secret_basic"
        client_secret_file = "secret"
        frame_ancestors = ["https://ehr.example"]
        """,
        keys,
    )
    one, two = settings.ehrs
    assert (one.iss, one.base, one.client_id) == ("https://ehr.example/r4/", "https://ehr.example/r4", "cart")
    assert (one.auth, one.algorithm, one.requires_s256) == (ClientAuth.PRIVATE_KEY_JWT, "ES384", False)
    assert one.extra_scopes == ("patient/Observation.rs?category=vital-signs",)
    assert (one.fhir_user_required, one.label, two.label) == (True, "North hospital", "other.example")
    assert (two.auth, two.secret, two.requires_s256) == (ClientAuth.CLIENT_SECRET_BASIC, "s3cret-value", True)
    assert settings.frame_ancestors == ("https://ehr.example", "https://portal.example:8443")
    assert (settings.idle_minutes, settings.absolute_minutes) == (10, 480)
    assert settings.launch_uri == "https://cds.example/base/smart/launch"
    assert settings.redirect_uri == "https://cds.example/base/smart/callback"
    assert settings.jwks_uri == "https://cds.example/base/smart/.well-known/jwks.json"
    assert "s3cret" not in repr(settings) and settings.session_key.hex() not in repr(settings)


def test_the_defaults_are_the_safe_ones(tmp_path: Path, keys: Path) -> None:
    settings = read(tmp_path, EHR, keys)
    (ehr,) = settings.ehrs
    assert ehr.auth is ClientAuth.PRIVATE_KEY_JWT and ehr.requires_s256 and ehr.frame_ancestors == ()
    assert (settings.idle_minutes, settings.absolute_minutes) == (15, 720)
    assert not settings.insecure_loopback and len(settings.session_key) == 32


@pytest.mark.parametrize(
    ("toml", "key"),
    [
        ("", "ehr"),
        ("x = 1\n" + EHR, "x"),
        ("[ehr]\n", "ehr"),
        ("ehr = 7\n", "ehr"),
        ('[[ehr]]\nclient_id = "SECRET"\n', "iss"),
        ('[[ehr]]\niss = "https://SECRET.example"\n', "client_id"),
        (EHR + 'client_secret = "SECRET"\n', "client_secret"),
        (EHR + 'client_secret_file = "SECRET"\n', "client_secret_file"),
        (EHR + 'auth = "SECRET"\n', "auth"),
        (EHR + 'auth = "client_secret_basic"\n', "client_secret_file"),
        (EHR + 'algorithm = "RS256"\n', "algorithm"),
        (EHR + 'allow_missing_s256 = "SECRET"\n', "allow_missing_s256"),
        (EHR + "fhir_user_required = 1\n", "fhir_user_required"),
        (EHR + 'frame_ancestors = "SECRET"\n', "frame_ancestors"),
        (EHR + 'frame_ancestors = ["*"]\n', "frame_ancestors"),
        (EHR + 'frame_ancestors = ["https://*.example"]\n', "frame_ancestors"),
        (EHR + 'frame_ancestors = ["https://a.example/path"]\n', "frame_ancestors"),
        (EHR + 'frame_ancestors = ["http://a.example"]\n', "frame_ancestors"),
        (EHR + "frame_ancestors = [\"https://a.example; script-src 'self'\"]\n", "frame_ancestors"),
        (EHR + 'scopes = ["openid SECRET"]\n', "scopes"),
        (EHR + "scopes = [7]\n", "scopes"),
        ("idle_minutes = 16\n" + EHR, "idle_minutes"),
        ("idle_minutes = 0\n" + EHR, "idle_minutes"),
        ("absolute_minutes = 721\n" + EHR, "absolute_minutes"),
        ("absolute_minutes = true\n" + EHR, "absolute_minutes"),
        (EHR + EHR.replace("/r4", "/r4/"), "iss"),
        (EHR.replace("https", "http"), "iss"),
        (EHR.replace("https", "http").replace("ehr.example", "127.0.0.1"), "iss"),
        (EHR.replace("/r4", "/r4?x=SECRET"), "iss"),
        (EHR.replace("/r4", "/r4//"), "iss"),
        (EHR.replace("ehr.example", "user:SECRET@ehr.example"), "iss"),
    ],
)
def test_a_fault_names_its_key_and_never_the_value(tmp_path: Path, keys: Path, toml: str, key: str) -> None:
    with pytest.raises(SmartSettingsError, match=rf"CART_CDS_SMART_EHRS: .*ehrs\.toml.*\b{key}\b") as caught:
        read(tmp_path, toml, keys)
    assert "SECRET" not in str(caught.value)


def test_a_file_that_is_no_toml_does_not_show_its_lines(tmp_path: Path) -> None:
    with pytest.raises(SmartSettingsError, match="is not TOML") as caught:
        read(tmp_path, 'client_secret = "SECRET\n')
    assert "SECRET" not in str(caught.value) and caught.value.__cause__ is None
    with pytest.raises(SmartSettingsError, match="cannot be read"):
        SmartSettings.from_environment({"CART_CDS_SMART_EHRS": str(tmp_path / "missing.toml")})


def test_http_is_for_loopback_and_only_when_asked_for(tmp_path: Path, keys: Path) -> None:
    toml = EHR.replace("https://ehr.example", "http://127.0.0.1:8001")
    settings = read(tmp_path, "insecure_loopback = true\n" + toml, keys)
    assert settings.takes("http://127.0.0.1:8001/auth") and settings.takes("http://localhost/x")
    assert not settings.takes("http://ehr.example/auth") and not settings.takes("http://127.0.0.1.example/")
    assert not read(tmp_path, EHR, keys).takes("http://127.0.0.1:8001/auth")


def test_private_addresses_of_a_hospital_are_taken(tmp_path: Path, keys: Path) -> None:
    settings = read(tmp_path, EHR, keys)
    for url in (
        "https://10.1.2.3/r4",
        "https://192.168.0.7:8443/r4",
        "https://[fd00::7]/r4",
        "https://ehr7/r4",
    ):
        assert settings.takes(url)


@pytest.mark.parametrize("url", ["", "cds.example", "http://cds.example", "https://cds.example/?x=1"])
def test_the_public_address_must_be_known(tmp_path: Path, keys: Path, url: str) -> None:
    with pytest.raises(SmartSettingsError, match="CART_CDS_PUBLIC_URL"):
        read(tmp_path, EHR, keys, PUBLIC_URL=url)


def test_an_ehr_is_found_by_its_exact_address_alone(tmp_path: Path, keys: Path) -> None:
    settings = read(tmp_path, EHR, keys)
    assert settings.ehr_of("https://ehr.example/r4") is settings.ehr_of("https://ehr.example/r4/")
    assert settings.ehr_of("https://ehr.example/r4") is settings.ehrs[0]
    for other in ("https://ehr.example", "https://ehr.example/r4//", "https://EHR.example/r4", ""):
        assert settings.ehr_of(other) is None


def test_keys_are_required_where_an_ehr_takes_assertions(tmp_path: Path) -> None:
    with pytest.raises(SmartSettingsError, match="CART_CDS_SMART_KEYS"):
        read(tmp_path, EHR)
    put(tmp_path / "secret", "x")
    by_secret = EHR + 'auth = "client_secret_basic"\nclient_secret_file = "secret"\n'
    assert read(tmp_path, by_secret).keys.keys == ()


def test_a_preferred_algorithm_needs_its_key(tmp_path: Path) -> None:
    folder = put(tmp_path / "only" / "a.pem", pem(RSA_2048)).parent
    with pytest.raises(SmartSettingsError, match=r"CART_CDS_SMART_KEYS.*ES384"):
        read(tmp_path, EHR + 'algorithm = "ES384"\n', folder)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620, 0o700, 0o660])
def test_files_that_others_may_read_or_change_are_refused(tmp_path: Path, keys: Path, mode: int) -> None:
    (keys / "a.pem").chmod(mode)
    with pytest.raises(SmartSettingsError, match=r"CART_CDS_SMART_KEYS.*a\.pem.*0600"):
        read(tmp_path, EHR, keys)
    (keys / "a.pem").chmod(0o600)
    put(tmp_path / "secret", "x", mode)
    with pytest.raises(SmartSettingsError, match=r"client_secret_file.*0600"):
        read(tmp_path, EHR + 'auth = "client_secret_basic"\nclient_secret_file = "secret"\n', keys)
    session_key = put(tmp_path / "session", "00" * 32, mode)
    with pytest.raises(SmartSettingsError, match=r"CART_CDS_SMART_SESSION_KEY.*0600"):
        read(tmp_path, EHR, keys, SMART_SESSION_KEY=str(session_key))


@pytest.mark.parametrize(
    "content",
    [
        pem(rsa.generate_private_key(65537, 1024)),  # noqa: S505 - too short on purpose
        pem(ec.generate_private_key(ec.SECP256R1())),
        b"-----BEGIN PRIVATE KEY-----\nSECRET\n-----END PRIVATE KEY-----\n",
        b"",
    ],
)
def test_a_key_that_signs_neither_algorithm_is_refused(tmp_path: Path, content: bytes) -> None:
    folder = put(tmp_path / "bad" / "x.pem", content).parent
    with pytest.raises(KeyFileError, match=r"x\.pem must be") as caught:
        SigningKeys.of_folder(folder)
    assert "SECRET" not in str(caught.value)


def test_a_folder_without_keys_or_with_one_twice_is_refused(tmp_path: Path, keys: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(KeyFileError):
            SigningKeys.of_folder(folder)
    put(keys / "c.pem", pem(RSA_2048))
    with pytest.raises(KeyFileError, match="twice"):
        SigningKeys.of_folder(keys)


def test_the_first_key_by_name_signs_and_all_are_published(keys: Path) -> None:
    before = SigningKey.of_pem(pem(rsa.generate_private_key(65537, 2048)))
    put(keys / "0.pem", before.private.as_pem(private=True))
    read_keys = SigningKeys.of_folder(keys)
    chosen = read_keys.choose(["RS384"])
    assert chosen is not None and chosen.kid == before.kid
    assert len(read_keys.jwks()["keys"]) == 3


def test_kid_is_the_thumbprint_of_the_key(keys: Path) -> None:
    signing = SigningKeys.of_folder(keys).keys[0]
    assert signing.kid == RSAKey.import_key(pem(RSA_2048)).thumbprint()
    assert "private" not in repr(signing)


@pytest.mark.parametrize("write", [bytes.hex, lambda key: base64.urlsafe_b64encode(key).decode().rstrip("=")])
def test_the_session_key_is_32_bytes_as_hex_or_base64url(tmp_path: Path, keys: Path, write: object) -> None:
    key = bytes(range(224, 256))
    path = put(tmp_path / "session", write(key) + "\n")  # type: ignore[operator]
    settings = read(tmp_path, EHR, keys, SMART_SESSION_KEY=str(path), DATABASE_URL="sqlite:///x.db")
    assert settings.session_key == key and settings.database_url == "sqlite:///x.db"


@pytest.mark.parametrize("content", ["", "00" * 31, "00" * 33, "x" * 32, "äöü"])
def test_another_session_key_is_refused(tmp_path: Path, keys: Path, content: str) -> None:
    path = put(tmp_path / "session", content)
    with pytest.raises(SmartSettingsError, match=r"CART_CDS_SMART_SESSION_KEY.*32 bytes"):
        read(tmp_path, EHR, keys, SMART_SESSION_KEY=str(path))


def test_a_database_needs_a_session_key_that_stays(tmp_path: Path, keys: Path) -> None:
    with pytest.raises(SmartSettingsError, match=r"CART_CDS_SMART_SESSION_KEY"):
        read(tmp_path, EHR, keys, DATABASE_URL="sqlite:///x.db")
