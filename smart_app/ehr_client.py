"""Our registration at one EHR, and which addresses may be called at all."""

from dataclasses import dataclass, field
from enum import Enum
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit


class ClientAuth(Enum):
    """How we prove to a token endpoint who we are."""

    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105 - the name of a method


@dataclass(frozen=True, slots=True)
class EhrClient:
    """Our registration at one EHR.

    ``iss`` is its FHIR base, byte for byte as registered. ``algorithm`` is preferred where the server takes
    it. ``requires_s256`` refuses a server that does not announce PKCE with S256; ``fhir_user_required`` a
    launch that does not tell who is signed in. ``frame_ancestors`` are the origins of its pages that may hold
    ours in a frame. ``name`` is for people.
    """

    iss: str
    client_id: str
    auth: ClientAuth = ClientAuth.PRIVATE_KEY_JWT
    secret: str | None = field(default=None, repr=False)
    algorithm: str | None = None
    requires_s256: bool = True
    extra_scopes: tuple[str, ...] = ()
    frame_ancestors: tuple[str, ...] = ()
    fhir_user_required: bool = False
    name: str = ""

    @property
    def base(self) -> str:
        """The FHIR base without a slash at its end."""
        return self.iss.rstrip("/")

    @property
    def label(self) -> str:
        """What to call it on a page."""
        return self.name or urlsplit(self.iss).netloc


def is_callable(url: str, insecure_loopback: bool) -> bool:
    """Whether an absolute URL is ``https`` (or ``http`` on loopback, where that is allowed), without user
    name, fragment or blank, and to a host that can be a hospital's.

    Names are not resolved: where one leads is the certificate's to prove, before anything is sent.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return False
    if not parts.hostname or parts.username is not None or parts.password is not None or "#" in url:
        return False
    if _is_no_server(parts.hostname):
        return False
    return parts.scheme == "https" or (
        parts.scheme == "http" and insecure_loopback and is_loopback(parts.hostname)
    )


def _is_no_server(host: str) -> bool:
    """Whether a host is an address that no EHR has (a cloud's metadata is link-local), or hides which it is.

    Hospitals do have private addresses: those are taken.
    """
    try:
        address = ip_address(host)
    except ValueError:
        # Resolvers read 2852039166, 0xA9FEA9FE and 169.254.43518 as addresses too.
        last = host.rstrip(".").rpartition(".")[2]
        return last.isdecimal() or last.startswith("0x")
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped or address
    return address.is_link_local or address.is_unspecified or address.is_multicast


def is_loopback(host: str) -> bool:
    """Whether a host is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
