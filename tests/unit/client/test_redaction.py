"""Secrets are found by form and by name, in any surroundings; code and text stay as they are."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackway._fluent.secrets import command_line, without_credentials
from trackway._source.diffs import without_secrets
from trackway._source.redaction import HIDDEN, redacted

ROOT = Path(__file__).resolve().parents[3]
ALNUM, UPPER, HEX = string.ascii_letters + string.digits, string.ascii_uppercase + string.digits, "0123456789abcdef"
MIXED = ALNUM + "_-"


def of(letters: str, size: int) -> st.SearchStrategy[str]:
    return st.text(letters, min_size=size, max_size=size)


def form(prefix: str, *parts: st.SearchStrategy[str], between: str = "") -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda each: prefix + between.join(each))


FORMS = {
    "AWS": form("AK" + "IA", of(UPPER, 16)),
    "AWS session": form("AS" + "IA", of(UPPER, 16)),
    "GitHub": form("gh" + "p_", of(ALNUM, 36)),
    "GitHub app": form("gh" + "s_", of(ALNUM, 36)),
    "GitHub fine": form("github" + "_pat_", of(ALNUM, 22), of(ALNUM, 59), between="_"),
    "GitLab": form("gl" + "pat-", of(MIXED, 20)),
    "Slack": form("xo" + "xb-", of(string.digits, 12), of(string.digits, 12), of(ALNUM, 24), between="-"),
    "Google": form("AI" + "za", of(MIXED, 35)),
    "JWT": form("ey" + "J", of(MIXED, 20), st.just("eyJ" + "a" * 20), of(MIXED, 43), between="."),
    "Trackway": form("tw" + "k_", of(HEX, 12), of(MIXED, 43), between="_"),
    "Hugging Face": form("h" + "f_", of(ALNUM, 34)),
    "OpenAI": form("s" + "k-", of(ALNUM, 44)).map(lambda each: each + "a1B2"),
    "Anthropic": form("s" + "k-ant-api03-", of(MIXED, 93)).map(lambda each: each + "AA"),
    "Stripe": form("sk" + "_live_", of(ALNUM, 24)),
    "npm": form("np" + "m_", of(ALNUM, 36)),
    "SendGrid": form("S" + "G.", of(MIXED, 22), of(MIXED, 43), between="."),
}
SURROUNDINGS = [
    "x = '{}'",
    'x = "{}"',
    "client({})",
    "--x={}",
    "export X={}",
    "https://host/{}/a",
    "https://host/a?x={}",
    "https://{}@host/a",
    "# {}",
    "{}",
    '{{"a": ["{}"]}}',
    "X: {}",
    "a,{},b",
    "`{}`",
]
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@pytest.mark.parametrize("issuer", FORMS)
@settings(max_examples=15)
@given(st.data())
def test_keys_of_a_known_form_are_found_anywhere(issuer: str, data: st.DataObject) -> None:
    key, around = data.draw(FORMS[issuer]), data.draw(st.sampled_from(SURROUNDINGS))
    told = redacted(around.format(key))
    assert told == around.format(HIDDEN) or (key not in told and HIDDEN in told)
    assert key not in command_line(["t.py", around.format(key)])
    assert key not in without_credentials(f"https://host/{key}/a.git")
    assert redacted(told) == told


NAMES = ["password", "DB_PASSWORD", "dbPassword", "api_key", "apiKey", "AWS_SECRET_ACCESS_KEY", "client_secret", "pwd2"]
NAMES += ["self.secret", "auth_token", "accessToken", "private-key", "passphrase", "aws.secret_key", "credentials"]
VALUES = st.text(ALNUM + "+/=@#!-_.:", min_size=6, max_size=60).filter(lambda text: any(map(str.isdigit, text)))


@settings(max_examples=60)
@given(st.sampled_from(NAMES), VALUES.map(lambda text: "q" + text + "9"), st.sampled_from("'\""), st.booleans())
def test_what_is_named_a_secret_is_hidden(name: str, value: str, quote: str, loose: bool) -> None:
    for line in (
        f"{name} = {quote}{value}{quote}",
        f"{name}={quote}{value}{quote},",
        f"{quote}{name}{quote}: {quote}{value}{quote}",
        f"connect(host, {name}=f{quote}{value}{quote})",
        f"os.environ[{quote}{name}{quote}] = {quote}{value}{quote}",
    ):
        assert value not in redacted(line, loose=loose), line
    bare = value.replace("#", "h")
    for line in (f"{name}={bare}", f"{name}: {bare}"):
        assert bare not in redacted(line, loose=True), line


@pytest.mark.parametrize(
    "line",
    [
        "password = getpass.getpass()",
        "password: str",
        "def login(user: str, password: str = None) -> Token:",
        'password = os.environ["PASSWORD"]',
        "token = tokens[i]",
        'pad_token = "<|endoftext|>"',
        'tokenizer(text, pad_token="[PAD]", eos_token="</s>")',
        'api_key = "YOUR_API_KEY"',
        'api_key="your-api-key-here"',
        'password = f"{secret}"',
        'password = "${DB_PASSWORD}"',
        'secret_name = "prod"',
        'raise ValueError("password: must not be empty")',
        'label(password="Enter the password please")',
        "if token == 'the end of the text':",
        'key = "features.layer_12.weight"',
        'cache_key = "train-2024-01-01-resnet50"',
        "max_tokens = 4096",
        "sk-learn-contrib-something-that-is-long",
        "see https://host:8080/path@v1?page=2&key=a",
        "git@github.com:a/b.git and ssh://git@host/a",
        "postgres://{user}:{password}@{host}/db",
        "postgres://USER:PASSWORD@HOST/db",
        "https://example.org/a?sort=token",
        "sha256:" + "0123456789abcdef" * 4,
        "commit 0123456789abcdef0123456789abcdef01234567",
        "the bearer of good news",
        "-----BEGIN CERTIFICATE-----",
        'PEM = "-----BEGIN PRIVATE KEY-----"',
        "",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert redacted(line) == line


def test_this_repositorys_code_stays() -> None:
    lines = [
        line
        for folder in ("client/trackway/_ingest", "services/trackway_server/auth", "services/trackway_server/gateway")
        for file in (ROOT / folder).rglob("*.py")
        for line in file.read_text().splitlines()
    ]
    assert len(lines) > 5_000
    assert [line for line in lines if redacted(line) != line] == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("psql postgres://me:p@ss-w0rd@db/x", "psql postgres://***@db/x"),
        ("https://h/a?token=abcdef&x=1", "https://h/a?token=***&x=1"),
        ("https://h/a?X-Amz-Signature=0123abcd&y=2", "https://h/a?X-Amz-Signature=***&y=2"),
        ("curl -H 'Authorization: Bearer abcdefgh'", "curl -H 'Authorization: Bearer ***'"),
        ('{"Authorization": f"Basic dXNlcjpwYXNz"}', '{"Authorization": f"Basic ***"}'),
        ("AccountName=a;AccountKey=abcd1234==;E=1", "AccountName=a;AccountKey=***;E=1"),
        ("https://hooks.slack.com/services/T0/B0/abcdefgh", "https://hooks.slack.com/services/***"),
        (f"wandb.login(key='{'0123456789' * 4}')", "wandb.login(key='***')"),
        (f"-----BEGIN RSA PRIVATE KEY-----\\n{'MIIE' * 20}\\n-----END RSA PRIVATE KEY-----", None),
    ],
)
def test_addresses_headers_and_private_keys(line: str, told: str | None) -> None:
    found = redacted(line, loose=True)
    assert found == told if told else "MIIE" not in found and found.endswith("-----END RSA PRIVATE KEY-----")


@settings(max_examples=60)
@given(PLAIN)
def test_any_text_keeps_its_lines_and_is_not_changed_twice(text: str) -> None:
    for loose in (False, True):
        told = redacted(text, loose=loose)
        assert redacted(told, loose=loose) == told


@pytest.mark.parametrize(
    "piece",
    ["eyJ", "://a:", "password=", "-----BEGIN PRIVATE KEY-----", "a_", "Bearer ", "key='", "sk-", "xoxb-1", "'"],
)
def test_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    """It ends: what backtracks without bounds would not within a test's time."""
    redacted(piece * (400_000 // len(piece)), loose=True)


KEY = "".join(["-----BEGIN ", "PRIVATE KEY-----"])
DIFF = f"""diff --git a/train.py b/train.py
index 1..2 100644
--- a/train.py
+++ b/train.py
@@ -1,3 +1,8 @@ password = "geheim1"
 import os
-api_key = "geheim2"
+password = os.environ["PASSWORD"]
+pad_token = "<pad>"
+{KEY}
+geheim3geheim3geheim3geheim3geheim3geheim3geheim3geheim3geheim33
+-----END PRIVATE KEY-----
+done = 1
diff --git a/.env b/.env
--- a/.env
+++ b/.env
@@ -1,2 +1,3 @@
-NAME=geheim4
+NAME=geheim5
+# a note
 other: geheim6
diff --git a/id_rsa b/id_rsa
new file mode 100644
--- /dev/null
+++ b/id_rsa
@@ -0,0 +1 @@
+geheim7
diff --git a/config.yaml b/config.yaml
--- a/config.yaml
+++ b/config.yaml
@@ -1 +1 @@
-password: geheim8
--- password: geheim9
+password: !env PASSWORD
\\ No newline at end of file
"""


def test_a_diff_keeps_its_shape() -> None:
    told, changed = without_secrets(DIFF.encode() + b"+\xff\xfe\n")
    text = told.decode("utf-8", "surrogateescape")
    assert "geheim" not in text
    lines, before = text.splitlines(), (DIFF + "+x").splitlines()
    assert [line[:1] for line in lines] == [line[:1] for line in before]
    assert changed == 9
    assert '+password = os.environ["PASSWORD"]' in lines and '+pad_token = "<pad>"' in lines and "+done = 1" in lines
    assert "+# a note" in lines and told.endswith(b"+\xff\xfe\n")
    assert without_secrets(told) == (told, 0)
    plain = b"diff --git a/a.py b/a.py\r\n--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a = 1\x0c\n+a = 2\x85\n"
    assert without_secrets(plain) == (plain, 0)


@settings(max_examples=40)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_diff(data: bytes) -> None:
    told, _ = without_secrets(data)
    assert told.count(b"\n") == data.count(b"\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["t", "--max-token", "512", "--pad_token_id", "0"], "t --max-token 512 --pad_token_id 0"),
        (["t", "--dbPassword", "x1", "--apiToken=x2", "--mysqlpassword", "x3"], None),
        (["t", "--conn", "Server=h;Password=x1;Database=d"], "t --conn 'Server=h;Password=***;Database=d'"),
        (["t", "--config", '{"password": "x1y"}'], """t --config '{"password": "***"}'"""),
        (["python", "-c", "login(password='x1x2')"], None),
        (["t", "PGPASSWORD=x1", "--jwt", "x2"], None),
    ],
)
def test_more_commands(words: list[str], told: str | None) -> None:
    found = command_line(words)
    assert found == told if told else not any(secret in found for secret in ("x1", "x2", "x3"))
