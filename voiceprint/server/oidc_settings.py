"""The file that says which service signs people in (OpenID Connect), and what each may do."""

from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from voiceprint.errors import ConfigError, InputError
from voiceprint.service.sign_in_rules import Rule

__all__ = ["OidcSettings", "is_secured", "load_oidc"]

MOST_HOURS = 24.0


class OidcSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """``people``: the first rule that fits counts; ``scopes``: what is asked of the issuer; ``hours``: of a sign-in;
    ``name``: of the issuer, on the page. A client without ``client_secret_file`` is a public one.
    """

    issuer: str
    client_id: str
    people: tuple[Rule, ...]
    client_secret_file: str | None = None
    scopes: tuple[str, ...] = ("openid", "email")
    name: str = ""
    hours: float = 8.0
    secret: str | None = None

    @property
    def title(self) -> str:
        """The name of the issuer for people."""
        return self.name or urlsplit(self.issuer).hostname or self.issuer


def load_oidc(file: Path | None) -> OidcSettings | None:
    """The settings of a JSON file, with the secret that it points to. Raises ConfigError."""
    if file is None:
        return None
    try:
        found = msgspec.json.decode(file.read_bytes(), type=OidcSettings)
    except OSError as error:
        raise ConfigError("bad_oidc", f"The file {file} cannot be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeError, InputError) as error:
        raise ConfigError("bad_oidc", f"The file {file} cannot be used: {error}".rstrip(".") + ".") from error
    if why := _fault(found):
        raise ConfigError("bad_oidc", f"The file {file} cannot be used: {why}.")
    return msgspec.structs.replace(found, secret=_read_secret(found.client_secret_file))


def is_secured(address: str) -> bool:
    """Whether an address is one of TLS, or of this machine."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname)))


def _fault(found: OidcSettings) -> str | None:
    if found.secret is not None:
        return "the secret belongs into a file of its own, client_secret_file"
    if not is_secured(found.issuer):
        return "issuer must begin with https://"
    if not found.people:
        return "people must have a rule"
    if "openid" not in found.scopes:
        return "scopes must have openid"
    if not 0 < found.hours <= MOST_HOURS:
        return f"hours must lie between 0 and {MOST_HOURS:g}"
    return None


def _is_here(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _read_secret(file: str | None) -> str | None:
    try:
        return None if file is None else Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise ConfigError("bad_oidc", f"The client secret in {file} cannot be read: {error}.") from error
