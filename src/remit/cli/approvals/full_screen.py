"""The inbox, full screen: what waits on the left, one question on the right, a key for each answer.

Text that somebody else wrote is shown as it is on the other screens, and never as markup. What is
answered is what was shown when its key was pressed, whatever comes in meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from remit.approvers.desk import Desk
from remit.approvers.status import status
from remit.audit.case import Case
from remit.canonical import read
from remit.cli.approvals import case as shown_case
from remit.cli.screen import STYLES, count
from remit.databases.postgres_address import Unreachable
from remit.errors import NotData, RemitError
from remit.model import Subject
from remit.visible import json_line, visible

LOOK_EVERY = 1.0
NAMES = 11
"""Columns for the names of facts; longer ones push theirs aside."""

FAILURES = (RemitError, sqlite3.Error, OSError, Unreachable)
"""What may keep an answer from being taken, or a ledger from being read."""


class InboxApp(App[None]):
    """Shows what waits at *desk*, and answers as *by*.

    Args:
        desk: where the questions are.
        by: who answers.
        policies: the files that decide on other arguments.
    """

    TITLE = "remit approvals"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #head { height: 1; padding: 0 1; background: $panel; }
    #list { width: 30; height: 1fr; border: none; border-right: solid $panel; }
    #question { padding: 0 1; height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve"),
        Binding("d", "deny", "Deny"),
        Binding("e", "edit", "Edit"),
        Binding("r", "respond", "Respond"),
        Binding("q", "quit", "Quit"),
        Binding("pagedown,space", "scroll(1)", "More", show=False),
        Binding("pageup", "scroll(-1)", "Back", show=False),
    ]

    def __init__(self, desk: Desk, by: Subject, policies: Sequence[Path] = ()) -> None:
        super().__init__()
        self.desk = desk
        self.by = by
        self.policies = policies
        self.cases: tuple[Case, ...] = ()

    def compose(self) -> ComposeResult:
        """One line, two columns, and the keys."""
        yield Static(id="head", markup=False)
        with Horizontal():
            yield OptionList(id="list", markup=False)
            with VerticalScroll(id="question", can_focus=False):
                yield Static(id="facts", markup=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Look at once, and from then on every second."""
        self.query_one("#list").focus()
        self.look()
        self.set_interval(LOOK_EVERY, self.look)

    @work(thread=True, exclusive=True)
    def look(self) -> None:
        """Read the ledger, beside the screen: it may be slow."""
        try:
            cases, trouble = self.desk.cases(), ""
        except FAILURES as error:
            cases, trouble = self.cases, f"the ledger cannot be read: {error}"
        self.call_from_thread(self.show_cases, cases, trouble)

    def show_cases(self, cases: tuple[Case, ...], trouble: str = "") -> None:
        """Show what waits; whoever was looking at a question still does."""
        waits = f"{count(len(cases), 'question')} waiting" if cases else "nothing waits"
        told = trouble or f"{waits}; you answer as {self.by}"
        self.query_one("#head", Static).update(Content(visible(told)))
        if cases == self.cases:
            return
        options = self.query_one("#list", OptionList)
        place, selected = options.highlighted or 0, self.selected()
        self.cases = cases
        options.clear_options()
        options.add_options([Option(_line(case), id=case.id) for case in cases])
        ids = [case.id for case in cases]
        if ids:
            found = ids.index(selected.id) if selected and selected.id in ids else place
            options.highlighted = min(found, len(ids) - 1)
        self.show_question()

    def on_option_list_option_highlighted(self) -> None:
        """Show the question that the list is at."""
        self.query_one("#question").scroll_home(animate=False)
        self.show_question()

    def show_question(self) -> None:
        """Show all of the question that the list is at."""
        case = self.selected()
        shown = Content("") if case is None else _facts(case, self.desk.clock())
        self.query_one("#facts", Static).update(shown)

    def selected(self) -> Case | None:
        """The question that the list is at."""
        place = self.query_one("#list", OptionList).highlighted
        return self.cases[place] if place is not None and place < len(self.cases) else None

    def action_scroll(self, pages: int) -> None:
        """Read on in a long question."""
        scroll = self.query_one("#question")
        (scroll.scroll_page_down if pages > 0 else scroll.scroll_page_up)(animate=False)

    def action_approve(self) -> None:
        """Approve exactly what is shown."""
        self.prompt(
            "Approve", lambda case, reason: self.desk.approve(case.id, self.by, reason=reason)
        )

    def action_deny(self) -> None:
        """Refuse it."""
        self.prompt("Deny", lambda case, reason: self.desk.refuse(case.id, self.by, reason=reason))

    def action_edit(self) -> None:
        """Refuse it, and approve it with other arguments."""
        case = self.selected()
        given = json_line(case.question.request.action.properties) if case else ""
        self.prompt("Edit", self.edit, label="all arguments, as JSON", value=given)

    def action_respond(self) -> None:
        """Answer in its place."""
        self.prompt("Respond", self.respond, label="what the agent is given, as JSON")

    def edit(self, case: Case, reason: str, text: str) -> Case:
        """Approve *case* with the arguments in *text*, if policy does not deny that."""
        from remit.sources import load

        args = read(text)
        if not isinstance(args, dict):
            raise NotData("", 'is no JSON object of all arguments, like {"amount": 80}')
        return self.desk.edit(case.id, self.by, args, load(*self.policies), reason=reason)

    def respond(self, case: Case, reason: str, text: str) -> Case:
        """Answer *case* with the value in *text*."""
        return self.desk.respond(case.id, self.by, read(text), reason=reason)

    def prompt(
        self, verb: str, do: Callable[..., Case], *, label: str = "", value: str = ""
    ) -> None:
        """Ask for what *do* needs to know about the question that is shown now, and do it."""
        case = self.selected()
        if case is None:
            return

        def answered(fields: tuple[str, ...] | None) -> None:
            if fields is not None:
                self.take(case, do, fields)

        self.push_screen(Prompt(f"{verb} {_name(case)}, as {self.by}", label, value), answered)

    @work(thread=True)
    def take(self, case: Case, do: Callable[..., Case], fields: tuple[str, ...]) -> None:
        """Give the answer to *case*, and say what has become of it."""
        try:
            done = do(case, *reversed(fields))
        except FAILURES as error:
            self.call_from_thread(self.tell, str(error), "error")
            return
        self.call_from_thread(self.tell, f"approval {done.id} is {self.desk.status(done)}")
        self.call_from_thread(self.look)

    def tell(self, message: str, severity: Any = "information") -> None:
        """Say *message* in a corner."""
        self.notify(visible(message), severity=severity, markup=False)


class Prompt(ModalScreen[tuple[str, ...] | None]):
    """Asks for a reason, and first for a *label* if there is one; Escape takes it back."""

    CSS = """
    Prompt { align: center middle; }
    Prompt > Vertical {
        width: 90%; max-width: 100; height: auto; padding: 1 2; background: $surface;
        border: solid $primary;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Back")]

    def __init__(self, title: str, label: str, value: str) -> None:
        super().__init__()
        self.heading = title
        self.label = label
        self.value = value

    def compose(self) -> ComposeResult:
        """What is about to be answered, and a line for each thing to be told."""
        with Vertical():
            yield Label(visible(self.heading), markup=False)
            if self.label:
                yield Label(self.label, markup=False)
                yield Input(self.value, classes="field")
            yield Label("reason", markup=False)
            yield Input(classes="field", placeholder="may be left out")
            yield Label("Enter: go on   Escape: back", markup=False)

    def on_mount(self) -> None:
        """Begin at the first line."""
        self.query(".field").first(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on to the next line, or be done."""
        fields = [*self.query(".field").results(Input)]
        if event.input is fields[-1]:
            self.dismiss(tuple(field.value for field in fields))
        else:
            fields[-1].focus()


def _name(case: Case) -> str:
    return f"{case.id}: {case.question.request.action.name}"


def _line(case: Case) -> Content:
    """A question in two lines of the list."""
    request, risk = case.question.request, case.question.decision.risk or ""
    first = Content.assemble(visible(request.action.name), "  ", (risk, STYLES.get(risk, "")))
    return Content("\n").join([first, Content(visible(str(request.subject))).stylize("dim")])


def _facts(case: Case, now: int) -> Content:
    """All of a question, a fact a line."""
    found = status(case, now)
    standing = (found.value, shown_case.STYLES[found])
    heading = Content.assemble((f"approval {visible(case.id)}", "bold"), "  ", standing)
    facts = {name: fact for name, fact in shown_case.facts(case).items() if fact}
    lines = [
        Content.assemble((f"{visible(name).ljust(NAMES)}  ", "dim"), visible(fact))
        for name, fact in facts.items()
    ]
    return Content("\n").join([heading, Content(""), *lines])
