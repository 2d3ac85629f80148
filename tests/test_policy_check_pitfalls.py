"""Comparisons that do not mean what they seem to are found; those that do are left alone."""

from __future__ import annotations

import json

import pytest

from remit.policy import Policy
from remit.policy.check import Kind

PITFALLS = {
    Kind.REGEX_OF_EVERYTHING, Kind.REGEX_UNANCHORED, Kind.PATH_PREFIX, Kind.HOST_IN_TEXT,
    Kind.LETTER_CASE, Kind.TIME_AS_TEXT,
}  # fmt: skip

# effect, condition, what is found, part of what is said
FOUND = [
    ("allow", 'args.x.matches(".*")', Kind.REGEX_OF_EVERYTHING, "every text"),
    ("deny", 'args.x.matches("[a-z]*")', Kind.REGEX_OF_EVERYTHING, "even an empty one"),
    ("allow", 'args.x.matches("^.+$")', Kind.REGEX_OF_EVERYTHING, "one line"),
    ("allow", 'matches(args.x, "(a|b)?")', Kind.REGEX_OF_EVERYTHING, "every text"),
    ("deny", 'args.role.matches("admin")', Kind.REGEX_UNANCHORED, 'write == "admin"'),
    ("allow", 'args.x.matches("[a-z]+")', Kind.REGEX_UNANCHORED, "anchor the pattern"),
    ("deny", '!args.x.matches("[a-z]+")', Kind.REGEX_UNANCHORED, "anchor the pattern"),
    ("allow", 'args.x.matches("^a|b$")', Kind.REGEX_UNANCHORED, "'^(a|b)$'"),
    ("allow", 'args.path.startsWith("/srv")', Kind.PATH_PREFIX, "path.within()"),
    ("deny", 'args.path.startsWith("/etc/ssl")', Kind.PATH_PREFIX, "path.within()"),
    ("allow", 'args.file.startsWith("~/work")', Kind.PATH_PREFIX, "path.within()"),
    ("allow", 'args.route.startsWith("/api")', Kind.PATH_PREFIX, "end it with '/'"),
    ("allow", 'args.url.contains("acme.com")', Kind.HOST_IN_TEXT, "url.host"),
    ("allow", 'args.url.endsWith("acme.com")', Kind.HOST_IN_TEXT, "url.host"),
    ("allow", 'args.callback_url.endsWith(".acme.shop")', Kind.HOST_IN_TEXT, "url.host"),
    ("allow", 'url.host(args.url).endsWith("acme.com")', Kind.HOST_IN_TEXT, '".acme.com"'),
    ("deny", '!args.to.endsWith("acme.com")', Kind.HOST_IN_TEXT, '"@acme.com"'),
    ("ask", '!(args.host.endsWith("acme.com") || args.ok)', Kind.HOST_IN_TEXT, '".acme.com"'),
    ("allow", 'args.url.startsWith("https://acme.com")', Kind.HOST_IN_TEXT, "end it with '/'"),
    ("ask", 'args.x.lowerAscii() == "Ada"', Kind.LETTER_CASE, 'write "ada"'),
    ("allow", 'url.host(args.u) in ["ACME.com", "b.com"]', Kind.LETTER_CASE, 'write "acme.com"'),
    ("deny", '"yes" == args.x.upperAscii()', Kind.LETTER_CASE, 'write "YES"'),
    ("deny", 'args.sql.contains("DROP TABLE")', Kind.LETTER_CASE, "does not see 'drop table'"),
    ("deny", 'args.time > "18:00"', Kind.TIME_AS_TEXT, "within_hours"),
    ("deny", '"8:00" >= args.at', Kind.TIME_AS_TEXT, "within_hours"),
    ("ask", 'args.due < "2026-05-01"', Kind.TIME_AS_TEXT, "timestamp"),
]
LEFT_ALONE = [
    ("allow", 'args.x.matches("^[a-z]+$")'),
    ("allow", 'args.x.matches("^(a|b)$")'),
    ("allow", r'args.to.matches("@acme\\.com$")'),
    ("deny", 'args.x.matches("rm +-rf")'),
    ("deny", r'args.x.matches("\\bpassword\\b")'),
    ("allow", 'path.within(args.path, "/srv")'),
    ("allow", 'args.path.startsWith("/srv/")'),
    ("allow", 'args.path.startsWith("/")'),
    ("allow", 'args.name.startsWith("srv")'),
    ("allow", 'url.host(args.url) == "acme.com"'),
    ("allow", 'url.host(args.url).endsWith(".acme.com")'),
    ("deny", '!args.to.endsWith("@acme.com")'),
    ("deny", 'args.url.contains("evil.com")'),
    ("allow", 'args.file.endsWith(".pdf")'),
    ("allow", 'args.file.endsWith("report.pdf")'),
    ("allow", 'args.url.startsWith("https://acme.com/")'),
    ("allow", 'args.host in ["acme.com", "api.acme.com"]'),
    ("allow", 'args.x.lowerAscii() == "ada"'),
    ("allow", 'args.x == "Ada"'),
    ("deny", 'args.sql.upperAscii().contains("DROP")'),
    ("deny", 'args.sql.contains("drop")'),
    ("deny", 'args.code.contains("USD")'),
    ("deny", 'args.time == "18:00"'),
    ("deny", 'within_hours(now, "18:00", "08:00", "UTC")'),
    ("deny", "args.due < timestamp('2026-05-01T00:00:00Z')"),
]


def found(effect, when):
    rule = json.dumps({"id": "r", "action": "do", "effect": effect, "when": when})
    policy = Policy.parse(f"remit: 1\nrules:\n  - {rule}\n")
    return [finding for finding in policy.check() if finding.kind in PITFALLS]


@pytest.mark.parametrize(("effect", "when", "kind", "said"), FOUND)
def test_a_pitfall_is_found_with_its_cure(effect, when, kind, said):
    (finding,) = found(effect, when)
    assert (finding.kind, finding.rule) == (kind, "r")
    assert said in finding.message


@pytest.mark.parametrize(("effect", "when"), LEFT_ALONE)
def test_a_comparison_that_means_what_it_says_is_left_alone(effect, when):
    assert found(effect, when) == []


def test_a_finding_stands_where_the_comparison_does():
    when = 'args.n > 1 &&\n      args.path.startsWith("/srv")'
    rule = f"  - id: r\n    action: do\n    effect: allow\n    when: |\n      {when}\n"
    text = f"remit: 1\nrules:\n{rule}"
    (finding,) = (f for f in Policy.parse(text, file="p.yaml").check() if f.kind in PITFALLS)
    assert (finding.place.line, finding.place.column) == (8, 7)
