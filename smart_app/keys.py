"""Our signing keys: what proves to an EHR's authorization server that the app is the registered one.

A folder holds them as PEM files that nobody else may read. RSA keys (2048 bits and more) sign RS384, EC keys
of P-384 sign ES384. Where a folder holds several for one algorithm, the first by file name signs and the
others are only published: that is how a key is changed without a break. Nothing private leaves this module.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import fstat
from pathlib import Path
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

ALGORITHMS = ("RS384", "ES384")
_SHORTEST_RSA = 2048
_OPEN_TO_OTHERS = 0o177  # anything beyond "the owner reads and writes"
_LARGEST_FILE = 64 * 1024


class KeyFileError(Exception):
    """A key file cannot be used; the message names the file and what it must be, never what is in it."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its algorithm. ``kid`` is its RFC 7638 thumbprint (SHA-256)."""

    algorithm: str
    kid: str
    private: RSAKey | ECKey = field(repr=False)

    @classmethod
    def of_pem(cls, pem: bytes, name: str = "the key") -> "SigningKey":
        """Read a private key. Raises :class:`KeyFileError` for one that fits neither algorithm."""
        try:
            loaded = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise KeyFileError(f"{name} must be a PEM private key without a passphrase") from None
        if isinstance(loaded, rsa.RSAPrivateKey) and loaded.key_size >= _SHORTEST_RSA:
            key: RSAKey | ECKey = RSAKey.import_key(_plain(loaded))
            return cls("RS384", key.thumbprint(), key)
        if isinstance(loaded, ec.EllipticCurvePrivateKey) and isinstance(loaded.curve, ec.SECP384R1):
            key = ECKey.import_key(_plain(loaded))
            return cls("ES384", key.thumbprint(), key)
        raise KeyFileError(
            f"{name} must be an RSA key of {_SHORTEST_RSA} bits or more, or an EC key of P-384"
        )

    def public_jwk(self) -> dict[str, Any]:
        """The public half as a JWK, with ``alg``: one server in use finds no key without it."""
        public = dict(self.private.as_dict(private=False))
        members = ("n", "e") if self.algorithm == "RS384" else ("crv", "x", "y")
        return {
            "kty": public["kty"],
            "kid": self.kid,
            "use": "sig",
            "alg": self.algorithm,
            **{member: public[member] for member in members},
        }

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A compact JWT over the claims, with ``typ``, ``alg`` and ``kid`` in its header."""
        header = {"typ": "JWT", "alg": self.algorithm, "kid": self.kid}
        return jwt.encode(header, dict(claims), self.private, algorithms=[self.algorithm])


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """All keys of the app, the signing one of each algorithm first."""

    keys: tuple[SigningKey, ...] = ()

    @classmethod
    def of_folder(cls, folder: Path) -> "SigningKeys":
        """Read every ``*.pem`` of a folder, by name. Raises :class:`KeyFileError`, also for none."""
        try:
            files = sorted(path for path in folder.iterdir() if path.suffix == ".pem")
            keys = [SigningKey.of_pem(_read_private(path), path.name) for path in files]
        except OSError:
            raise KeyFileError(f"{folder} must be a folder of PEM files that can be read") from None
        if not keys:
            raise KeyFileError(f"{folder} must hold at least one private key in a file *.pem")
        if len({key.kid for key in keys}) < len(keys):
            raise KeyFileError(f"{folder} holds one key twice")
        return cls(tuple(keys))

    @classmethod
    def generate(cls) -> "SigningKeys":
        """New keys of both algorithms, kept nowhere: for a demonstration and for tests."""
        made = (rsa.generate_private_key(65537, 3072), ec.generate_private_key(ec.SECP384R1()))
        return cls(tuple(SigningKey.of_pem(_plain(key)) for key in made))

    def choose(self, offered: Iterable[str] | None, preferred: str | None = None) -> SigningKey | None:
        """The key to sign with for a server that takes the ``offered`` algorithms; ``None`` offers both.

        ``None`` where no key fits. ``preferred`` is taken where it is offered and there is a key for it.
        """
        taken = set(ALGORITHMS if offered is None else offered)
        fitting = [key for key in self.keys if key.algorithm in taken]
        liked = [key for key in fitting if key.algorithm == preferred]
        return next(iter(liked or fitting), None)

    def jwks(self) -> dict[str, Any]:
        """The public halves as a JWK Set."""
        return {"keys": [key.public_jwk() for key in self.keys]}


def read_private_file(path: Path) -> bytes:
    """The content of a file that its owner alone may read (mode 0600 or stricter).

    Raises :class:`KeyFileError` otherwise, and for one that cannot be read.
    """
    try:
        return _read_private(path)
    except OSError:
        raise KeyFileError(f"{path} must be a file that can be read") from None


def _read_private(path: Path) -> bytes:
    with path.open("rb") as file:
        # The mode of what was opened, not of what stands at that name a moment later.
        if fstat(file.fileno()).st_mode & _OPEN_TO_OTHERS:
            raise KeyFileError(f"{path} must have mode 0600 or stricter: others can read or change it")
        return file.read(_LARGEST_FILE)


def _plain(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
