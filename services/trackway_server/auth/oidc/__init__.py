"""Tokens of OpenID Connect issuers: their keys, fetched over HTTPS, and whether a token is right."""
