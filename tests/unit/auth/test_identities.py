"""The identities file: what it may say, and what of it is refused before anything starts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trackway_server.auth.domain.model import Role
from trackway_server.auth.identities import read_identities
from trackway_server.auth.oidc.urls import UrlError, check_url
from trackway_server.core.lifecycle import StartupError

ISSUER = """
[[issuers]]
name = "ci"
issuer = "https://ci.test"
audiences = ["trackway"]
rules = [{claims = {sub = "*"}, roles = {default = "viewer"}}]
"""


def test_no_file_trusts_nobody() -> None:
    assert read_identities(None).issuers == ()


def test_the_example_of_the_module_is_right(tmp_path: Path) -> None:
    import trackway_server.auth.identities as module

    file = tmp_path / "identities.toml"
    file.write_text("\n".join(line.removeprefix("    ") for line in (module.__doc__ or "").splitlines()[2:]))
    found = read_identities(file)
    assert [issuer.name for issuer in found.issuers] == ["github"]
    assert found.issuers[0].rules[0].claims["ref"] == ("refs/heads/main", "refs/tags/*")
    assert found.certificates[0].mapped().roles == {"vision": Role.APPROVER}
    assert found.services[0].san == ("uri", "spiffe://acme.org/trackway/tracking")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("issuers = 3", "issuers"),
        ("[[issuers]", "TOML"),
        ("surplus = 1", "surplus"),
        (ISSUER + ISSUER, "ci is there twice"),
        (ISSUER.replace("https://ci.test", "http://ci.test"), "https://"),
        (ISSUER.replace("https://ci.test", "https://user:secret@ci.test"), "password"),
        (ISSUER.replace("https://ci.test", "https://ci.test?x=1"), "query"),
        (ISSUER.replace('"ci"', '"Admin:"'), "issuers.0.name"),
        (ISSUER + 'algorithms = ["HS256"]', "algorithms"),
        (ISSUER + 'algorithms = ["none"]', "algorithms"),
        (ISSUER.replace('"viewer"', '"owner"'), "roles"),
        (ISSUER.replace('{sub = "*"}', "{}"), "claims"),
        (ISSUER.replace("roles =", 'principal = "admin", roles ='), "admin"),
        (ISSUER + 'jwks_uri = "file:///etc/passwd"', "address"),
        ('[[certificates]]\nprincipal = "deployer"', "uri and dns"),
        ('[[certificates]]\nprincipal = "admin"\ndns = "a.test"', "admin"),
        ('services = [{dns = "A.test"}]\n[[certificates]]\nprincipal = "x"\ndns = "a.test"', "twice"),
    ],
)
def test_what_is_wrong_is_one_clear_line(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "identities.toml"
    file.write_text(text)
    with pytest.raises(StartupError) as refused:
        read_identities(file)
    assert told in str(refused.value)
    assert str(file) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="cannot be read"):
        read_identities(tmp_path / "none.toml")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:80/x",
        "ftp://a.test",
        "https://",
        "https://a.test\\@b.test",
        "https://a.test/#x",
        "https://a.test:99999",
        "https://[::1",
        "//a.test",
        "https://a.test/ x",
    ],
)
def test_addresses_that_are_not_asked(url: str) -> None:
    with pytest.raises(UrlError):
        check_url(url, allow_http_loopback=False)


def test_this_machine_may_be_asked_in_plain_text_by_its_number_alone() -> None:
    for host in ("127.0.0.1", "127.9.9.9", "[::1]"):
        check_url(f"http://{host}:8080/x", allow_http_loopback=True)
    for host in ("localhost", "10.0.0.1", "127.0.0.1.evil.test", "0.0.0.0", "169.254.169.254"):
        with pytest.raises(UrlError):
            check_url(f"http://{host}:8080/x", allow_http_loopback=True)


def test_what_the_readme_shows_is_right(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text()
    blocks = re.findall(r"```toml\n(.*?)```", readme[readme.index("### Users and keys") :], re.DOTALL)
    file = tmp_path / "identities.toml"
    file.write_text("\n".join(blocks))
    found = read_identities(file)
    assert [issuer.name for issuer in found.issuers] == ["github", "cluster"]
    assert [each.principal for each in found.certificates] == ["deployer"]
