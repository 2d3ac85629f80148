"""PostgreSQL is an extra: whoever does not use it needs nothing for it."""

import subprocess
import sys


def run(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_asyncpg_the_line_that_installs_it_is_said():
    code = """
import sys
sys.modules["asyncpg"] = None  # as where it is not installed
try:
    import remit.ledgers.postgres
except ImportError as error:
    print(error)
"""
    assert run(code) == "PostgreSQL needs asyncpg: pip install 'remit[postgres]'"


def test_importing_remit_and_its_other_ledgers_imports_no_asyncpg():
    code = """
import sys
import remit, remit.ledgers.sqlite, remit.ledgers.memory
print([name for name in sys.modules if name.startswith("asyncpg")])
"""
    assert run(code) == "[]"
