"""How models are spoken to on the wire.

dialect    Dialect Prompt Piece: what is read, whoever answers
chat       chat completions, completions, embeddings
responses  OpenAI's responses
messages   Anthropic's messages
gemini     Google's generateContent
"""

from __future__ import annotations

from remit.models.dialects.chat import Chat
from remit.models.dialects.dialect import (
    ASKED,
    Body,
    Channel,
    Dialect,
    Piece,
    Prompt,
    forget_tokens,
    texts,
)
from remit.models.dialects.gemini import Gemini
from remit.models.dialects.messages import Messages
from remit.models.dialects.responses import Responses

__all__ = [
    "ASKED",
    "Body",
    "Channel",
    "Chat",
    "Dialect",
    "Gemini",
    "Messages",
    "Piece",
    "Prompt",
    "Responses",
    "forget_tokens",
    "texts",
]
