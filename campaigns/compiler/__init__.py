"""Audience rules into SQL conditions over one customer: `f`, the row of facts, and `c`, the customer beside it.

Whatever facts answer exactly is asked of facts, which are read whole and fast; the rest is asked of the events and of
the customer's attributes. Every value travels as a bind parameter; identifiers come only from the tables here.
"""

from campaigns.compiler.known import Late
from campaigns.compiler.pieces import EVERYBODY, NOBODY, Sql, draw, joined, numbered
from campaigns.compiler.tree import MAX_CONDITIONS, TEXT_COLUMNS, actual, compile_rule, events_in
from campaigns.compiler.types import mistyped

__all__ = [
    "EVERYBODY",
    "MAX_CONDITIONS",
    "NOBODY",
    "TEXT_COLUMNS",
    "Late",
    "Sql",
    "actual",
    "compile_rule",
    "draw",
    "events_in",
    "joined",
    "mistyped",
    "numbered",
]
