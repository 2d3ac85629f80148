"""Runs: what an agent does between its beginning and its end, as an application tells it.

observe     a function whose every execution is a run
block       a block that is one
telling     step tag metadata score decision reasoning retrieval retry message …
decorating  functions whose every call is told
asking      input(), on record
observation how either is observed, and what is asked and recorded at its ends
keeping     records of several runs, kept in one go
run         the run itself: what was counted, what policy says of it
"""

from __future__ import annotations
