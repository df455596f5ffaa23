"""Addresses, precedence and profile of `trackway.config`."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from trackway import config
from trackway.errors import InvalidArgument


@pytest.mark.parametrize(
    ("uri", "target", "tls", "canonical"),
    [
        ("trackway://127.0.0.1:7701", "127.0.0.1:7701", False, "trackway://127.0.0.1:7701"),
        ("trackway://localhost", "localhost:7701", False, "trackway://localhost:7701"),
        ("trackway://localhost:80/", "localhost:80", False, "trackway://localhost:80"),
        (" trackway://LOCALHOST:80 ", "localhost:80", False, "trackway://localhost:80"),
        ("TRACKWAYS://a-b.example_1.org", "a-b.example_1.org:7701", True, "trackways://a-b.example_1.org:7701"),
        ("trackway://[::1]", "[::1]:7701", False, "trackway://[::1]:7701"),
        ("trackways://[2001:DB8::1]:65535", "[2001:db8::1]:65535", True, "trackways://[2001:db8::1]:65535"),
        ("trackway://[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]:1", False, "trackway://[::ffff:1.2.3.4]:1"),
    ],
)
def test_addresses(uri: str, target: str, tls: bool, canonical: str) -> None:
    address = config.parse_uri(uri)
    assert (address.target, address.tls, address.uri, address.token) == (target, tls, canonical, None)


@pytest.mark.parametrize(
    ("uri", "advice"),
    [
        ("http://127.0.0.1:5000", "write trackway://127.0.0.1:7701"),
        ("http://[::1]:5000/x", "write trackway://[::1]:7701"),
        ("http://", "write trackway://HOST:7701"),
        ("https://mlflow.example.org/api", "write trackways://mlflow.example.org:7701"),
        ("https://user:secret@host", "write trackways://host:7701"),
        ("grpc://host:1", "write trackway://HOST:PORT"),
        ("file:///tmp/mlruns", "write trackway://HOST:PORT"),
        ("sqlite:///mlflow.db", "write trackway://HOST:PORT"),
        ("./mlruns", "write trackway://HOST:PORT"),
        ("databricks", "write trackway://HOST:PORT"),
        ("", "write trackway://HOST:PORT"),
        ("127.0.0.1:7701", "write trackway://127.0.0.1:7701"),
        ("trackway://", "names no host"),
        ("trackway://:7701", "names no host"),
        ("trackway://host:", "no valid port"),
        ("trackway://host:0", "no valid port"),
        ("trackway://host:65536", "no valid port"),
        ("trackway://host:77o1", "no valid port"),
        ("trackway://host:\u0667\u0660", "no valid port"),
        ("trackway://host:-1", "no valid port"),
        ("trackway://[::1]x", "no valid port"),
        ("trackway://[::1", "brackets"),
        ("trackway://[localhost]:1", "brackets"),
        ("trackway://::1", "IPv6 address without brackets"),
        ("trackway://host:1/path", "goes on after the port"),
        ("trackway://host:1?key=x", "goes on after the port"),
        ("trackway://ho st:1", "character"),
        ("trackway://ho\nst:1", "character"),
        ("trackway://tw_secret@host:1", "TRACKWAY_TOKEN"),
    ],
)
def test_bad_addresses_say_what_to_write(uri: str, advice: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        config.parse_uri(uri)
    assert advice in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert "secret" not in str(refusal.value)


def profile(tmp_path: Path, content: str) -> dict[str, str]:
    path = tmp_path / "profile.toml"
    path.write_text(content)
    return {"TRACKWAY_PROFILE": str(path)}


PROFILE = """
uri = "trackway://from-profile:1"
[servers."from-profile:1"]
token = "tw_profile"
[servers."127.0.0.1:7701"]
token = "tw_local"
"""


def test_default_without_anything(tmp_path: Path) -> None:
    address = config.resolve(environ={"XDG_CONFIG_HOME": str(tmp_path)})
    assert (address.uri, address.token) == ("trackway://127.0.0.1:7701", None)


def test_profile_names_server_and_key(tmp_path: Path) -> None:
    address = config.resolve(environ=profile(tmp_path, PROFILE))
    assert (address.uri, address.token) == ("trackway://from-profile:1", "tw_profile")


def test_environment_comes_before_profile(tmp_path: Path) -> None:
    environ = {**profile(tmp_path, PROFILE), "TRACKWAY_URI": "trackway://127.0.0.1", "TRACKWAY_TOKEN": "tw_environment"}
    assert config.resolve(environ=environ).token == "tw_environment"
    assert config.resolve(environ=environ).uri == "trackway://127.0.0.1:7701"


def test_arguments_come_before_environment(tmp_path: Path) -> None:
    environ = {**profile(tmp_path, PROFILE), "TRACKWAY_URI": "trackway://b", "TRACKWAY_TOKEN": "tw_environment"}
    address = config.resolve("trackway://a", token="tw_argument", environ=environ)
    assert (address.uri, address.token) == ("trackway://a:7701", "tw_argument")


@pytest.mark.parametrize(
    ("uri", "token"),
    [
        ("trackway://127.0.0.1:7701", "tw_local"),
        ("trackway://localhost", "tw_local"),
        ("trackway://127.0.0.1:7702", None),
        ("trackway://elsewhere:7701", None),
    ],
)
def test_a_noted_key_goes_to_its_server_only(tmp_path: Path, uri: str, token: str | None) -> None:
    assert config.resolve(uri, environ=profile(tmp_path, PROFILE)).token == token


def test_profile_is_found_below_the_users_configuration(tmp_path: Path) -> None:
    (tmp_path / "trackway").mkdir()
    (tmp_path / "trackway" / "profile.toml").write_text(PROFILE)
    assert config.resolve(environ={"XDG_CONFIG_HOME": str(tmp_path)}).token == "tw_profile"


@pytest.mark.parametrize("content", ["uri =", "uri = 3", "\xff = 1", '[servers."127.0.0.1:7701"]\ntoken = 3'])
def test_an_unreadable_profile_is_named(tmp_path: Path, content: str) -> None:
    environ = profile(tmp_path, "")
    Path(environ["TRACKWAY_PROFILE"]).write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidArgument, match="profile"):
        config.resolve(environ=environ)


def test_a_profile_that_is_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="cannot be read"):
        config.resolve(environ={"TRACKWAY_PROFILE": str(tmp_path)})


@pytest.mark.parametrize("token", ["tw_ä", "tw_a\nb", "tw_\x00"])
def test_a_key_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument, match="the key holds a character") as refusal:
        config.resolve("trackway://a", token=token, environ={})
    assert token not in str(refusal.value)


def test_a_key_is_taken_without_the_white_space_around_it() -> None:
    assert config.resolve("trackway://a", token=" tw_x\n", environ={}).token == "tw_x"


def test_an_address_is_a_value_that_hides_its_key() -> None:
    address = config.resolve("trackway://a", token="tw_secret", environ={})
    assert "tw_secret" not in repr(address)
    assert pickle.loads(pickle.dumps(address)) == address
    assert hash(address) == hash(config.resolve("trackway://a", token="tw_secret", environ={}))
    with pytest.raises(AttributeError):
        address.tls = True


@pytest.mark.parametrize(
    ("uri", "loopback"),
    [("localhost", True), ("127.3.2.1", True), ("[::1]", True), ("10.0.0.1", False), ("example.org", False)],
)
def test_loopback(uri: str, loopback: bool) -> None:
    assert config.parse_uri(f"trackway://{uri}").loopback is loopback


def test_config_and_errors_load_nothing_heavy() -> None:
    program = "import sys; before = set(sys.modules); import trackway.config; print(*(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"grpc", "google", "numpy", "dataclasses", "typing", "inspect", "pathlib", "tomllib", "asyncio", "re"}
    assert not heavy & {name.partition(".")[0] for name in loaded}


@pytest.mark.parametrize(
    ("uri", "target", "loopback"),
    [
        ("trackway://a,b:1", "a:7701,b:1", False),
        ("trackways://A:1, b:2/", "a:1,b:2", False),
        ("trackway://127.0.0.1:1,[::1]:2", "127.0.0.1:1,[::1]:2", True),
        ("trackway://127.0.0.1:1,10.0.0.1:1", "127.0.0.1:1,10.0.0.1:1", False),
        ("trackway://a:1,a:1", "a:1", False),
    ],
)
def test_several_servers_stand_in_one_address(uri: str, target: str, loopback: bool) -> None:
    address = config.parse_uri(uri)
    assert (address.target, address.loopback) == (target, loopback)
    assert config.parse_uri(address.uri) == address


@pytest.mark.parametrize("uri", ["trackway://a,", "trackway://,a", "trackway://a,,b", "trackway://a:1,b:0"])
def test_a_list_with_a_bad_member_is_refused(uri: str) -> None:
    with pytest.raises(InvalidArgument):
        config.parse_uri(uri)


SEVERAL = """
[servers."a:1"]
token = "tw_same"
ca_file = "a.pem"
[servers."b:1"]
token = "tw_same"
ca_file = "b.pem"
[servers."c:1"]
token = "tw_other"
[servers."a:1,c:1"]
token = "tw_list"
"""


@pytest.mark.parametrize(
    ("uri", "token"),
    [("trackway://a:1,b:1", "tw_same"), ("trackway://b:1,c:1", None), ("trackway://a:1,c:1", "tw_list")],
)
def test_of_several_servers_counts_what_is_noted_of_all(tmp_path: Path, uri: str, token: str | None) -> None:
    address = config.resolve(uri, environ=profile(tmp_path, SEVERAL))
    assert (address.token, address.ca_file) == (token, None)


FILES = """
[servers."a:7701"]
token = "tw_a"
ca_file = "ca.pem"
client_cert = "~/mine.crt"
client_key = "/keys/mine.key"
"""


def test_files_of_tls_come_from_the_environment_then_the_profile(tmp_path: Path) -> None:
    environ = profile(tmp_path, FILES)
    noted = config.resolve("trackways://a", token="tw_x", environ=environ)
    assert noted.ca_file == str(tmp_path / "ca.pem")
    assert (noted.client_cert, noted.client_key) == (str(Path.home() / "mine.crt"), "/keys/mine.key")
    assert config.resolve("trackway://a", environ=environ).ca_file is None
    given = {"TRACKWAY_CA_FILE": "other.pem", "TRACKWAY_CLIENT_CERT": "/c", "TRACKWAY_CLIENT_KEY": "/k"}
    chosen = config.resolve("trackways://a", environ={**environ, **given})
    assert (chosen.ca_file, chosen.client_cert, chosen.client_key) == (str(Path.cwd() / "other.pem"), "/c", "/k")
    assert pickle.loads(pickle.dumps(chosen)) == chosen


@pytest.mark.parametrize(
    ("given", "missing"), [("TRACKWAY_CLIENT_CERT", "TRACKWAY_CLIENT_KEY"), ("TRACKWAY_CLIENT_KEY", "CLIENT_CERT")]
)
def test_a_client_certificate_without_its_key_is_refused(tmp_path: Path, given: str, missing: str) -> None:
    with pytest.raises(InvalidArgument, match=f"go together: set .*{missing}"):
        config.resolve("trackways://a", environ={**profile(tmp_path, FILES), given: "/x"})


def test_a_token_file_stands_in_for_a_key_and_the_environment_comes_first(tmp_path: Path) -> None:
    profile = tmp_path / "profile.toml"
    noted = {"TRACKWAY_PROFILE": str(profile), "TRACKWAY_URI": "trackway://a:1"}

    def found(token: str | None = None, **environ: str) -> tuple[str | None, str | None]:
        address = config.resolve(token=token, environ={**noted, **environ})
        return address.token, address.oidc_token_file

    assert found() == (None, None)
    assert found(TRACKWAY_OIDC_TOKEN_FILE="/t") == (None, "/t")
    assert found(TRACKWAY_OIDC_TOKEN_FILE="/t", TRACKWAY_TOKEN="twk_1") == ("twk_1", None)
    assert found(token="twk_2", TRACKWAY_OIDC_TOKEN_FILE="/t") == ("twk_2", None)
    profile.write_text('[servers."a:1"]\noidc_token_file = "token"\n')
    assert found() == (None, str(tmp_path / "token"))
    assert found(TRACKWAY_TOKEN="twk_1") == ("twk_1", None)
    profile.write_text('[servers."a:1"]\ntoken = "twk_3"\noidc_token_file = "token"\n')
    assert found() == ("twk_3", None)
    assert found(TRACKWAY_OIDC_TOKEN_FILE="/t") == (None, "/t")
    address = config.resolve(environ={**noted, "TRACKWAY_OIDC_TOKEN_FILE": "/t"})
    assert pickle.loads(pickle.dumps(address)) == address
    assert address.with_token_file("/u").oidc_token_file == "/u"
