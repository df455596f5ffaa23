"""Whom a client certificate names here. TLS has shown that its authority signed it and that the caller has its key."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509

from trackway_server.auth.domain.mapping import Mapped, unmapped
from trackway_server.auth.identities import Identities
from trackway_server.core.auth.authenticator import missing_credentials

San = tuple[str, str]
"""`uri` or `dns`, and the name."""


class CertificateMap:
    """The mapping of the identities file."""

    def __init__(self, identities: Identities) -> None:
        self._mapped = identities.by_san()
        self._services = frozenset(each.san for each in identities.services)

    def is_service(self, pem: str) -> bool:
        """Whether it is the certificate of one of this server's own services, and valid now."""
        names, valid = _read(pem) if pem and self._services else (frozenset(), False)
        return valid and not self._services.isdisjoint(names)

    @property
    def empty(self) -> bool:
        """Whether no certificate is mapped to anybody."""
        return not self._mapped

    def mapped(self, pem: str) -> Mapped:
        """Whom the certificate names.

        Raises CREDENTIALS_MISSING where none is mapped at all, or it is a service's own; IDENTITY_UNMAPPED where it has
        expired, or names nobody, or more than one.
        """
        names, valid = _read(pem) if pem and self._mapped else (frozenset(), False)
        if not pem or self.empty or not self._services.isdisjoint(names):
            raise missing_credentials()
        told = ", ".join(sorted(name for _, name in names)) or "without a URI or a DNS name"
        if not valid:
            raise unmapped(
                f"The client certificate ({told}) has expired or is not valid yet; renew it, and connect again."
            )
        found = [self._mapped[name] for name in names if name in self._mapped]
        if not found:
            raise unmapped(
                f"The client certificate ({told}) is mapped to nobody on this server, and the call has no key."
            )
        if len({each.principal for each in found}) > 1:
            raise unmapped(f"The client certificate ({told}) is mapped to more than one principal; mend the mapping.")
        return found[0].mapped()


def _read(pem: str) -> tuple[frozenset[San], bool]:
    """The names in the first certificate, and whether it is valid now; none of what is no certificate."""
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        named = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return frozenset(), False
    uris = {("uri", name) for name in named.get_values_for_type(x509.UniformResourceIdentifier)}
    hosts = {("dns", name.lower()) for name in named.get_values_for_type(x509.DNSName)}
    valid = certificate.not_valid_before_utc <= datetime.now(UTC) <= certificate.not_valid_after_utc
    return frozenset(uris | hosts), valid
