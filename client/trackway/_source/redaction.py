"""Secrets in texts that leave this machine: found by their form, or by the name they are given, and replaced by `***`.

What is found: keys and tokens whose issuers gave them a form of their own, private keys, credentials in addresses and
headers, and what is assigned to a name like `password` or `api_key`. Code is told from secrets: `password = ask()`,
`pad_token="<pad>"` and `api_key="YOUR_KEY"` stay. What has neither form nor name is not found; nobody can promise that.

All patterns take time in proportion to the text: what they repeat is bounded.
"""

from __future__ import annotations

import re

HIDDEN = "***"

_START = r"(?<![A-Za-z0-9_-])"
_FORMS = re.compile(
    _START
    + "(?:"
    + "|".join(
        (
            r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",  # AWS
            r"gh[pousr]_[A-Za-z0-9]{36,255}",  # GitHub
            r"github_pat_[A-Za-z0-9_]{22,255}",
            r"gl(?:pat|dt|rt|ptt|cbt|soat|ft)-[A-Za-z0-9_-]{20,64}",  # GitLab
            r"xox[abeoprs](?:\.[a-z]+)?-[A-Za-z0-9-]{10,250}",  # Slack
            r"xapp-\d-[A-Za-z0-9-]{10,250}",
            r"AIza[A-Za-z0-9_-]{35}",  # Google
            r"GOCSPX-[A-Za-z0-9_-]{28}",
            r"ya29\.[A-Za-z0-9_-]{20,1000}",
            r"eyJ[A-Za-z0-9_-]{10,4000}\.eyJ[A-Za-z0-9_-]{10,8000}\.[A-Za-z0-9_-]{10,2000}",  # JWT
            r"twk?_[A-Za-z0-9_-]{20,200}",  # Trackway
            r"hf_[A-Za-z0-9]{30,100}",  # Hugging Face
            r"api_org_[A-Za-z0-9]{30,100}",
            r"sk-(?:ant|proj|svcacct|admin|or)-[A-Za-z0-9_-]{20,300}",  # Anthropic, OpenAI
            r"sk-(?=[A-Za-z_-]{0,60}[0-9])(?=[a-z0-9_-]{0,60}[A-Z])[A-Za-z0-9_-]{20,300}",
            r"[rs]k_(?:live|test)_[A-Za-z0-9]{16,250}",  # Stripe
            r"whsec_[A-Za-z0-9+/]{24,250}={0,2}",
            r"npm_[A-Za-z0-9]{36}",
            r"pypi-AgE[A-Za-z0-9_-]{50,1000}",
            r"dckr_pat_[A-Za-z0-9_-]{20,64}",
            r"dop_v1_[a-f0-9]{64}",
            r"dapi[a-f0-9]{32}(?:-\d)?(?![A-Za-z0-9])",  # Databricks
            r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}",  # SendGrid
            r"nvapi-[A-Za-z0-9_-]{40,100}",
            r"gsk_[A-Za-z0-9]{40,80}",
            r"r8_[A-Za-z0-9]{37}",
            r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}",
            r"glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}",
            r"lin_api_[A-Za-z0-9]{40}",
            r"AGE-SECRET-KEY-1[A-Z0-9]{50,60}",
            r"\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])",  # Telegram
        )
    )
    + ")"
)
_HOOKS = re.compile(r"(hooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9_/-]{8,200}")
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----)(?:[A-Za-z0-9+/=\s\\:,.\"']|-(?!----)){30,20000}+"
    r"((?:-----END [A-Z0-9 ]{0,40}KEY(?: BLOCK)?-----)?)"
)
_TEMPLATE = r"(?![{$<%]|\*{3})"
_USER = re.compile(
    rf"(?<=://){_TEMPLATE}[^\s/?#'\"<>@:,`]{{0,200}}:{_TEMPLATE}(?P<word>[^\s/?#'\"<>`]{{1,200}})@(?=[\w\[$]|\{{)"
)
_QUERY = re.compile(
    r"(?i)([?&;](?:(?:access|auth|private|refresh|id|session|security)[_-]?token|token|api[_-]?key|apikey|password|passwd"
    r"|secret|client[_-]secret|sig|signature|x-amz-(?:signature|security-token|credential)|x-goog-signature)=)"
    r"(?![{$<%]|\*{3})[^\s&;'\"#`<>]{4,4000}"
)
_HEADER = re.compile(
    r"(?i)(\b(?:proxy-)?authorization[\"']?\s{0,4}[:=,]\s{0,4}[frb]?[\"']?(?:bearer|basic|token|digest|negotiate)\s{1,4})"
    r"(?![{$<%]|\*{3})[^\s\"'`,;)]{6,8000}"
)
_BEARER = re.compile(r"(\b[Bb]earer\s{1,4})(?=[A-Za-z._~+/=-]{0,200}\d)[A-Za-z0-9._~+/=-]{16,8000}")

_STRONG = (
    r"(?:pass(?:word|wd|phrase)|pwd|secret|credential|(?:api|access|secret|private|signing|encryption|account|master|auth)"
    r"[_-]?key|(?:auth|access|refresh|api|bearer|session|security|bot|id)[_-]?token|client[_-]?secret|private[_-]?token"
    r"|shared[_-]?access[_-]?(?:key|signature))"
)
_ASSIGNED = r"[\"']?\s{0,20}\]?\s{0,20}(?::[ \w\[\].|,]{1,40}=|={1,3}|:=?|=>)\s{0,20}\(?"
_QUOTED = r"[rbfuRBFU]{0,2}(?P<quote>\"\"\"|'''|\"|')(?P<value>(?:(?!(?P=quote))[^\\\n]|\\.){3,4000})(?P=quote)"
_BARE = r"(?P<value>[^\s\"'`,;&|(){}\[\]<>$%!#][^\s\"'`,;&(){}<>]{1,4000})"
_NAMED_QUOTED = re.compile(rf"(?i:(?P<name>{_STRONG}s?\d{{0,2}})){_ASSIGNED}{_QUOTED}")
_NAMED_BARE = re.compile(rf"(?i:(?P<name>{_STRONG}s?\d{{0,2}}))[\"']?\s{{0,20}}[=:]\s{{0,20}}{_BARE}")
_WEAK = r"(?<![A-Za-z0-9])(?i:(?P<name>(?:[A-Za-z0-9]{1,30}[_-]){0,4}(?:token|auth|key)))"
_WEAK_QUOTED = re.compile(rf"{_WEAK}{_ASSIGNED}{_QUOTED}")
_WEAK_BARE = re.compile(rf"{_WEAK}[\"']?\s{{0,20}}[=:]\s{{0,20}}{_BARE}")
_HINT = re.compile(r"(?i)pass|pwd|secret|key|token|auth|credential|shared")

_PLACEHOLDER = re.compile(
    r"[\W_]*|\$\{?\w+\}?|\$\(.*|%\(?\w*\)?[sdr]?|%\w+%|\{+.*\}+|<.*>|\[[A-Za-z]+\]|[xX]+|[A-Z]+(?:_[A-Z]+)+"
    r"|(?i:your|enter|insert|put)[-_ ].*|(?i:env|file|vault|ssm|op):.*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+"
    r"|(?:~|\.{0,2})(?:/[\w.-]+){2,}|(?i:none|null|nil|true|false|str|string|bytes|int|bool|optional|required|any"
    r"|change[-_]?me|example|dummy|fake|hidden|redacted|todo|secretstr|unset|empty|default|masked|include|omit|same-origin)",
    re.DOTALL,
)
_WORDS = frozenset(("PASSWORD", "PASS", "PWD", "SECRET", "TOKEN", "KEY"))
"""With these addresses show where a password stands."""
_HEX = re.compile(r"[0-9a-f]{32,512}|[0-9A-F]{32,512}")
_RANDOM = re.compile(r"(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=[^0-9]*[0-9])[A-Za-z0-9+/=]{20,4000}")
_PROSE = re.compile(r"[^\W\d_]+(?:[ ,.:;!?'-]+[^\W\d_]+){2,}[ .:!?]*")


def redacted(text: str, *, loose: bool = False) -> str:
    """The text with its secrets replaced. `loose`: it is no code but settings or a command line, where values stand
    without quotes."""
    text = _PRIVATE_KEY.sub(rf"\1{HIDDEN}\2", text) if "PRIVATE KEY" in text else text
    text = _FORMS.sub(HIDDEN, text)
    text = _HOOKS.sub(_after_first, text)
    if "://" in text:
        text = _USER.sub(_user, text)
    if "=" in text:
        text = _QUERY.sub(_after_first, text)
    if _HINT.search(text) is None and "earer" not in text:
        return text
    text = _BEARER.sub(_after_first, _HEADER.sub(_after_first, text))
    text = _WEAK_QUOTED.sub(_if_random, _NAMED_QUOTED.sub(_if_real, text))
    return _WEAK_BARE.sub(_if_random, _NAMED_BARE.sub(_if_real, text)) if loose else text


def is_random(value: str) -> bool:
    """Whether a value looks as if nobody had thought of it: 32 or more hexadecimal digits, or 20 or more letters of
    both cases and digits, with nothing between."""
    return _HEX.fullmatch(value) is not None or _RANDOM.fullmatch(value) is not None


def is_placeholder(value: str) -> bool:
    """Whether a value stands for another one, or is a sentence."""
    if is_random(value):
        return False
    return _PLACEHOLDER.fullmatch(value) is not None or _PROSE.fullmatch(value) is not None


def _after_first(found: re.Match[str]) -> str:
    return found.group(1) + HIDDEN


def _user(found: re.Match[str]) -> str:
    return found.group() if found["word"] in _WORDS else f"{HIDDEN}@"


def _if_real(found: re.Match[str]) -> str:
    value, whole = found["value"], found.group()
    if is_placeholder(value) or value.lower() == found["name"].lower():
        return whole
    return _replaced(found)


def _if_random(found: re.Match[str]) -> str:
    return _replaced(found) if is_random(found["value"]) else found.group()


def _replaced(found: re.Match[str]) -> str:
    start, end = (place - found.start() for place in found.span("value"))
    whole = found.group()
    return whole[:start] + HIDDEN + whole[end:]
