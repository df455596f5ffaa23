"""Exchanges what others vouch for, tokens of OIDC issuers and client certificates, for tokens of this server."""

from __future__ import annotations

from functools import partial

from trackway_server.auth.authority import Authority, Issued
from trackway_server.auth.certificates import CertificateMap
from trackway_server.auth.domain import mapping
from trackway_server.auth.domain.ports import AuthStore
from trackway_server.auth.identities import Identities
from trackway_server.auth.oidc.verifying import OidcVerifier
from trackway_server.core.auth.attempts import FailedAttempts
from trackway_server.core.errors import DomainError, Kind, Reason
from trackway_server.core.rpc.call import Call
from trackway_server.core.rpc.origin import origin_of

_SECOND_US = 1_000_000


class Federation:
    """See the module. Refusals are counted by address, apart from those of keys: a program whose token is wrong must
    not lock out the keys of everybody behind the same proxy."""

    def __init__(
        self,
        store: AuthStore,
        authority: Authority,
        identities: Identities,
        verifier: OidcVerifier,
        attempts: FailedAttempts,
    ) -> None:
        self._store = store
        self._authority = authority
        self._rules = {each.name: [rule.rule() for rule in each.rules] for each in identities.issuers}
        self._certificates = CertificateMap(identities)
        self._verifier = verifier
        self._attempts = attempts

    async def exchange_token(self, token: str, peer: str) -> Issued:
        """A token for one of an issuer.

        Raises CREDENTIALS_INVALID, IDENTITY_UNMAPPED, SERVICE_UNAVAILABLE, TOO_MANY_ATTEMPTS.
        """
        origins, now_s = [f"peer {origin_of(peer)}"], self._authority.now_us() / _SECOND_US
        self._attempts.check(origins, now_s)
        try:
            verified = await self._verifier.verify(token)
            issuer = verified.issuer
            who = mapping.mapped_claims(issuer.name, issuer.subject, self._rules[issuer.name], verified.claims)
            return await self._issued(who, f"oidc:{issuer.name}", verified.expire_time_s * _SECOND_US)
        except DomainError as error:
            if error.kind is Kind.UNAUTHENTICATED:
                self._attempts.note(origins, now_s)
            raise

    async def exchange_certificate(self, certificate: str, call: Call) -> Issued:
        """A token for the certificate of the call; for `certificate`, where a service of this server calls.

        Raises CREDENTIALS_MISSING, IDENTITY_UNMAPPED, PERMISSION_DENIED for another's certificate.
        """
        shown = call.certificate()
        of_another = certificate and not self._certificates.empty
        if of_another and not (call.peer.startswith("unix:") or self._certificates.is_service(shown)):
            message = "Only services of this server ask for the token of another's certificate; leave it out."
            raise DomainError(Reason.PERMISSION_DENIED, message, permission="auth.vouch")
        return await self._issued(self._certificates.mapped(certificate or shown), "certificate", 0)

    async def _issued(self, who: mapping.Mapped, key_id: str, expire_time_us: int) -> Issued:
        identify = partial(mapping.identity_of, who=who, key_id=key_id, expire_time_us=expire_time_us)
        return await self._authority.issued(await self._store.read(identify))
