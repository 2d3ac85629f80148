"""Other engines are extras: whoever does not use them needs nothing for them."""

import pytest
from test_ledger_postgres_extra import run


@pytest.mark.parametrize(
    ("package", "module", "message"),
    [
        ("h11", "opa", "deciding over HTTP needs h11: pip install 'remit[opa]'"),
        ("regorus", "rego", "Rego needs regorus: pip install 'remit[rego]'"),
    ],
)
def test_without_its_package_the_line_that_installs_it_is_said(package, module, message):
    code = f"""
import sys
sys.modules[{package!r}] = None  # as where it is not installed
try:
    import remit.deciders.{module}
except ImportError as error:
    print(error)
"""
    assert run(code) == message


def test_neither_is_imported_by_remit_and_what_both_share():
    code = """
import sys
import remit, remit.policy, remit.deciders, remit.deciders.document, remit.deciders.answer
print([name for name in sys.modules if name in {"h11", "regorus", "asyncio"}])
"""
    assert run(code) == "[]"
