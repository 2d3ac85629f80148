"""From tokens to a tree, by the grammar of the CEL specification.

Operators are sorted out with a stack, not by recursion: only what is written
in brackets goes deeper. Brackets and trees are bounded, so that no text can
exhaust the interpreter's stack here or in the passes that follow.
"""

from __future__ import annotations

from remit.expr import macros, tree
from remit.expr.errors import ExprError
from remit.expr.lex import Token, tokens
from remit.expr.tree import Node
from remit.expr.values import INT_MAX

DEEPEST = 64
"""Levels of brackets, and of conditionals after a `:`. The specification asks for 32."""
TALLEST = 100
"""Levels of a tree: what brackets, members, signs and operators in a row add up to."""

_PRECEDENCE = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!=", "in"), 3),
    **dict.fromkeys(("+", "-"), 4),
    **dict.fromkeys(("*", "/", "%"), 5),
}
_CONSTANTS = {"true": True, "false": False, "null": None}
_RESERVED = frozenset({
    "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop",
    "package", "namespace", "return", "var", "void", "while",
})  # fmt: skip
_WORDS = {"and": "&&", "or": "||", "not": "!"}


MOST_PARTS = 5_000
"""Parts of a tree: what is written, and not how long the texts in it are."""


class Expr:
    """A text and its tree."""

    __slots__ = ("text", "tree")

    def __init__(self, text: str, tree: Node) -> None:
        self.text = text
        self.tree = tree


def parse(text: str) -> Expr:
    """Read *text*.

    Raises:
        ExprError: it is no expression, is nested too deep, or has too many parts.
    """
    parser = _Parser(text)
    try:
        node = parser.expression()
    except RecursionError:
        raise ExprError("nested too deep for the stack left here", text, 0) from None
    parser.finish()
    # Every level takes a token at least, so most texts are too short to be too deep.
    walked = tree.walk(node) if len(parser.tokens) > TALLEST else ()
    for size, (part, depth) in enumerate(walked, 1):
        if depth > TALLEST:
            raise ExprError(f"nested deeper than {TALLEST} levels", text, part.at)
        if size > MOST_PARTS:
            raise ExprError(f"over {MOST_PARTS} parts; say it in several", text, part.at)
    return Expr(text, node)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = tokens(text)
        self.position = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.position]

    def advance(self) -> Token:
        token = self.tokens[self.position]
        self.position += 1
        return token

    def accept(self, kind: str) -> bool:
        if self.tokens[self.position].kind != kind:
            return False
        self.position += 1
        return True

    def expect(self, kind: str) -> Token:
        if self.next.kind == kind:
            return self.advance()
        raise self.unexpected(f"expected '{kind}'")

    def unexpected(self, wish: str) -> ExprError:
        token = self.next
        if token.kind == "end":
            return ExprError(f"{wish}, and the text ends here", self.text, token.at)
        found = self.text[token.at : token.end]
        if found in _WORDS:
            wish = f"write '{_WORDS[found]}'"
        shown = found if len(found) <= 20 else found[:20] + "…"
        return ExprError(f"{wish}, not {shown!r}", self.text, token.at, token.end - token.at)

    def fail(self, message: str, node: Node) -> ExprError:
        return ExprError(message, self.text, node.at, node.end - node.at)

    def finish(self) -> None:
        if self.next.kind != "end":
            raise self.unexpected("expected an operator")

    def expression(self) -> Node:
        self.depth += 1
        if self.depth > DEEPEST:
            raise ExprError(f"nested deeper than {DEEPEST} levels", self.text, self.next.at)
        node = self.operation()
        if self.accept("?"):
            then = self.operation()
            self.expect(":")
            otherwise = self.expression()
            node = tree.Conditional(node, then, otherwise, at=node.at, end=otherwise.end)
        self.depth -= 1
        return node

    def operation(self) -> Node:
        """Operands and the operators between them, tighter ones first."""
        operands = [self.unary()]
        operators: list[str] = []
        while operator := self.operator():
            while operators and _PRECEDENCE[operators[-1]] >= _PRECEDENCE[operator]:
                _reduce(operands, operators.pop())
            operators.append(operator)
            operands.append(self.unary())
        while operators:
            _reduce(operands, operators.pop())
        return operands[0]

    def operator(self) -> str:
        token = self.next
        operator = token.value if token.kind == "name" else token.kind
        if operator not in _PRECEDENCE:
            return ""
        self.advance()
        return str(operator)

    def unary(self) -> Node:
        signs: list[Token] = []
        while self.next.kind in ("!", "-"):
            if signs and signs[-1].kind != self.next.kind:
                raise self.unexpected(f"expected an operand after '{signs[-1].kind}'")
            signs.append(self.advance())
        if signs and signs[-1].kind == "-" and _is_number(self.next):
            node = self.members(self.literal(signs.pop().at, sign=-1))
        else:
            node = self.members(self.primary())
        for sign in reversed(signs):
            node = tree.Call(sign.kind, None, (node,), at=sign.at, end=node.end)
        return node

    def literal(self, at: int, sign: int = 1) -> Node:
        token = self.advance()
        value = token.value
        if type(value) is int and sign * value > INT_MAX:
            spelled = self.text[token.at : token.end]
            message = f"{spelled} does not fit int, which has 64 bits"
            raise ExprError(message, self.text, token.at, token.end - token.at)
        if sign == -1:
            value = -value
        return tree.Constant(value, at=at, end=token.end)

    def members(self, node: Node) -> Node:
        """Whatever follows a primary: `.name`, `.name(...)`, `[key]`."""
        while True:
            if self.accept("."):
                node = self.selection(node)
            elif self.accept("["):
                optional = self.accept("?")
                key = self.expression()
                end = self.expect("]").end
                node = tree.Index(node, key, optional, at=node.at, end=end)
            elif self.next.kind == "{" and type(node) in (tree.Name, tree.Select):
                raise self.unexpected("expected an operator; messages cannot be made here")
            else:
                return node

    def selection(self, node: Node) -> Node:
        if self.accept("?"):
            token = self.name()
            return tree.Select(node, token.value, optional=True, at=node.at, end=token.end)
        token = self.name()
        if token.kind == "name" and self.accept("("):
            return self.call(token, node)
        return tree.Select(node, token.value, at=node.at, end=token.end)

    def name(self) -> Token:
        """A member's name; words that are reserved elsewhere are fine here."""
        token = self.next
        if token.kind == "quoted":
            return self.advance()
        if token.kind == "name" and token.value not in _CONSTANTS and token.value != "in":
            return self.advance()
        raise self.unexpected("expected a name after '.'")

    def call(self, token: Token, target: Node | None) -> Node:
        args = tuple(self.sequence(")"))
        span = (target.at if target else token.at, self.expect(")").end)
        node = macros.expand(token.value, target, args, span, self.fail)
        return node or tree.Call(token.value, target, args, at=span[0], end=span[1])

    def sequence(self, closing: str) -> list[Node]:
        items: list[Node] = []
        while self.next.kind != closing:
            items.append(self.expression())
            if not self.accept(","):
                break
        if closing == ")" and items and self.tokens[self.position - 1].kind == ",":
            raise self.unexpected("expected another argument")
        return items

    def primary(self) -> Node:
        token = self.next
        if token.kind == "literal":
            return self.literal(token.at)
        if token.kind == "name" and token.value not in _RESERVED and token.value != "in":
            return self.word()
        if token.kind == "(":
            self.advance()
            node = self.expression()
            self.expect(")")
            return node
        if token.kind == "[":
            return self.listing()
        if token.kind == "{":
            return self.mapping()
        if token.kind == ".":
            self.advance()
            token = self.expect("name")
            return tree.Name(token.value, absolute=True, at=token.at, end=token.end)
        if token.kind == "name":
            raise self.unexpected("expected a value; this word is reserved")
        raise self.unexpected("expected a value")

    def word(self) -> Node:
        token = self.advance()
        if token.value in _CONSTANTS:
            return tree.Constant(_CONSTANTS[token.value], at=token.at, end=token.end)
        if self.accept("("):
            return self.call(token, None)
        return tree.Name(token.value, at=token.at, end=token.end)

    def listing(self) -> Node:
        at = self.advance().at
        items: list[tree.Item] = []
        while self.next.kind != "]":
            optional = self.accept("?")
            items.append(tree.Item(self.expression(), optional))
            if not self.accept(","):
                break
        return tree.List(tuple(items), at=at, end=self.expect("]").end)

    def mapping(self) -> Node:
        at = self.advance().at
        entries: list[tree.Entry] = []
        while self.next.kind != "}":
            optional = self.accept("?")
            key = self.expression()
            self.expect(":")
            entries.append(tree.Entry(key, self.expression(), optional))
            if not self.accept(","):
                break
        return tree.Map(tuple(entries), at=at, end=self.expect("}").end)


def _is_number(token: Token) -> bool:
    return token.kind == "literal" and type(token.value) in (int, float)


def _reduce(operands: list[Node], operator: str) -> None:
    right = operands.pop()
    left = operands.pop()
    at, end = left.at, right.end
    if operator == "&&":
        parts = left.operands if type(left) is tree.And else (left,)
        operands.append(tree.And((*parts, right), at=at, end=end))
    elif operator == "||":
        parts = left.operands if type(left) is tree.Or else (left,)
        operands.append(tree.Or((*parts, right), at=at, end=end))
    else:
        operands.append(tree.Call(operator, None, (left, right), at=at, end=end))
