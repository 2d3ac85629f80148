"""The commands, and how they end: whatever was to be expected ends in one line and a code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeAlias

from cyclopts import App, CycloptsError, Group

from remit.cli import screen
from remit.cli.approvals.answer import approve, deny, edit, respond, withdraw
from remit.cli.approvals.inbox import inbox
from remit.cli.approvals.list import list_approvals, show_approval, watch_approvals
from remit.cli.approvals.standing import delegate, grant, list_standing, revoke
from remit.cli.check import check
from remit.cli.compat import compat_aegis, compat_kitelogik
from remit.cli.completion import completion
from remit.cli.demo import demo
from remit.cli.exits import Exit, Stop
from remit.cli.explain import explain
from remit.cli.fmt import fmt
from remit.cli.help import Help
from remit.cli.import_ import import_policy
from remit.cli.import_audit import import_audit
from remit.cli.init import init
from remit.cli.key.generate import generate
from remit.cli.key.rotate import rotate
from remit.cli.key.show import show as show_key
from remit.cli.log.checkpoint import checkpoint
from remit.cli.log.erase import erase
from remit.cli.log.export import export
from remit.cli.log.import_ import import_bundle
from remit.cli.log.list import list_records
from remit.cli.log.show import show
from remit.cli.log.verify import verify
from remit.cli.log.witness import witness
from remit.cli.pause import list_paused, pause, resume
from remit.cli.plan import plan
from remit.cli.runs.show import list_runs, show_run, tail_runs
from remit.cli.schema import schema
from remit.cli.test import run_tests
from remit.cli.version import version
from remit.cli.watch import watch
from remit.errors import NotData, PolicyError

Command: TypeAlias = Callable[..., int | None]

ABOUT = """Keep AI agents within their remit.

    remit init                        begin: a policy, a test of it, a program
    remit check && remit test         is the policy right?
    remit explain refund --args '{"amount": 80}'
    remit approvals list              who waits for an answer?
    remit pause agent:support         stop it
    remit log list --effect deny      what was refused?
    remit log verify                  is the record whole?"""

ABOUT_APPROVALS = "Answer the questions that agents have left for people."

ABOUT_RUNS = "See what agents did between the beginning and the end of a run."

ABOUT_LOG = "Read a ledger: what was done, what was refused, and is it whole?"

ABOUT_COMPAT = "Use the command lines of systems whose programs run here."

ABOUT_KEY = "Make, show and replace the keys that vouch for a ledger."

CODES = """Exit codes:
  0    it went well
  1    findings, failed cases, a denial, a log that is not whole
  2    the command line cannot be understood
  3    a policy or other input cannot be used
  4    the ledger cannot be read
  130  interrupted
  141  whoever read the output has gone

Every command has --help. Nothing is sent anywhere."""

COMMANDS: dict[str, Command] = {
    "init": init,
    "check": check,
    "test": run_tests,
    "explain": explain,
    "plan": plan,
    "import": import_policy,
    "fmt": fmt,
    "watch": watch,
    "pause": pause,
    "resume": resume,
    "paused": list_paused,
    "schema": schema,
    "demo": demo,
    "version": version,
    "completion": completion,
}
LOG_COMMANDS: dict[str, Command] = {
    "list": list_records,
    "show": show,
    "verify": verify,
    "export": export,
    "import": import_bundle,
    "checkpoint": checkpoint,
    "witness": witness,
    "erase": erase,
}
APPROVALS_COMMANDS: dict[str, Command] = {
    "list": list_approvals,
    "show": show_approval,
    "approve": approve,
    "deny": deny,
    "edit": edit,
    "respond": respond,
    "withdraw": withdraw,
    "grant": grant,
    "delegate": delegate,
    "standing": list_standing,
    "revoke": revoke,
    "watch": watch_approvals,
    "inbox": inbox,
}
KEY_COMMANDS: dict[str, Command] = {
    "generate": generate,
    "show": show_key,
    "rotate": rotate,
}
GROUPS: dict[str, tuple[str, dict[str, Command]]] = {
    "approvals": (ABOUT_APPROVALS, APPROVALS_COMMANDS),
    "runs": (ABOUT_RUNS, {"list": list_runs, "show": show_run, "tail": tail_runs}),
    "log": (ABOUT_LOG, LOG_COMMANDS),
    "key": (ABOUT_KEY, KEY_COMMANDS),
    "compat": (ABOUT_COMPAT, {"aegis": compat_aegis, "kitelogik": compat_kitelogik}),
}


EXPECTED = (Stop, CycloptsError, PolicyError, NotData, OSError, KeyboardInterrupt)


def build() -> App:
    """The application, with every command in it."""
    options = Group("Options")
    app = App(
        name="remit",
        help=ABOUT,
        help_format="plaintext",
        help_formatter=Help(),
        help_epilogue=CODES,
        group_parameters=options,
        version=_version,
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
        result_action="return_value",
    )
    # The order in which they are written here is the order in which help lists them.
    for order, (name, command) in enumerate(COMMANDS.items()):
        app.command(command, name=name, sort_key=order, help_epilogue="")
    app["import"].command(import_audit, name="audit")
    for place, (noun, (about, commands)) in enumerate(GROUPS.items(), len(COMMANDS)):
        group = App(
            name=noun, help=about, help_epilogue="", group_parameters=options, sort_key=place
        )
        for order, (name, command) in enumerate(commands.items()):
            group.command(command, name=name, sort_key=order)
        app.command(group)
    for flag in ("--help", "--version"):
        app[flag].group = (options,)
    return app


def _version() -> str:
    from importlib import metadata

    return f"remit {metadata.version('remit')}"


def run(arguments: Sequence[str]) -> int:
    """Do what *arguments* say; the answer is an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if any("\ud800" <= char <= "\udfff" for char in "".join(arguments)):
        screen.warn("an argument is not UTF-8")
        return Exit.USAGE
    try:
        code = build()(list(arguments))
        sys.stdout.flush()
    except EXPECTED as error:
        return _end(error)
    return Exit.OK if code is None else int(code)


def _end(error: BaseException) -> Exit:
    """Say in one line what went wrong."""
    match error:
        case Stop():
            screen.warn(str(error))
            return error.code
        case CycloptsError():
            command = " ".join(("remit", *(error.command_chain or ()), "--help"))
            screen.warn(f"{' '.join(str(error).split())} See '{command}'.")
            return Exit.USAGE
        case PolicyError() | NotData():
            for line in (str(error), *getattr(error, "__notes__", ())):
                screen.warn(line)
            return Exit.INVALID
        case KeyboardInterrupt():
            return Exit.INTERRUPTED
        case BrokenPipeError():
            _give_up_output()
            return Exit.UNHEARD
        case OSError(filename=None):
            _give_up_output()
            screen.warn(error.strerror or str(error))
        case OSError():
            screen.warn(f"{error.filename}: {error.strerror}")
    return Exit.INVALID


def _give_up_output() -> None:
    """What is still buffered has nowhere to go, and Python would complain at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
