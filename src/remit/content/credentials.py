"""Secrets: the shapes in which providers issue keys, and values that are named as secret."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from binascii import Error
from collections import Counter
from collections.abc import Iterator
from math import log2

from remit.content.checkdigits import base58
from remit.content.pattern import Hit, compiled, secret

_SURE = 0.97

_ISSUED = {
    "aws_access_key": r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z2-7]{12}[A-Z0-9]{4}",
    "github_token": r"(?:gh[pousr]_[A-Za-z0-9]{30,255}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})",
    "gitlab_token": r"gl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|oas|imt)-[A-Za-z0-9_.-]{20,80}",
    "slack_token": (
        r"(?:xox[abeprsov](?:\.xox[bp])?-[A-Za-z0-9-]{10,250}|xapp-\d-[A-Za-z0-9-]{20,200})"
    ),
    "slack_webhook": r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_+-]{20,120}",
    "discord_webhook": r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,80}",
    "discord_token": r"[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,45}",
    "stripe_key": r"(?:[sr]k_(?:live|test)_[A-Za-z0-9_]{16,247}|whsec_[A-Za-z0-9+/=]{24,88})",
    "openai_key": (
        r"sk-(?:(?:proj|svcacct|admin|None|test|live)-[A-Za-z0-9_-]{20,200}|"
        r"[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}|[A-Za-z0-9]{40,64})"
    ),
    "anthropic_key": r"sk-ant-[A-Za-z0-9_-]{20,150}",
    "openrouter_key": r"sk-or-v1-[0-9a-f]{64}",
    "google_key": r"(?:AIza[A-Za-z0-9_-]{35}|GOCSPX-[A-Za-z0-9_-]{28}|ya29\.[A-Za-z0-9_-]{30,250})",
    "huggingface_token": r"(?:hf|api_org)_[A-Za-z]{34}",
    "groq_key": r"gsk_[A-Za-z0-9]{52}",
    "xai_key": r"xai-[A-Za-z0-9_-]{70,90}",
    "perplexity_key": r"pplx-[A-Za-z0-9]{48,56}",
    "replicate_token": r"r8_[A-Za-z0-9]{37}",
    "sendgrid_key": r"SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",
    "twilio_key": r"(?:SK|AC)[0-9a-f]{32}",
    "mailgun_key": r"key-[0-9a-f]{32}",
    "mailchimp_key": r"[0-9a-f]{32}-us\d{1,2}",
    "npm_token": r"npm_[A-Za-z0-9]{36}",
    "pypi_token": r"pypi-AgE[A-Za-z0-9_-]{50,250}",
    "rubygems_key": r"rubygems_[0-9a-f]{48}",
    "docker_token": r"dckr_(?:pat|oat)_[A-Za-z0-9_-]{27,40}",
    "digitalocean_token": r"do[opr]_v1_[0-9a-f]{64}",
    "databricks_token": r"dapi[0-9a-f]{32}(?:-\d)?",
    "shopify_token": r"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}",
    "square_token": r"(?:sq0[a-z]{3}-[A-Za-z0-9_-]{22,43}|EAAA[A-Za-z0-9_-]{60})",
    "paypal_token": r"access_token\$(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}",
    "telegram_token": r"\d{8,10}:A[A-Za-z0-9_-]{34}",
    "vault_token": r"hv[sbr]\.[A-Za-z0-9_-]{24,250}",
    "terraform_token": r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}",
    "linear_key": r"lin_(?:api|oauth)_[A-Za-z0-9]{40,64}",
    "notion_token": r"(?:ntn_[A-Za-z0-9]{40,50}|secret_[A-Za-z0-9]{43})",
    "atlassian_token": r"AT(?:ATT|CTT|BB)[A-Za-z0-9_=-]{20,250}",
    "grafana_token": r"gl(?:sa|c)_[A-Za-z0-9+/=_]{30,250}",
    "newrelic_key": r"NR(?:AK|II|JS|RA)-[A-Za-z0-9_-]{20,40}",
    "sentry_token": r"sntry[su]_[A-Za-z0-9+/=_]{40,250}",
    "postman_key": r"PMAK-[0-9a-f]{24}-[0-9a-f]{34}",
    "planetscale_token": r"pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}",
    "pulumi_token": r"pul-[0-9a-f]{40}",
    "doppler_token": r"dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9_.-]{40,60}",
    "figma_token": r"fig[dou]_[A-Za-z0-9_-]{40,60}",
    "airtable_token": r"pat[A-Za-z0-9]{14}\.[0-9a-f]{64}",
    "supabase_token": r"sb(?:p_[0-9a-f]{40}|_secret_[A-Za-z0-9_-]{20,50})",
    "tailscale_key": r"tskey-[a-z]{3,8}-[A-Za-z0-9]{5,20}-[A-Za-z0-9]{20,50}",
    "onepassword_token": r"ops_eyJ[A-Za-z0-9+/=]{50,250}",
    "azure_secret": r"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}",
    "azure_storage_key": r"AccountKey=[A-Za-z0-9+/]{86}==",
    "age_key": r"AGE-SECRET-KEY-1[A-Z0-9]{58}",
    "putty_key": r"PuTTY-User-Key-File-[23]: [a-z0-9-]{3,40}",
    "artifactory_token": r"(?:AKCp[A-Za-z0-9]{69}|cmVmd[A-Za-z0-9]{59})",
    "cloudflare_key": r"v1\.0-[0-9a-f]{24}-[0-9a-f]{146}",
    "dynatrace_token": r"dt0c01\.[A-Z2-7]{24}\.[A-Z2-7]{64}",
    "flyio_token": r"fo1_[A-Za-z0-9_-]{43}",
}
"""One shape for each type: how the provider writes the keys it issues."""
_CUES = {
    "discord_token": r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27}",
    "mailchimp_key": r"-us\d",
    "terraform_token": r"\.atlasv1\.",
    "telegram_token": r"\d:A[A-Za-z0-9_-]{34}",
    "azure_secret": r"[78]Q~",
    "airtable_token": r"pat[A-Za-z0-9]{14}\.",
}
"""For shapes that begin like anything else: what in them does not."""

_NAME = (
    r"(?:passw(?:or)?d|passwd|passphrase|pwd|passcode|secret|token|api[_. -]?key|apikey|"
    r"access[_. -]?key|secret[_. -]?key|private[_. -]?key|client[_. -]?secret|auth[_. -]?key|"
    r"encryption[_. -]?key|account[_. -]?key|signing[_. -]?key|credentials?|bearer|"
    r"connection[_. -]?string)"
)
_PASSWORD = r"(?:passw(?:or)?d|passwd|passphrase|pwd|passcode)"  # noqa: S105 - its name
_ASSIGNED = r"[A-Za-z0-9_.-]{0,24}[\"'`\]]{0,2}[ \t]{0,3}(?:=>|:=|==?|:)[ \t]{0,3}[\"'`]{0,2}"
_NAMED = r"[A-Za-z0-9_.-]*[\"'`\]]*[ \t]*[:=]"
_PLACEHOLDER = (
    r"(?i)\A(?:[x*.#_-]+|<.*|\$\{?.*|\{\{?.*|%.*|\[.*|[A-Za-z_.]+\(.*|change.?(?:me|it).*|"
    r"(?:process\.env|os\.environ|env\.|self\.|this\.|config\.|settings\.|args\.|request\.).*|"
    r"your(?:[^A-Za-z0-9].*|password|secret|token|key)|"
    r"(?:my|some|the|an?|enter|insert|replace|example|sample|dummy|fake|test|todo|none|null|nil|true|"
    r"false|string|required|optional|redacted|hidden|secret|password|token|key|input|value)"
    r"(?:[^A-Za-z0-9][^0-9]*)?|.*(?:[_-]here|placeholder|xxxx|\.\.\.).*)\z"
)
"""What stands where a secret would: a variable, a call, a word that asks for one."""


def _is_placeholder(text: str) -> bool:
    return compiled(_PLACEHOLDER).search(text.encode()) is not None


def entropy(text: str) -> float:
    """How many bits each character of *text* says, by how often it occurs there."""
    size = len(text)
    return -sum(n / size * log2(n / size) for n in Counter(text).values())


def _is(regex: str, text: str) -> bool:
    return compiled(regex).fullmatch(text.encode()) is not None


def _is_random(text: str) -> bool:
    """Whether *text* is too unlike words to be anything but generated."""
    if _is_placeholder(text) or _is(_UUID, text):
        return False
    if not any(map(str.isdigit, text)) or not any(map(str.isalpha, text)):
        return False
    least = 3.0 if _is(_HEX, text) else 3.5
    return entropy(text) >= least and not _is(_WORDS, text)


_UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_HEX = "[0-9a-fA-F]+"
_WORDS = r"[A-Z]?[a-z]{3,}(?:[-_./ ](?:[A-Z]?[a-z]+|[A-Z]+|[0-9]{1,4}))*[0-9]{0,4}"


def _is_password(text: str) -> bool:
    if _is_placeholder(text) or len(set(text)) < 4:
        return False
    lower = text.islower() and text.isalpha()
    return not lower or len(text) >= 24


def _is_basic(text: str) -> bool:
    """Whether *text* is a name and a password as HTTP sends them."""
    try:
        return b":" in urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except Error:
        return False


def _is_url_password(text: str) -> bool:
    return not _is_placeholder(text) and not text.isdigit()


def _tokens(raw: bytes, start: int, end: int) -> Iterator[Hit]:
    """A JSON web token: three parts, of which the last, the signature, may be empty."""
    parts = raw[start:end].split(b".", 3)
    if len(parts) >= 3 and len(parts[1]) >= 8:
        yield Hit(start, end, _SURE)


def _private_key(raw: bytes, start: int, end: int) -> Iterator[Hit]:
    """A private key, from its first line to its last, or as far as one may reach."""
    last = raw.find(b"-----END", end, end + _LONGEST_KEY)
    if last < 0:
        body = min(end + _LONGEST_KEY, len(raw))
        yield Hit(start, body if body - end < _LONGEST_KEY else end, _SURE)
        return
    close = raw.find(b"-----", last + 8, last + 80)
    yield Hit(start, last + 8 if close < 0 else close + 5, _SURE)


_LONGEST_KEY = 16_384


def _wallet_keys(raw: bytes, start: int, end: int) -> Iterator[Hit]:
    """A private key in the import format of wallets."""
    if not raw[max(start - 1, 0) : start].isalnum() and not raw[end : end + 1].isalnum():
        body = base58(raw[start:end].decode())
        if body is not None and body[:1] in {b"\x80", b"\xef"}:
            yield Hit(start, end, _SURE)


PATTERNS = (
    *(
        secret(name, regex, cue=_CUES.get(name, ""), confidence=_SURE)
        for name, regex in _ISSUED.items()
    ),
    secret(
        "private_key",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
        pick=_private_key,
    ),
    secret("jwt", r"eyJ[A-Za-z0-9_-]{10}", more=r"A-Za-z0-9_.=-", pick=_tokens),
    secret(
        "wallet_key",
        r"[5KL9c][1-9A-HJ-NP-Za-km-z]{50,51}",
        cue=r"(?:\b|_)[5KL9c][1-9A-HJ-NP-Za-km-z]{50}",
        pick=_wallet_keys,
    ),
    secret(
        "url_password",
        r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s/:@\"'<>]{0,64}:([^\s/@\"'<>]{3,128})@[A-Za-z0-9\[]",
        cue=r"://[^\s/:@\"'<>]*:[^\s/@\"'<>]+@",
        accept=_is_url_password,
        edges=b"",
    ),
    secret(
        "http_credentials",
        r"(?i)\bauthorization[\"']{0,2}[ \t]{0,3}[:=][ \t]{0,3}[\"']{0,2}"
        r"(?:bearer|token|digest|apikey)[ \t]{1,3}([A-Za-z0-9+/_=.~-]{20,500})",
        cue=r"(?i)\bauthorization[\"']{0,2}[ \t]{0,3}[:=]",
        accept=_is_random,
        edges=b"",
    ),
    secret(
        "http_credentials",
        r"(?i)\bbasic[ \t]{1,3}([A-Za-z0-9+/_-]{8,500}={0,2})",
        accept=_is_basic,
    ),
    secret(
        "password",
        r"(?i)" + _PASSWORD + _ASSIGNED + r"([^\s\"'`,;<>&]{6,128})",
        cue=r"(?i)" + _PASSWORD + _NAMED,
        accept=_is_password,
        confidence=0.75,
        edges=b"",
    ),
    secret(
        "generic_secret",
        r"(?i)" + _NAME + _ASSIGNED + r"([A-Za-z0-9+/_=.~!@#$%^*-]{16,256})",
        cue=r"(?i)" + _NAME + _NAMED,
        accept=_is_random,
        confidence=0.8,
        edges=b"",
    ),
)
