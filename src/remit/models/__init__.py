"""Calls of models: recorded, priced, and decided on before and after.

instrument   instrument uninstrument: which packages are watched, on which terms
stainless    the seam of the clients of OpenAI and Anthropic
genai        the seam of Google's client
seams        how a package is tested before it is touched
driving      an exchange, from asking to the answer that the caller gets
exchange     one call of a model: whether it may be, what came back, what it cost
questions    what policy is asked about it
duty         what a decision lays on an answer
wire         the HTTP response that a client gets
flow         a stream of events, from the first to the last
events       server-sent events
passing      what events have to pass on their way to the caller
passage      one text in them, of which the end is held back
dialects     how models are spoken to
usage prices what was used, and what it cost
"""

from __future__ import annotations
