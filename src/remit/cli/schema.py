"""`remit schema`."""

from __future__ import annotations

from typing import Literal

from remit.cli import screen


def schema(of: Literal["policy", "test"] = "policy", /) -> None:
    """Print the JSON Schema of policies or of their tests, for editors.

        remit schema > remit.schema.json
        remit schema test > remit-test.schema.json

    A file that begins with this line is completed and underlined as it is written:

        # yaml-language-server: $schema=remit.schema.json

    Args:
        of: whose schema: of a policy, or of a test.
    """
    from remit.policy.describe import policy_schema, test_schema

    screen.emit(policy_schema() if of == "policy" else test_schema())
