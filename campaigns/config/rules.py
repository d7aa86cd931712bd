"""The audience rule language: a typed tree, told apart by the key that each rule begins with."""

from __future__ import annotations

import operator
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, StringConstraints, Tag, TypeAdapter, model_validator

from campaigns.config.days import Day, Instant
from campaigns.config.values import Duration, Key, Part, Share

MAX_DEPTH = 12
MAX_RULES = 300

Scalar = bool | int | float | Annotated[str, StringConstraints(max_length=500)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_. -]{0,63}$")]
EventName = Annotated[str, StringConstraints(min_length=1, max_length=64)]
ChannelName = Literal["email", "sms", "push", "webhook"]
OPERATORS = (
    "eq", "ne", "in_", "not_in", "lt", "lte", "gt", "gte", "between", "contains", "starts_with", "exists",
    "anniversary", "before", "on", "after",
)  # fmt: skip


_TESTS = {"eq": operator.eq, "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}


class Comparison(Part):
    """Exactly one operator and its operand.

    `anniversary: true` holds of a date (`1990-05-17`, `--05-17` or `05-17`) on its day of every year, as the retailer's
    time zone has it; 29 February counts on the 28th in years without one.

    `before`, `on` and `after` hold of a date (`2026-12-01`, or a date and time, of which the date counts) against a
    day: a date, or `today`, `yesterday`, `tomorrow`, `30d ago`, `2w ago`, `in 7d`, `start of week` (a Monday), `start
    of month`, `start of quarter`, `start of year`, all by the calendar of the retailer's time zone.
    """

    eq: Scalar | None = None
    ne: Scalar | None = None
    in_: Annotated[list[Scalar], Field(min_length=1, max_length=1000)] | None = Field(None, alias="in")
    not_in: Annotated[list[Scalar], Field(min_length=1, max_length=1000)] | None = None
    lt: Scalar | None = None
    lte: Scalar | None = None
    gt: Scalar | None = None
    gte: Scalar | None = None
    between: tuple[Scalar, Scalar] | None = None
    contains: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    starts_with: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    exists: bool | None = None
    anniversary: Literal[True] | None = None
    before: Day | None = None
    on: Day | None = None
    after: Day | None = None

    @model_validator(mode="after")
    def _one_operator(self) -> Self:
        if len(self._given()) != 1:
            words = ", ".join(name.rstrip("_") for name in OPERATORS)
            raise ValueError(f"give exactly one operator of: {words}")
        return self

    def _given(self) -> list[str]:
        return [name for name in OPERATORS if getattr(self, name) is not None]

    @property
    def operator(self) -> str:
        return self._given()[0].rstrip("_")

    @property
    def operand(self) -> Any:
        return getattr(self, self._given()[0])


class NumberComparison(Part):
    """A number against bounds; all given bounds must hold."""

    eq: Finite | None = None
    lt: Finite | None = None
    lte: Finite | None = None
    gt: Finite | None = None
    gte: Finite | None = None

    @model_validator(mode="after")
    def _some_bound(self) -> Self:
        if not self.bounds:
            raise ValueError("give at least one of eq, lt, lte, gt, gte")
        return self

    @property
    def bounds(self) -> dict[str, float]:
        names = ("eq", "lt", "lte", "gt", "gte")
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}

    def holds(self, value: float) -> bool:
        return all(_TESTS[name](value, bound) for name, bound in self.bounds.items())


class SumComparison(NumberComparison):
    property: FieldName


class PropertyComparison(Comparison):
    property: FieldName


class Engagement(Part):
    channel: ChannelName = "email"
    within: Duration


class Consent(Part):
    channel: ChannelName


class AllOf(Part):
    """Every rule inside holds; an empty list holds for everyone."""

    all: list[Rule]


class AnyOf(Part):
    """At least one rule inside holds; an empty list holds for nobody."""

    any: list[Rule]


class Not(Part):
    not_: Rule = Field(alias="not")


class InSegment(Part):
    segment: Key


class Attribute(Comparison):
    """A field of the customer, or one of the custom attributes."""

    attribute: FieldName


class Event(Part):
    """Something the customer did: how often, for how much, when. Without `count` and `sum`: at least once.

    `within` is so long before now, to the second. `since` (inclusive) and `until` (exclusive) are a date and time,
    in the retailer's time zone where it names none, or the midnight of a day in words: `today`, `30d ago`, `start of
    month`, as for `before`.
    """

    event: EventName
    count: NumberComparison | None = None
    sum: SumComparison | None = None
    within: Duration | None = None
    since: Instant | None = None
    until: Instant | None = None
    where: Annotated[list[PropertyComparison], Field(max_length=20)] = []


class Engaged(Part):
    engaged: Engagement | Key


class Consented(Part):
    consent: Consent


class Sample(Part):
    """A stable random share of people."""

    sample: Share


_KINDS = ("all", "any", "not", "segment", "attribute", "event", "engaged", "consent", "sample")


def _kind(value: Any) -> str | None:
    if isinstance(value, dict):
        found = [kind for kind in _KINDS if kind in value]
        return f"<{found[0]}>" if len(found) == 1 else None
    return next((f"<{kind}>" for kind in _KINDS if hasattr(value, kind if kind != "not" else "not_")), None)


Rule = Annotated[
    Annotated[AllOf, Tag("<all>")]
    | Annotated[AnyOf, Tag("<any>")]
    | Annotated[Not, Tag("<not>")]
    | Annotated[InSegment, Tag("<segment>")]
    | Annotated[Attribute, Tag("<attribute>")]
    | Annotated[Event, Tag("<event>")]
    | Annotated[Engaged, Tag("<engaged>")]
    | Annotated[Consented, Tag("<consent>")]
    | Annotated[Sample, Tag("<sample>")],
    Discriminator(
        _kind,
        custom_error_type="rule_kind",
        custom_error_message="a rule begins with exactly one of: " + ", ".join(_KINDS),
    ),
]
for _model in (AllOf, AnyOf, Not):
    _model.model_rebuild()
RULE: TypeAdapter[Rule] = TypeAdapter(Rule)
