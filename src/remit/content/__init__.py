"""What stands in texts: personal data, secrets, and signs of injected instructions.

    finding    Finding Kind Detector
    scanner    Scanner: patterns and detectors over a text, or over all texts of a value
    default    scanner scan redact: the patterns that come with Remit
    replace    Placeholders mask Pseudonyms Tokens Vault MemoryVault
    likeness   Likeness: a detector that compares by meaning, with an embedding of one's own
    stream     Stream: text that arrives in pieces

Pure, and linear in the size of the text by construction. Scanners inform; policy decides.
"""

from __future__ import annotations

from remit.content.default import TYPES, redact, scan, scanner
from remit.content.finding import Detector, Finding, Kind
from remit.content.likeness import Likeness
from remit.content.replace import MemoryVault, Placeholders, Pseudonyms, Tokens, Vault, mask
from remit.content.scanner import Scanner
from remit.content.stream import Stream

__all__ = [
    "TYPES",
    "Detector",
    "Finding",
    "Kind",
    "Likeness",
    "MemoryVault",
    "Placeholders",
    "Pseudonyms",
    "Scanner",
    "Stream",
    "Tokens",
    "Vault",
    "mask",
    "redact",
    "scan",
    "scanner",
]
