"""What a policy means, written to be read: no index, no cache, no cleverness.

It works on the data a policy file holds, not on anything the library made of it.
Names are plain here; spelling has tests of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime
from fnmatch import fnmatchcase

ANY = ["*"]
DEFAULT_TERMS = ((), 1)

OUTRIGHT, LIFTABLE, ASK, ALLOW, ABSTAIN = range(5)
"""From the strictest down."""

DEFAULTS = {"deny": OUTRIGHT, "allow": ALLOW, "abstain": ABSTAIN}
RISKS = ["low", "medium", "high", "critical"]


def decide(documents, conditions, request, lifted):
    """The decision as a dictionary.

    `conditions` maps each condition text to a function of the arguments that
    raises where the condition errs; `lifted(terms)` says whether approvers lift them.
    """
    return Reference(documents, conditions, request, lifted).decide()


class Reference:
    def __init__(self, documents, conditions, request, lifted):
        self.documents = documents
        self.conditions = conditions
        self.request = request
        self.lifted = lifted
        self.erred = []
        self.enforced = [d for d in documents if d["mode"] == "enforce"]
        self.found = {d["name"]: [] for d in self.enforced}

    def decide(self):
        self.consult()
        answers = [(*self.answer(document), document) for document in self.enforced]
        severity = min((severity for severity, _, _ in answers), default=ABSTAIN)
        deciding = [(d, r) for s, rules, d in answers if s == severity for r in rules]
        terms = deciding[0][1]["terms"] if severity in {LIFTABLE, ASK} else None
        if terms is not None:
            deciding = [(d, r) for d, r in deciding if r["terms"] == terms]
        rules = [rule for _, rule in deciding]
        risks = [rule["risk"] for rule in rules if "risk" in rule]
        duties = [o["type"] for r in rules if severity == ALLOW for o in r.get("obligations", ())]
        monitored = tuple(
            f"{self.label(d, r)}: {r['effect']}"
            for d in self.documents
            for r in d["rules"]
            if only_reports(d, r) and self.applies(d, r)
        )
        return {
            "effect": "allow" if severity == ALLOW else "deny",
            "rules": tuple(self.label(d, r) for d, r in deciding),
            "errors": sorted(self.erred),
            "risk": max(risks, key=RISKS.index, default=None),
            "advice": next((rule["advice"] for rule in rules if "advice" in rule), ""),
            "terms": terms,
            "duties": tuple(dict.fromkeys(duties)),
            "monitored": monitored,
        }

    def consult(self):
        """Find the rules that apply, in order of severity and no further than needed."""
        by_severity = [d for d in self.enforced if d["order"] == "severity"]
        for document in self.enforced:
            if document in by_severity:
                self.all(document, "deny")
            else:
                self.first(document)
        if any(outright(rule) for rules in self.found.values() for rule in rules):
            return
        for document in by_severity:
            if not self.holds(document, "deny"):
                self.all(document, "ask")
        for document in by_severity:
            if not self.holds(document, "deny", "ask"):
                self.all(document, "allow")

    def all(self, document, effect):
        for rule in document["rules"]:
            if rule["effect"] == effect and self.counts(document, rule):
                self.found[document["name"]].append(rule)

    def first(self, document):
        for rule in document["rules"]:
            erred = len(self.erred)
            if self.counts(document, rule):
                self.found[document["name"]].append(rule)
                sure = len(self.erred) == erred
                if sure and (rule["effect"] != "deny" or self.stands(rule)):
                    return

    def counts(self, document, rule):
        return not only_reports(document, rule) and self.applies(document, rule)

    def applies(self, document, rule):
        if not all(inside(each.get("valid", {}), self.request.at) for each in (document, rule)):
            return False
        names = [
            (rule["action"], self.request.action.name),
            (rule.get("subject", ANY), str(self.request.subject)),
            (rule.get("resource", ANY), str(self.request.resource)),
        ]
        if not all(any(fnmatchcase(name, p) for p in patterns) for patterns, name in names):
            return False
        try:
            return self.conditions[rule.get("when", "true")](self.request.action.properties)
        except (KeyError, TypeError):
            self.erred.append(self.label(document, rule))
            return rule["effect"] != "allow"

    def stands(self, rule):
        return rule["terms"] is None or not self.lifted(rule["terms"])

    def holds(self, document, *effects):
        mine = self.found[document["name"]]
        return any(rule["effect"] in effects and self.stands(rule) for rule in mine)

    def answer(self, document):
        """What one document says, and the rules that say it."""
        mine = self.found[document["name"]]
        denials = [r for r in mine if r["effect"] == "deny" and self.stands(r)]
        asks = [r for r in mine if r["effect"] == "ask" and self.stands(r)]
        lifted = [r for r in mine if r["effect"] == "ask" and not self.stands(r)]
        allows = [r for r in mine if r["effect"] == "allow"]
        for severity, deciding in (
            (OUTRIGHT, [r for r in denials if outright(r)]),
            (LIFTABLE, denials),
            (ASK, asks),
            (ALLOW, lifted + allows),
        ):
            if deciding:
                return severity, deciding
        if document["default"] != "ask":
            return DEFAULTS[document["default"]], []
        default = {"id": "default", "effect": "ask", "terms": DEFAULT_TERMS}
        return (ALLOW if self.lifted(DEFAULT_TERMS) else ASK), [default]

    def label(self, document, rule):
        return f"{document['name']}/{rule['id']}" if len(self.documents) > 1 else rule["id"]


def inside(window, at):
    return moment(window.get("from"), at) <= at < moment(window.get("until"), at + 1)


def moment(text, otherwise):
    if text is None:
        return otherwise
    written = datetime.fromisoformat(text)
    return int((written if written.tzinfo else written.replace(tzinfo=UTC)).timestamp()) * 10**9


def outright(rule):
    return rule["effect"] == "deny" and rule["terms"] is None


def only_reports(document, rule):
    return "monitor" in {document["mode"], rule.get("mode")}
