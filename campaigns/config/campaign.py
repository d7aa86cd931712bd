"""A campaign's configuration: the contract that the form, the API, files and the engine share."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from campaigns.config.rules import ChannelName, EventName, Rule
from campaigns.config.values import ClockTime, DomainName, Duration, Key, Moment, Name, Part, Share

SCHEMA_VERSION = 1


class ScheduleTrigger(Part):
    """Once, at a wall-clock time in the retailer's time zone (or at the offset given).

    Missed by more than `grace`, for example in an outage, it does not run late but is shown as missed.
    """

    kind: Literal["schedule"]
    at: Moment
    grace: Duration = timedelta(hours=1)


class RecurringTrigger(Part):
    """Again and again, by an RFC 5545 rule in the retailer's time zone, from `starts` (or publication) on."""

    kind: Literal["recurring"]
    rrule: Annotated[str, StringConstraints(max_length=500)]
    starts: Moment | None = None
    grace: Duration = timedelta(hours=1)


class EventTrigger(Part):
    """For each customer whose event of that name is stored, `delay` after it happened; who was reached by the campaign
    within `once_per` is not reached again.

    Known later than `grace` after that, for example after an outage, it is not sent late but shown as missed.
    """

    kind: Literal["event"]
    name: EventName
    delay: Duration | None = None
    once_per: Duration | None = None
    grace: Duration = timedelta(days=1)


class ApiTrigger(Part):
    """Whenever the API, a command or a person launches it."""

    kind: Literal["api"]


Trigger = Annotated[ScheduleTrigger | RecurringTrigger | EventTrigger | ApiTrigger, Field(discriminator="kind")]


class Goal(Part):
    event: EventName
    within: Duration


class Audience(Part):
    include: Rule
    exclude: Rule | None = None
    holdout: Share = 0.0


# A text or number, or a slot's parts: an image's url and alt, a button's label and url.
ContentValue = str | int | float | bool | Annotated[dict[Key, str | int], Field(max_length=5)]


class Variant(Part):
    key: Key
    subject: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = None
    content: Annotated[dict[Key, ContentValue], Field(max_length=50)] = {}


class Optimise(Part):
    method: Literal["bandit", "winner", "fixed"] = "fixed"
    metric: Literal["open", "click", "conversion"] = "click"
    waves: Annotated[int, Field(ge=1, le=100)] = 1
    over: Duration | None = None
    floor: Share = 0.05


class Release(Part):
    """So many waves, evenly over a time: the first when the step comes due, and each a random slice of its people."""

    waves: Annotated[int, Field(ge=2, le=100)]
    over: Duration


class After(Part):
    step: Key
    delay: Duration


class Step(Part):
    key: Key
    channel: ChannelName
    template: Key
    variants: Annotated[list[Variant], Field(min_length=1, max_length=20)] = [Variant(key="a")]
    optimise: Optimise | None = None
    release: Release | None = None
    after: After | None = None
    when: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _variants_differ(self) -> Self:
        _check_unique([variant.key for variant in self.variants], "variant")
        return self

    @model_validator(mode="after")
    def _waves_are_said_once(self) -> Self:
        if self.release and self.optimise and self.optimise.waves > 1:
            raise ValueError("release and optimise both say in how many waves: leave release out, or optimise.waves")
        return self

    @property
    def waves(self) -> Release | None:
        """In what waves it goes out; None for all at once. Waves that optimise without `over` come an hour apart."""
        if self.optimise and self.optimise.waves > 1:
            number = self.optimise.waves
            return Release(waves=number, over=self.optimise.over or timedelta(hours=number))
        return self.release


class Timing(Part):
    mode: Literal["now", "fixed", "recipient", "best_hour"] = "now"
    window: tuple[ClockTime, ClockTime] | None = None
    expire_after: Duration | None = None


class PerCustomer(Part):
    messages: Annotated[int, Field(ge=1, le=1000)]
    per: Duration


class Limits(Part):
    per_customer: PerCustomer | None = None


UtmName = Literal["source", "medium", "campaign", "content", "term", "id"]
UtmValue = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]


class Tracking(Part):
    """What is counted of messages, and what is added to the links in them: `utm_*`, where `utm` says anything.

    What a link says itself stays. Links to the brand's own website are added to, and to `utm_domains` and what is below
    them; `medium` is then the channel and `campaign` the key, where they are left out.
    """

    opens: bool = True
    clicks: bool = True
    utm: dict[UtmName, UtmValue] | None = None
    utm_domains: Annotated[list[DomainName], Field(max_length=50)] | None = None


class CampaignConfig(Part):
    key: Key
    name: Name
    blueprint: Key | None = None
    blueprint_version: Annotated[int, Field(ge=1, le=9999)] | None = None
    goal: Goal | None = None
    trigger: Trigger
    audience: Audience
    steps: Annotated[list[Step], Field(min_length=1, max_length=20)]
    timing: Timing = Timing()
    limits: Limits = Limits()
    tracking: Tracking = Tracking()
    topic: Key = "promotions"
    # Which workers it waits for, and nothing else: consent, suppressions and limits hold for both.
    lane: Literal["ordinary", "transactional"] = "ordinary"

    @property
    def is_transactional(self) -> bool:
        return self.lane == "transactional"

    def step(self, key: str) -> Step:
        """Raises StopIteration for a key that no step has."""
        return next(each for each in self.steps if each.key == key)

    def delay_of(self, step: Step) -> timedelta:
        """How long after the start of a run a step comes due: delays add up along the chain of `after`."""
        by_key, total = {each.key: each for each in self.steps}, timedelta()
        while step.after:
            total, step = total + step.after.delay, by_key[step.after.step]
        return total

    @model_validator(mode="after")
    def _steps_lead_forward(self) -> Self:
        keys = [step.key for step in self.steps]
        _check_unique(keys, "step")
        for index, step in enumerate(self.steps):
            if step.after and step.after.step not in keys[:index]:
                raise ValueError(f"step {step.key!r} comes after {step.after.step!r}, which is no earlier step")
        return self

    @model_validator(mode="after")
    def _transactional_answers_somebody(self) -> Self:
        if self.is_transactional and not isinstance(self.trigger, EventTrigger | ApiTrigger):
            raise ValueError(
                f"lane: only what answers an event or a call of the API may be transactional; this has a trigger of "
                f"kind {self.trigger.kind!r}. Leave lane out, or use a trigger of kind event or api."
            )
        return self


def _check_unique(keys: list[str], what: str) -> None:
    doubled = {key for key in keys if keys.count(key) > 1}
    if doubled:
        raise ValueError(f"two {what}s share the key {min(doubled)!r}; each needs its own")
