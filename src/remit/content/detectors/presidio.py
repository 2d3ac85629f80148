"""An analyzer of Presidio's as one of our detectors: `pip install 'remit[presidio]'`.

    Presidio(analyzer)      yours, with the language model it was given
    Presidio(patterns())    its patterns, check digits and context words, without a model:
                            no names of people, places or organisations are found

Presidio's expressions take time that grows with the square of what they are given, so it is
given a text in parts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from remit.content.detectors.windows import windows
from remit.content.finding import Finding, Kind

try:
    import spacy
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NlpArtifacts, SpacyNlpEngine
except ImportError as error:
    raise ImportError("Presidio is not installed: pip install 'remit[presidio]'") from error

LONGEST, OVERLAP = 2000, 200
"""What Presidio is given at once."""
LEFT_OUT = (
    "EmailRecognizer",  # fetches a list of domains from the network; ours finds addresses
    "UrlRecognizer",
    "DateRecognizer",
    "UuidRecognizer",  # these three name nobody
    "SpacyRecognizer",  # needs a model
)


class Presidio:
    """Finds what *analyzer* takes for personal data.

    Args:
        analyzer: one with a model, or `patterns()`.
        language: of the texts, as the analyzer knows it.
        entities: which of Presidio's entities are looked for; none means all of the analyzer's.
    """

    def __init__(
        self,
        analyzer: AnalyzerEngine,
        *,
        language: str = "en",
        entities: Collection[str] | None = None,
    ) -> None:
        self.analyzer = analyzer
        self.language = language
        self.entities = None if entities is None else sorted(entities)

    def find(self, text: str, /) -> Iterator[Finding]:
        """What is found, with Presidio's scores as confidences."""
        for at, part in windows(text, LONGEST, OVERLAP):
            for each in self.analyzer.analyze(part, self.language, self.entities):
                span = at + each.start, at + each.end
                confidence = min(max(float(each.score), 0.0), 1.0)
                yield Finding(each.entity_type.lower(), Kind.PII, *span, confidence)


def patterns(language: str = "en") -> AnalyzerEngine:
    """An analyzer that needs no language model and no network: what Presidio finds by patterns."""
    engine = _Words(language)
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language], nlp_engine=engine)
    for name in {each.name for each in registry.recognizers} & set(LEFT_OUT):
        registry.remove_recognizer(name)
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])


class _Words(SpacyNlpEngine):  # type: ignore[misc] # it has no types where it is not installed
    """Words as they are written. That is enough for the words that make a pattern likely."""

    def __init__(self, language: str) -> None:
        super().__init__(models=[{"lang_code": language, "model_name": "blank"}])
        self.nlp = {language: spacy.blank(language)}

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """The words of *text*, in place of their lemmas."""
        words = self.nlp[language].make_doc(text)
        places = [each.idx for each in words]
        return NlpArtifacts([], words, places, [each.lower_ for each in words], self, language)

    def process_batch(
        self, texts: Iterable[str], language: str, **_: Any
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """The same for each of *texts*."""
        return ((text, self.process_text(text, language)) for text in texts)
