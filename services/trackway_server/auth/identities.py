"""The identities file: which OIDC issuers and which client certificates are trusted, and whom they name here.

services = [{uri = "spiffe://acme.org/trackway/tracking"}]

[[issuers]]
name = "github"
issuer = "https://token.actions.githubusercontent.com"
audiences = ["https://trackway.acme.org"]
subject = "repository"

[[issuers.rules]]
claims = {repository = "acme/vision", ref = ["refs/heads/main", "refs/tags/*"]}
roles = {vision = "editor"}

[[certificates]]
uri = "spiffe://acme.org/deployer"
principal = "deployer"
roles = {vision = "approver"}
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from trackway_server.auth.domain.mapping import Mapped, Rule
from trackway_server.auth.domain.model import BOOTSTRAP_ADMIN, MAX_ROLES, Role
from trackway_server.auth.oidc.urls import UrlError, check_issuer, check_url
from trackway_server.core.lifecycle import StartupError

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
"""Asymmetric ones: with a public key nobody can sign."""

_MOST_BYTES = 1 << 20


def _role(value: object) -> object:
    return Role[value.upper()] if isinstance(value, str) and value.upper() in Role.__members__ else value


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


RoleName = Annotated[Role, BeforeValidator(_role)]
Patterns = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_several), Field(min_length=1)]
Roles = Annotated[dict[Annotated[str, Field(min_length=1, max_length=63)], RoleName], Field(max_length=MAX_ROLES)]
PrincipalName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@+-]*$", max_length=250)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class RuleSettings(_Part):
    """What a token must say, and what its holder may then do. All rules that a token meets count."""

    claims: dict[str, Patterns] = Field(min_length=1)
    """Claim → text or texts, of which one must match; `*` in one stands for any text. `a.b` is `b` within `a`."""

    roles: Roles = Field(default_factory=dict)
    """Workspace → viewer, editor, approver or admin."""

    principal: PrincipalName | None = None
    """A user or service account that the holder is, with the roles that it has here; else the issuer names them."""

    def rule(self) -> Rule:
        """The same for the domain."""
        return Rule(self.claims, self.roles, self.principal or "")


class IssuerSettings(_Part):
    """An OIDC issuer whose tokens are taken."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")
    """Short; principals of the issuer are called `NAME:SUBJECT`."""

    issuer: str
    """The `iss` of its tokens, an address below which `/.well-known/openid-configuration` lies."""

    audiences: tuple[Annotated[str, Field(min_length=1)], ...] = Field(min_length=1)
    """One of these must be in `aud`."""

    algorithms: tuple[Algorithm, ...] = Field(default=("RS256", "ES256", "Ed25519"), min_length=1)
    """Any other is refused, whatever a token's header says."""

    subject: str = Field(default="sub", min_length=1)
    """The claim after which the issuer's principals are named. Choose one that is never given to somebody else."""

    rules: tuple[RuleSettings, ...] = Field(min_length=1)

    jwks_uri: str | None = None
    """Where its keys are; unset: where its discovery document says, at the issuer's own host."""

    ca_file: Path | None = None
    """Authorities (PEM) of the issuer's certificate; unset: the system's."""

    bearer_file: Path | None = None
    """A file with a token to present when the keys are fetched; Kubernetes may want one. Read at each fetch."""

    allow_http_loopback: bool = False
    """Whether the issuer may be asked over http:// on this machine: for tests."""

    @model_validator(mode="after")
    def _addresses(self) -> IssuerSettings:
        try:
            check_issuer(self.issuer, allow_http_loopback=self.allow_http_loopback)
            if self.jwks_uri is not None:
                check_url(self.jwks_uri, allow_http_loopback=self.allow_http_loopback)
        except UrlError as error:
            raise ValueError(str(error)) from None
        return self


class SanSettings(_Part):
    """A name in a certificate (subject alternative name), compared as it is."""

    uri: str | None = Field(default=None, min_length=3)
    """A URI such as `spiffe://acme.org/deployer`."""

    dns: str | None = Field(default=None, min_length=1)
    """A DNS name; its case does not count."""

    @model_validator(mode="after")
    def _one(self) -> SanSettings:
        if (self.uri is None) == (self.dns is None):
            raise ValueError("name one of uri and dns")
        return self

    @property
    def san(self) -> tuple[str, str]:
        """Kind and name."""
        return ("uri", self.uri) if self.uri is not None else ("dns", (self.dns or "").lower())


class CertificateSettings(SanSettings):
    """Who somebody is that shows a certificate with that name, and no token."""

    principal: PrincipalName
    """A user or service account, with the roles that it has here."""

    roles: Roles = Field(default_factory=dict)
    """Workspace → role, beside those."""

    def mapped(self) -> Mapped:
        """The same for the domain."""
        return Mapped(self.principal, True, self.roles)


class Identities(_Part):
    """The file."""

    issuers: tuple[IssuerSettings, ...] = ()
    certificates: tuple[CertificateSettings, ...] = ()

    services: tuple[SanSettings, ...] = ()
    """The certificates of this server's own services where they are processes of their own: they may ask for the token
    of a certificate that somebody showed them."""

    @model_validator(mode="after")
    def _consistent(self) -> Identities:
        names = [each.name for each in self.issuers] + [each.issuer for each in self.issuers]
        sans = [" ".join(each.san) for each in (*self.certificates, *self.services)]
        if twice := [name for listed in (names, sans) for name in listed if listed.count(name) > 1]:
            raise ValueError(f"{twice[0]} is there twice")
        rules = [rule.principal for issuer in self.issuers for rule in issuer.rules]
        if BOOTSTRAP_ADMIN in (*rules, *(each.principal for each in self.certificates)):
            raise ValueError(f"nobody may be mapped to {BOOTSTRAP_ADMIN}, who has a key: make another administrator")
        return self

    def by_san(self) -> Mapping[tuple[str, str], CertificateSettings]:
        """The certificates by kind and name."""
        return {each.san: each for each in self.certificates}


def read_identities(file: Path | None) -> Identities:
    """What the file says; nothing without a file. Raises StartupError with what to mend."""
    if file is None:
        return Identities()
    try:
        with file.open("rb") as stream:
            content = tomllib.loads(stream.read(_MOST_BYTES).decode())
        return Identities.model_validate(content)
    except OSError as error:
        raise StartupError(
            f"the identities file {file} cannot be read: {error.strerror}; see TRACKWAY_AUTH_IDENTITIES_FILE"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        raise StartupError(f"the identities file {file} is wrong: {where}: {first['msg']}") from error
    except ValueError as error:
        raise StartupError(f"the identities file {file} is not valid TOML: {error}") from error
