"""What the rule builder calls things: kinds of conditions, comparisons, bounds, units."""

from __future__ import annotations

KINDS = (
    ("attribute", "Customer field"),
    ("event", "What they did"),
    ("engaged", "Opened or clicked"),
    ("consent", "Consent"),
    ("segment", "Another segment"),
    ("sample", "Random share"),
)
# Operator, its words, and the types of value that it makes sense for; dates have words of their own.
OPERATORS = (
    ("eq", "is", "text number boolean date", "is on"),
    ("ne", "is not", "text number boolean date", "is not on"),
    ("in", "is one of", "text number", ""),
    ("not_in", "is none of", "text number", ""),
    ("gt", "is more than", "number date", "is after"),
    ("gte", "is at least", "number date", "is on or after"),
    ("lt", "is less than", "number date", "is before"),
    ("lte", "is at most", "number date", "is on or before"),
    ("between", "is between", "number date", "is between"),
    ("anniversary", "has its day today, in any year", "date", ""),
    ("contains", "contains", "text", ""),
    ("starts_with", "starts with", "text", ""),
    ("known", "is known", "text number boolean date", ""),
    ("unknown", "is not known", "text number boolean date", ""),
)
MATCHES = (("all", "all"), ("any", "any"), ("none", "none"))
BOUNDS = (
    ("gte", "at least"), ("lte", "at most"), ("eq", "exactly"), ("gt", "more than"), ("lt", "less than"),
    ("between", "between"),
)  # fmt: skip
PERIODS = (("", "at any time"), ("within", "in the last"), ("dates", "between two dates"))
UNITS = (("d", "days"), ("w", "weeks"), ("h", "hours"))
CHANNELS = (("email", "e-mail"), ("sms", "SMS"), ("push", "push"))
