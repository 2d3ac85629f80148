"""The inbox, full screen: what waits on the left, one question on the right, a key for each answer.

With another key like questions of one run are one line on the left, and are answered together.

Text that somebody else wrote is shown as it is on the other screens, and never as markup. What is
answered is what was shown when its key was pressed, whatever comes in meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

from rich.cells import cell_len, set_cell_size
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Label, OptionList, Static
from textual.widgets.option_list import Option

from remit.approvers.batch import Batch, Outcome, batches
from remit.approvers.desk import Desk
from remit.approvers.status import status
from remit.audit.case import Case
from remit.canonical import read
from remit.cli.approvals import batch as shown_batch
from remit.cli.approvals import case as shown_case
from remit.cli.screen import STYLES, count
from remit.databases.postgres_address import Unreachable
from remit.errors import NotData, RemitError
from remit.model import Subject
from remit.visible import json_line, visible

LOOK_EVERY = 1.0
NAMES = 11
"""Columns for the names of facts; longer ones push theirs aside."""

Answering: TypeAlias = Callable[..., tuple[Outcome, ...]]
"""Answers a batch: takes it, a reason, and whatever else was asked for."""

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
        Binding("b", "batches", "Batches"),
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
        self.together = False
        self.batches: tuple[Batch, ...] = ()
        """What the list has a line for each: one question, or like ones of one run."""

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
        if cases != self.cases:
            self.cases = cases
            self.fill()

    def fill(self) -> None:
        """Fill the list; whoever was looking at something still does."""
        options = self.query_one("#list", OptionList)
        place, selected = options.highlighted or 0, self.selected()
        self.batches = (
            batches(self.cases) if self.together else tuple(Batch((case,)) for case in self.cases)
        )
        options.clear_options()
        options.add_options([Option(_line(batch)) for batch in self.batches])
        if self.batches:
            found = _place(selected, self.batches)
            options.highlighted = min(place if found is None else found, len(self.batches) - 1)
        self.show_question()

    def on_option_list_option_highlighted(self) -> None:
        """Show the question that the list is at."""
        self.query_one("#question").scroll_home(animate=False)
        self.show_question()

    def show_question(self) -> None:
        """Show all of the question that the list is at."""
        batch = self.selected()
        room = self.query_one("#question").content_size.width
        shown = Content("") if batch is None else _shown(batch, self.desk.clock(), room)
        self.query_one("#facts", Static).update(shown)

    def selected(self) -> Batch | None:
        """What the list is at."""
        place = self.query_one("#list", OptionList).highlighted
        return self.batches[place] if place is not None and place < len(self.batches) else None

    def action_batches(self) -> None:
        """Show like questions of one run together, or one by one again."""
        self.together = not self.together
        self.fill()

    def action_scroll(self, pages: int) -> None:
        """Read on in a long question."""
        scroll = self.query_one("#question")
        (scroll.scroll_page_down if pages > 0 else scroll.scroll_page_up)(animate=False)

    def action_approve(self) -> None:
        """Approve exactly what is shown."""
        self.prompt("Approve", self.approve)

    def action_deny(self) -> None:
        """Refuse it."""
        self.prompt("Deny", self.deny)

    def action_edit(self) -> None:
        """Refuse it, and approve it with other arguments."""
        if case := self.single():
            given = json_line(case.question.request.action.properties)
            self.prompt("Edit", self.edit, label="all arguments, as JSON", value=given)

    def action_respond(self) -> None:
        """Answer in its place."""
        if self.single():
            self.prompt("Respond", self.respond, label="what the agent is given, as JSON")

    def single(self) -> Case | None:
        """The question that the list is at; of several it says that they go one by one."""
        batch = self.selected()
        if batch is None or len(batch.cases) == 1:
            return batch.cases[0] if batch else None
        self.tell("that is done one by one: press b first", "warning")
        return None

    def approve(self, batch: Batch, reason: str) -> tuple[Outcome, ...]:
        """Approve each question of *batch*."""
        if len(batch.cases) > 1:
            return self.desk.approve_all(batch, self.by, reason=reason)
        return (Outcome(self.desk.approve(batch.cases[0].id, self.by, reason=reason)),)

    def deny(self, batch: Batch, reason: str) -> tuple[Outcome, ...]:
        """Refuse each question of *batch*."""
        if len(batch.cases) > 1:
            return self.desk.refuse_all(batch, self.by, reason=reason)
        return (Outcome(self.desk.refuse(batch.cases[0].id, self.by, reason=reason)),)

    def edit(self, batch: Batch, reason: str, text: str) -> tuple[Outcome, ...]:
        """Approve the question with the arguments in *text*, if policy does not deny that."""
        from remit.sources import load

        (case,) = batch.cases
        args = read(text)
        if not isinstance(args, dict):
            raise NotData("", 'is no JSON object of all arguments, like {"amount": 80}')
        decider = load(*self.policies)
        return (Outcome(self.desk.edit(case.id, self.by, args, decider, reason=reason)),)

    def respond(self, batch: Batch, reason: str, text: str) -> tuple[Outcome, ...]:
        """Answer the question with the value in *text*."""
        (case,) = batch.cases
        return (Outcome(self.desk.respond(case.id, self.by, read(text), reason=reason)),)

    def prompt(self, verb: str, do: Answering, *, label: str = "", value: str = "") -> None:
        """Ask for what *do* needs to know about what is shown now, and do it."""
        batch = self.selected()
        if batch is None:
            return

        def answered(fields: tuple[str, ...] | None) -> None:
            if fields is not None:
                self.take(batch, do, fields)

        self.push_screen(Prompt(f"{verb} {_name(batch)}, as {self.by}", label, value), answered)

    @work(thread=True)
    def take(self, batch: Batch, do: Answering, fields: tuple[str, ...]) -> None:
        """Answer what *batch* holds, and say what has become of each question."""
        try:
            outcomes = do(batch, *reversed(fields))
        except FAILURES as error:
            self.call_from_thread(self.tell, str(error), "error")
            return
        for message in self.taken(outcomes):
            self.call_from_thread(self.tell, message)
        # A ledger that has failed says the same of all that it has kept from being answered.
        for message in dict.fromkeys(str(one.error) for one in outcomes if one.error):
            self.call_from_thread(self.tell, message, "error")
        self.call_from_thread(self.look)

    def taken(self, outcomes: Sequence[Outcome]) -> list[str]:
        """What has become of the questions that were answered."""
        cases = [one.case for one in outcomes if one.error is None]
        if len(cases) == 1:
            return [f"approval {cases[0].id} is {self.desk.status(cases[0])}"]
        found = Counter(self.desk.status(case) for case in cases)
        return [f"{count(number, 'question')}: {status}" for status, number in found.items()]

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


def _name(batch: Batch) -> str:
    action = batch.first.request.action.name
    several = f"{count(len(batch.cases), 'question')} of batch {batch.id}"
    return f"{batch.first.id if len(batch.cases) == 1 else several}: {action}"


def _place(looked_at: Batch | None, found: Sequence[Batch]) -> int | None:
    """Which of *found* has the question that somebody *looked at* first."""
    if looked_at is None:
        return None
    holds = (looked_at.first.id in {case.id for case in batch.cases} for batch in found)
    return next((place for place, held in enumerate(holds) if held), None)


def _line(batch: Batch) -> Content:
    """A question, or a batch of them, in two lines of the list."""
    request, risk = batch.first.request, batch.first.decision.risk or ""
    several = f" x {len(batch.cases)}" if len(batch.cases) > 1 else ""
    action = visible(request.action.name) + several
    first = Content.assemble(action, "  ", (risk, STYLES.get(risk, "")))
    return Content("\n").join([first, Content(visible(str(request.subject))).stylize("dim")])


def _shown(batch: Batch, now: int, room: int) -> Content:
    """All of a question, a fact a line; of several what they share, and then what they do not."""
    if len(batch.cases) == 1:
        return _facts(batch.cases[0], now)
    shared, differing = shown_batch.facts(batch)
    heading = Content.assemble((f"batch {batch.id}", "bold"), f"  {len(batch.cases)} questions")
    rows = shown_batch.differences(batch, differing)
    apart = _side_by_side(("approval", *differing), rows, room) or _below(differing, rows)
    return Content("\n").join([heading, Content(""), *_told(shared), Content(""), *apart])


def _side_by_side(
    header: Sequence[str], rows: Sequence[Sequence[str]], room: int
) -> list[Content] | None:
    """A line for each question, if there is *room* for whole ones."""
    cells = [[visible(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    if sum(widths) + 2 * len(widths) > room:
        return None
    lines = [
        "  ".join(set_cell_size(*cell) for cell in zip(row, widths, strict=True)) for row in cells
    ]
    return [Content(lines[0]).stylize("bold"), *map(Content, lines[1:])]


def _below(differing: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Content]:
    """A heading for each question, and a line for each of its facts."""
    lines: list[Content] = []
    for identity, *told in rows:
        lines += [Content(f"approval {visible(identity)}").stylize("bold")]
        lines += [*_told(dict(zip(differing, told, strict=True))), Content("")]
    return lines


def _facts(case: Case, now: int) -> Content:
    """All of a question, a fact a line."""
    found = status(case, now)
    standing = (found.value, shown_case.STYLES[found])
    heading = Content.assemble((f"approval {visible(case.id)}", "bold"), "  ", standing)
    return Content("\n").join([heading, Content(""), *_told(shown_case.facts(case))])


def _told(facts: Mapping[str, str]) -> list[Content]:
    return [
        Content.assemble((f"{visible(name).ljust(NAMES)}  ", "dim"), visible(fact))
        for name, fact in facts.items()
        if fact
    ]
