"""The condition language: CEL, from text to Python code.

    text ─ lex ─► tokens ─ parse ─► tree ─ check ─► typed tree ─ compile ─► program

    environment = Environment({"args": Variable(MapType(STRING, DYN), "action.properties")})
    program = environment.compile('args.amount > 0 && args.amount <= 100', expect=BOOL)
    program.evaluate(request)

What a text can name, it finds in an `Environment`; nothing else is within its
reach. A text that cannot be used is an `ExprError` when it is read, an
expression that has no value for the data at hand an `EvalError`.
"""

from remit.expr.check import Checked, check, unchecked
from remit.expr.compile import Program, compile  # noqa: A004 - it compiles
from remit.expr.emit import Names
from remit.expr.environment import Environment, Variable
from remit.expr.errors import EvalError, ExprError, render
from remit.expr.function import Function, abstract, function
from remit.expr.parse import Expr, parse
from remit.expr.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Field,
    ListType,
    MapType,
    ObjectType,
    OptionalType,
    Parameter,
    RecordType,
    Type,
)
from remit.expr.values import Duration, Optional, Timestamp, TypeValue, Uint

__all__ = [
    "BOOL",
    "BYTES",
    "DOUBLE",
    "DURATION",
    "DYN",
    "INT",
    "NULL",
    "STRING",
    "TIMESTAMP",
    "TYPE",
    "UINT",
    "Checked",
    "Duration",
    "Environment",
    "EvalError",
    "Expr",
    "ExprError",
    "Field",
    "Function",
    "ListType",
    "MapType",
    "Names",
    "ObjectType",
    "Optional",
    "OptionalType",
    "Parameter",
    "Program",
    "RecordType",
    "Timestamp",
    "Type",
    "TypeValue",
    "Uint",
    "Variable",
    "abstract",
    "check",
    "compile",
    "function",
    "parse",
    "render",
    "unchecked",
]
