"""What the rule builder calls things: kinds of conditions, comparisons, bounds, units."""

from __future__ import annotations

from campaigns import sentences
from campaigns.config import measured

KINDS = (
    ("attribute", "Customer field"),
    ("event", "What they did"),
    ("engaged", "Opened or clicked"),
    ("consent", "Consent"),
    ("segment", "Another segment"),
    ("sample", "Random share"),
)
# Operator, its words, and the types of value that it makes sense for.
OPERATORS = (
    ("eq", "is", "text number boolean"),
    ("ne", "is not", "text number boolean"),
    ("in", "is one of", "text number"),
    ("not_in", "is none of", "text number"),
    ("gt", "is more than", "number"),
    ("gte", "is at least", "number"),
    ("lt", "is less than", "number"),
    ("lte", "is at most", "number"),
    ("before", "is before", "date"),
    ("on", "is on", "date"),
    ("after", "is after", "date"),
    ("between", "is between", "number date"),
    ("anniversary", "is today (any year)", "date"),
    ("contains", "contains", "text"),
    ("starts_with", "starts with", "text"),
    ("known", "is known", "text number boolean date"),
    ("unknown", "is not known", "text number boolean date"),
)
DAYS = (
    ("today", "today"), ("yesterday", "yesterday"), ("7d ago", "7 days ago"), ("30d ago", "30 days ago"),
    ("12w ago", "12 weeks ago"), ("start of week", "this week's Monday"), ("start of month", "the first of this month"),
    ("start of year", "1 January of this year"), ("in 7d", "in 7 days"),
)  # fmt: skip
MATCHES = (("all", "all"), ("any", "any"), ("none", "none"))
BOUNDS = (
    ("gte", "at least"), ("lte", "at most"), ("eq", "exactly"), ("gt", "more than"), ("lt", "less than"),
    ("between", "between"),
)  # fmt: skip
PERIODS = (("", "at any time"), ("within", "in the last"), ("dates", "between two days"))
UNITS = (("d", "days"), ("w", "weeks"), ("h", "hours"))
CHANNELS = tuple((channel, sentences.CHANNELS[channel]) for channel in measured.ENGAGEMENTS)
