"""Random policies and campaign configurations that are in shape, for property tests."""

from __future__ import annotations

from typing import Any, get_args

from hypothesis import strategies as st

from campaigns.config.attached import MOST_BYTES, FileType
from campaigns.config.check_names import CheckName, Severity
from campaigns.config.gate import Invalid
from campaigns.config.policy import OPEN, Policy
from campaigns.policies import parse_policy

KEYS = st.sampled_from(["a", "b", "first", "nudge"])
DURATIONS = st.sampled_from(["30m", "4h", "1d", "2d", "7d", "2w"])
CLOCKS = st.builds(lambda hour, minute: f"{hour:02}:{minute:02}", st.integers(0, 23), st.sampled_from([0, 30, 59]))
SHARES = st.sampled_from([0, 0.0, 0.01, 0.05, 0.1, 0.5, 1])
CHANNELS = st.sampled_from(["email", "sms", "push", "webhook"])
PER_CUSTOMER = st.fixed_dictionaries({"messages": st.integers(1, 5), "per": DURATIONS})
RULES: st.SearchStrategy[Any] = st.recursive(
    st.sampled_from(
        [
            {"all": []},
            {"attribute": "city", "eq": "Leeds"},
            {"event": "order", "count": {"gte": 2}, "within": "30d"},
            {"consent": {"channel": "email"}},
            {"sample": 0.1},
        ]
    ),
    lambda inner: st.one_of(
        st.builds(lambda rules: {"all": rules}, st.lists(inner, max_size=3)),
        st.builds(lambda rules: {"any": rules}, st.lists(inner, max_size=3)),
        st.builds(lambda rule: {"not": rule}, inner),
    ),
    max_leaves=4,
)
TRIGGERS = st.one_of(
    st.just({"kind": "api"}),
    st.builds(lambda clock: {"kind": "schedule", "at": f"2031-05-01T{clock}:00"}, CLOCKS),
    st.builds(lambda clock: {"kind": "recurring", "rrule": "FREQ=DAILY", "starts": f"2031-05-01T{clock}:00"}, CLOCKS),
    st.builds(lambda delay: {"kind": "event", "name": "order", "delay": delay}, DURATIONS),
)
_CONTENT = st.builds(lambda n: {"discount": n}, st.integers(0, 90))
_VARIANTS = st.lists(
    st.fixed_dictionaries({"key": KEYS}, optional={"subject": st.just("Hello"), "content": _CONTENT}),
    min_size=1,
    max_size=3,
    unique_by=lambda variant: str(variant["key"]),
)  # fmt: skip


@st.composite
def _steps(draw: st.DrawFn) -> list[dict[str, Any]]:
    keys = draw(st.lists(KEYS, min_size=1, max_size=3, unique=True))
    steps: list[dict[str, Any]] = []
    for index, key in enumerate(keys):
        step: dict[str, Any] = {"key": key, "channel": draw(CHANNELS), "template": "hello"}
        if draw(st.booleans()):
            step["variants"] = draw(_VARIANTS)
        if index and draw(st.booleans()):
            step["after"] = {"step": draw(st.sampled_from(keys[:index])), "delay": draw(DURATIONS)}
        steps.append(step)
    return steps


def configs(**fixed: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Whole configurations in shape; what `fixed` names is as given there."""
    parts: dict[str, Any] = {
        "key": st.just("c"),
        "name": st.just("C"),
        "trigger": TRIGGERS,
        "audience": st.fixed_dictionaries({"include": RULES}, optional={"exclude": RULES, "holdout": SHARES}),
        "steps": _steps(),
    }
    optional: dict[str, Any] = {
        "goal": st.builds(lambda within: {"event": "order", "within": within}, DURATIONS),
        "timing": st.fixed_dictionaries({}, optional={"mode": st.just("now"), "expire_after": DURATIONS}),
        "limits": st.fixed_dictionaries({}, optional={"per_customer": PER_CUSTOMER}),
        "topic": KEYS,
    }
    named = {name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in fixed.items()}
    left = {name: strategy for name, strategy in optional.items() if name not in named}
    return st.fixed_dictionaries({**parts, **named}, optional=left)


GUARDS = ("most_bounces", "most_complaints", "most_unsubscribes", "most_errors")


def policy_documents() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {},
        optional={
            "channels": st.lists(CHANNELS, min_size=1, unique=True),
            "sender_domains": st.lists(
                st.sampled_from(["acme.example", "shop.acme.example", "shop.example"]), unique=True
            ),
            "template_features": st.lists(st.sampled_from(["conditions", "loops", "assignments"]), unique=True),
            "per_customer": st.lists(PER_CUSTOMER, max_size=3),
            "quiet_hours": st.lists(st.tuples(CLOCKS, CLOCKS).filter(lambda pair: pair[0] != pair[1]), max_size=2),
            "max_per_day": st.integers(1, 1000),
            "min_holdout": st.sampled_from([0, 0.05, 0.5]),
            "universal_holdout": st.sampled_from([0, 0.02, 0.1]),
            "max_discount": st.integers(0, 60),
            **dict.fromkeys(GUARDS, st.sampled_from([0.001, 0.02, 1])),
            "footer": st.lists(st.sampled_from(["unsubscribe_url", "brand.postal_address"]), unique=True),
            "attachments": st.fixed_dictionaries(
                {"types": st.lists(st.sampled_from(get_args(FileType)), unique=True)},
                optional={"most_bytes": st.integers(1, MOST_BYTES)},
            ),
            "approval": st.booleans(),
            "sender_dns": st.booleans(),
            "checks": st.dictionaries(
                st.sampled_from(get_args(CheckName)), st.sampled_from(get_args(Severity)), max_size=4
            ),
            "checks_off": st.lists(st.sampled_from(get_args(CheckName)), max_size=4),
        },
    )


def policies_() -> st.SearchStrategy[Policy]:
    return policy_documents().map(_parsed).filter(bool).map(lambda found: found or OPEN)


def _parsed(document: dict[str, Any]) -> Policy | None:
    try:
        return parse_policy(document)
    except Invalid:  # quiet hours that leave nothing of the day
        return None
