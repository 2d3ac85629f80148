"""An embedding of sentences for `Likeness`, from a model that runs offline.

    pip install 'remit[likeness]'
    Likeness(Sentences("model.onnx", "tokenizer.json"), like=[...], unlike=[...])

The model is the caller's: a sentence transformer that was exported to ONNX, with its
tokenizer. Nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path

try:
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer
except ImportError as error:
    raise ImportError(
        "what runs a sentence model is not installed: pip install 'remit[likeness]'"
    ) from error

LONGEST = 128
"""Tokens of a sentence that are looked at."""
AT_ONCE = 64
"""Sentences that the model is given together."""


class Sentences:
    """Gives a vector for each text: the mean of the model's last layer over its tokens.

    Args:
        model: the file of a model that takes `input_ids` and `attention_mask`, and
            `token_type_ids` if it wants, and answers with a vector for each token first.
        tokenizer: the file of its tokenizer, `tokenizer.json`.
    """

    def __init__(self, model: str | Path, tokenizer: str | Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(LONGEST)
        self._tokenizer.enable_padding()
        self._model = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        self._inputs = [each.name for each in self._model.get_inputs()]

    def __call__(self, texts: list[str]) -> list[list[float]]:
        """A vector for each of *texts*."""
        return [
            vector
            for at in range(0, len(texts), AT_ONCE)
            for vector in self._embed(texts[at : at + AT_ONCE])
        ]

    def _embed(self, texts: list[str]) -> list[list[float]]:
        encoded = self._tokenizer.encode_batch(texts)
        ids = np.array([each.ids for each in encoded], dtype=np.int64)
        mask = np.array([each.attention_mask for each in encoded], dtype=np.int64)
        known = {
            "input_ids": ids,
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(ids),
        }
        (layer, *_) = self._model.run(None, {name: known[name] for name in self._inputs})
        weights = mask[..., None]
        means: list[list[float]] = ((layer * weights).sum(1) / weights.sum(1)).tolist()
        return means
