"""From a checked tree to Python code that is compiled once and run often.

A program has two forms. The *fast* one uses Python's own operators wherever
they agree with the language, and raises as soon as they might not. It is right
whenever it returns. If it raises, whatever it raises, the *exact* form is
evaluated from the start: it absorbs errors where the language says so and
knows what to say about the rest.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias, cast

from remit.expr import tree
from remit.expr.check import Checked
from remit.expr.emit import ACTIVATION, Exact, Names, function
from remit.expr.errors import EvalError
from remit.expr.fast import Fast
from remit.expr.tree import Node
from remit.expr.types import Type

Evaluate: TypeAlias = Callable[[Any], Any]
Read: TypeAlias = tuple[str, ...]
"""A variable, and the members that lead to what is read of it: `("args", "amount")`."""


@dataclass(frozen=True, eq=False)
class Program:
    """An expression, ready to be evaluated.

    Either form becomes code when it is first asked for: of the conditions of a
    large policy most never are.
    """

    checked: Checked
    names: Names
    """Those that `expression` uses; programs that are joined share them."""

    @property
    def text(self) -> str:
        """What the policy says."""
        return self.checked.text

    @property
    def tree(self) -> Node:
        """The checked tree."""
        return self.checked.tree

    @property
    def type(self) -> Type:
        """What the expression evaluates to."""
        return self.checked.type

    @cached_property
    def reads(self) -> frozenset[Read]:
        """What it reads of the activation, with as many members as are known."""
        return frozenset(_reads(self.tree))

    @property
    def variables(self) -> frozenset[str]:
        """The variables it reads."""
        return frozenset(read[0] for read in self.reads)

    @cached_property
    def expression(self) -> ast.expr:
        """The fast form; where it raises, `exact` answers.

        It may stand in any function whose globals are `names.globals` and that calls the
        activation `request`.
        """
        return Fast(self.names).root(self.tree, self.checked.expect)

    @property
    def source(self) -> str:
        """The fast form as Python text, for people."""
        return ast.unparse(self.expression)

    @cached_property
    def evaluate(self) -> Evaluate:
        """The value for an activation. Raises `EvalError`, and nothing else."""
        return _two_tier(self)

    def exact(self, activation: Any) -> Any:
        """The same as `evaluate`, slower, without trying the fast form."""
        try:
            return self._run(activation)
        except EvalError:
            raise
        except RecursionError:
            raise EvalError("nested too deep for the stack left here") from None
        except Exception as error:
            raise EvalError(f"{type(error).__name__}: {error}") from error

    @cached_property
    def _run(self) -> Evaluate:
        # Names of its own: another thread may be adding to those that are shared.
        names = Names()
        whole = function([ACTIVATION], Exact(names).root(self.tree, self.checked.expect))
        expression = ast.fix_missing_locations(ast.Expression(whole))
        # What is evaluated here and below is code of our own making: see `Names`.
        return cast("Evaluate", eval(builtins.compile(expression, _FILE, "eval"), names.globals))  # noqa: S307


def compile(checked: Checked, names: Names | None = None) -> Program:  # noqa: A001 - what it does
    """Make a program of a checked tree; those to be joined are given the same *names*."""
    return Program(checked, Names() if names is None else names)


_FILE = "<condition>"
_TWO_TIER = f"""
def evaluate({ACTIVATION}):
    try:
        return None
    except anything:
        return exact({ACTIVATION})
"""


def _two_tier(program: Program) -> Evaluate:
    """A function for the fast form, which leaves what it cannot answer to the exact one."""
    # Names of its own: another thread may be adding to those that are shared.
    names = Names()
    module = ast.parse(_TWO_TIER)
    definition = cast("ast.FunctionDef", module.body[0])
    attempt = cast("ast.Try", definition.body[0])
    try:
        attempt.body = [ast.Return(Fast(names).root(program.tree, program.checked.expect))]
        # Generated names end in a digit: these two are nobody else's.
        space = names.globals | {"anything": Exception, "exact": program.exact}
        exec(builtins.compile(ast.fix_missing_locations(module), _FILE, "exec"), space)  # noqa: S102
    except RecursionError:
        return program.exact
    return cast("Evaluate", space["evaluate"])


def _reads(node: Node) -> Iterator[Read]:
    """What the expression reads, each with as many members as are known."""
    pending = [node]
    while pending:
        node = pending.pop()
        read = _place(node)
        if read:
            yield read
        else:
            pending.extend(tree.children(node))


def _place(node: Node) -> Read:
    names: list[str] = []
    while isinstance(node, tree.Select | tree.Attribute | tree.Has):
        names.append(node.name)
        node = node.operand
    return (node.name, *filter(None, reversed(names))) if isinstance(node, tree.Variable) else ()
