"""TLS: the operator's certificate, or a self-signed one for a home network.

Browsers give the microphone only to pages that came over TLS (or from the machine itself), so that a phone needs a
certificate even at home. Browsers do not trust a self-signed one: its fingerprint is printed, to be compared once.
"""

import ipaddress
import socket
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from voiceprint.config import Settings
from voiceprint.errors import ConfigError
from voiceprint.files import replace_file

__all__ = ["Identity", "load_identity", "machine_names", "main_address"]

# The longest validity that phones accept of a self-signed certificate.
VALID_DAYS, RENEW_DAYS = 800, 30
LAN_CERT, LAN_KEY = "lan-cert.pem", "lan-key.pem"
# A datagram socket that is connected sends nothing, and tells which of our addresses it would use.
_ELSEWHERE = (("192.0.2.1", socket.AF_INET), ("2001:db8::1", socket.AF_INET6))


class Identity:
    """A certificate with its key, ready to serve with.

    ``names``: the host names and addresses that it covers.
    """

    def __init__(self, cert: Path, key: Path) -> None:
        """Raises ConfigError (``bad_certificate``)."""
        try:
            parsed = x509.load_pem_x509_certificate(cert.read_bytes())
            self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self.context.minimum_version = ssl.TLSVersion.TLSv1_2
            self.context.load_cert_chain(cert, key)
        except (OSError, ValueError) as error:
            raise ConfigError(
                "bad_certificate", f"The certificate {cert} and key {key} cannot be used: {_why(error)}."
            ) from error
        self.names = _names(parsed)
        self.ends_at = parsed.not_valid_after_utc
        self.fingerprint = parsed.fingerprint(hashes.SHA256()).hex(":").upper()


def load_identity(settings: Settings, folder: Path) -> Identity | None:
    """The identity of the settings, or None.

    ``folder``: where a self-signed one is kept, beside the key. Raises ConfigError.
    """
    if settings.tls_cert is not None and settings.tls_key is not None:
        return Identity(settings.tls_cert, settings.tls_key)
    return _lan_identity(folder, machine_names()) if settings.lan else None


def machine_names() -> frozenset[str]:
    """The names and addresses of this machine, its loopback ones included."""
    host = socket.gethostname().lower()
    names = {"localhost", "127.0.0.1", "::1", host, f"{host.partition('.')[0]}.local", *_addresses()}
    return frozenset(names - {"", ".local"})


def main_address() -> str | None:
    """The address of this machine on its network, or None."""
    return next(iter(_addresses()), None)


def _addresses() -> list[str]:
    found = []
    for address, family in _ELSEWHERE:
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((address, 9))
                found.append(probe.getsockname()[0])
        except OSError:
            continue
    return found


def _lan_identity(folder: Path, names: frozenset[str]) -> Identity:
    """The self-signed identity made before, or a new one.

    The one before is kept while it is valid and covers the names, so that phones need not accept another.
    """
    cert, key = folder / LAN_CERT, folder / LAN_KEY
    if cert.exists() and key.exists():
        known = Identity(cert, key)
        if names <= known.names and known.ends_at - datetime.now(UTC) > timedelta(days=RENEW_DAYS):
            return known
    try:
        _make(cert, key, names)
    except OSError as error:
        raise ConfigError(
            "bad_certificate", f"No certificate can be written to {folder} ({error.strerror}); give --tls-cert."
        ) from error
    return Identity(cert, key)


def _make(cert: Path, key: Path, names: Iterable[str]) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "voiceprint on this network")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in sorted(names)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    secret = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    cert.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(key, secret)
    replace_file(cert, made.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _names(parsed: x509.Certificate) -> frozenset[str]:
    try:
        found = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = {str(address) for address in found.get_values_for_type(x509.IPAddress)}
    return frozenset({name.lower() for name in found.get_values_for_type(x509.DNSName)} | addresses)


def _why(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")
