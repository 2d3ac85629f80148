"""The plugins of detect-secrets as one of our detectors: `pip install 'remit[detect-secrets]'`.

Its plugins are asked about each line, and its filters take away what is probably none, as
its own command does. Of its verification, which asks providers over the network, nothing is
used, and none of its settings, which are those of the whole process.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from remit.content.detectors.windows import windows
from remit.content.finding import Finding, Kind

try:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
    from detect_secrets.filters import heuristic
    from detect_secrets.plugins.base import BasePlugin, RegexBasedDetector
    from detect_secrets.plugins.high_entropy_strings import HighEntropyStringsPlugin
    from detect_secrets.plugins.keyword import KeywordDetector
except ImportError as error:
    raise ImportError(
        "detect-secrets is not installed: pip install 'remit[detect-secrets]'"
    ) from error

LONGEST, OVERLAP = 2000, 500
"""A longer line is looked at in parts."""
NO_SECRETS = ("IPPublicDetector",)
"""A plugin that finds addresses."""


class DetectSecrets:
    """Finds what detect-secrets takes for a secret.

    Args:
        without: the plugins of it that are not asked, by the names of their classes.
        confidence: how sure a finding is; detect-secrets does not say.
    """

    def __init__(self, *, without: Collection[str] = NO_SECRETS, confidence: float = 0.7) -> None:
        plugins: Collection[type[BasePlugin]] = get_mapping_from_secret_type_to_class().values()
        known = {each.__name__: each for each in plugins}
        if unknown := sorted(set(without) - set(known)):
            raise ValueError(
                f"detect-secrets has no {', '.join(unknown)}; it has {', '.join(sorted(known))}"
            )
        self.confidence = confidence
        self._plugins: tuple[tuple[str, BasePlugin], ...] = tuple(
            (_slug(str(of.secret_type)), of()) for name, of in known.items() if name not in without
        )

    def find(self, text: str, /) -> Iterator[Finding]:
        """What its plugins find, each time it stands in the line they found it in."""
        at = 0
        for line in text.splitlines(keepends=True):
            for start, part in windows(line, LONGEST, OVERLAP):
                yield from self._find(part, at + start)
            at += len(line)

    def _find(self, line: str, at: int) -> Iterator[Finding]:
        for type_, plugin in self._plugins:
            for secret in sorted(set(_secrets(plugin, line))):
                if secret and not _is_none(secret, line, plugin):
                    for start, end in _places(secret, line, plugin):
                        yield Finding(type_, Kind.SECRET, at + start, at + end, self.confidence)


def _secrets(plugin: BasePlugin, line: str) -> Iterator[str]:
    for secret in plugin.analyze_string(line):
        if isinstance(plugin, HighEntropyStringsPlugin):
            # What is only quoted is a candidate; the plugin tells which of them look random.
            if plugin.calculate_shannon_entropy(secret) > plugin.entropy_limit:
                yield secret
            continue
        yield secret


def _places(secret: str, line: str, plugin: BasePlugin) -> Iterator[tuple[int, int]]:
    """Where *secret* stands. A plugin may say no more of what it matched than how it begins."""
    whole = plugin.denylist if isinstance(plugin, RegexBasedDetector) else ()
    found = {match.span() for of in whole for match in of.finditer(line) if secret in match[0]}
    yield from sorted(found or {match.span() for match in re.finditer(re.escape(secret), line)})


def _is_none(secret: str, line: str, plugin: BasePlugin) -> bool:
    return (
        heuristic.is_sequential_string(secret)
        or heuristic.is_potential_uuid(secret)
        or heuristic.is_likely_id_string(secret, line, plugin)
        or heuristic.is_templated_secret(secret)
        or heuristic.is_prefixed_with_dollar_sign(secret)
        or heuristic.is_not_alphanumeric_string(secret)
        # Of a whole line it says nothing here, where a line may be a document.
        or (isinstance(plugin, KeywordDetector) and heuristic.is_indirect_reference(line))
    )


def _slug(name: str) -> str:
    """The type of a finding: `aws_access_key` for what is called an AWS Access Key."""
    return re.sub(r"[^0-9a-z]+", "_", name.lower()).strip("_")
