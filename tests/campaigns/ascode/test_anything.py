"""Whatever a retailer may have goes out and comes in as it was."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import configuration, content, editing
from campaigns.ascode import applying, diffing, folder, kinds, plain_yaml
from campaigns.config.gate import Invalid
from campaigns.models import Brand, Segment, Template
from tenants import context
from tenants.models import Retailer
from tests.campaigns.ascode.shops import files, rows

REASON = applying.Reason("test", "", timezone.now())

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
TRAPS = st.sampled_from(
    [
        *("yes", "no", "on", "off", "y", "null", "~", "", " ", "09:00", "20:00", "1:20:30", "2026-12-01", "0123"),
        *("0x1f", "1_000", "1e5", "1.", ".5", "+1", "-0", ".inf", ".nan", "2026-12-01T09:00:00", "2026-99-99T99:99:99"),
        *("<<", "=", "# no", "a: b", "- a", "{a}", "[a", "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "'", '"', "---"),
        *(
            "...",
            "a\n",
            "\n",
            " a\n b",
            "a\r\nb",
            "a\tb",
            "\ta",
            "tail ",
            "\u2028",
            "\x85",
            "\ufeff",
            "\x7f",
            "🦄",
            "é",
        ),
    ]
)
STRINGS = TEXT | TRAPS
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(-(2.0**62), 2.0**62)
SCALARS = STRINGS | NUMBERS | st.booleans() | st.none()
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(STRINGS, DATA, max_size=5))
@settings(max_examples=150, deadline=None)
def test_anything_written_as_yaml_reads_back_as_it_was(data: dict[str, Any]) -> None:
    text = plain_yaml.written(data)
    assert diffing.is_same(plain_yaml.read(text).data, data)
    assert text.endswith("\n")


KEYS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,20}", fullmatch=True)
VALUES = STRINGS.filter(lambda text: len(text) <= 40) | NUMBERS | st.booleans()
WITHIN = st.sampled_from(["30m", "24h", "7d", "168h", "8w"])
LEAVES: Any = st.one_of(
    st.builds(lambda value: {"attribute": "city", "eq": value}, VALUES),
    st.builds(lambda values: {"attribute": "tier", "in": values}, st.lists(VALUES, min_size=1, max_size=4)),
    st.builds(
        lambda number, within: {"event": "order", "count": {"gte": number}, "within": within},
        st.integers(0, 99) | st.floats(0, 1e18),
        WITHIN,
    ),
    st.builds(lambda share: {"sample": share}, st.floats(0, 1) | st.just(-0.0)),
    st.builds(lambda at: {"event": "view", "since": at.isoformat()}, st.datetimes()),
)
RULES: Any = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda rules: {"all": rules}, st.lists(inner, max_size=3)),
        st.builds(lambda rules: {"any": rules}, st.lists(inner, max_size=3)),
        st.builds(lambda rule: {"not": rule}, inner),
    ),
    max_leaves=8,
)
VARIANTS: Any = st.lists(
    st.fixed_dictionaries(
        {"key": KEYS},
        optional={"subject": STRINGS.filter(bool), "content": st.dictionaries(KEYS, VALUES, max_size=4)},
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda variant: variant["key"],
)
CAMPAIGNS: Any = st.fixed_dictionaries(
    {
        "key": KEYS,
        "name": STRINGS.filter(lambda text: bool(text.strip())),
        "trigger": st.just({"kind": "api"})
        | st.builds(lambda at: {"kind": "schedule", "at": at.isoformat()}, st.datetimes()),
        "audience": st.fixed_dictionaries({"include": RULES}, optional={"exclude": RULES, "holdout": st.floats(0, 1)}),
        "steps": st.lists(
            st.fixed_dictionaries(
                {"key": KEYS, "channel": st.sampled_from(["email", "sms"]), "template": KEYS},
                optional={"variants": VARIANTS, "when": st.dictionaries(STRINGS, DATA, max_size=2)},
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda step: step["key"],
        ),
    },
    optional={
        "timing": st.fixed_dictionaries({"window": st.just(["09:00", "20:00"])}, optional={"expire_after": WITHIN}),
        "goal": st.fixed_dictionaries({"event": STRINGS.filter(bool), "within": WITHIN}),
    },
)


NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
SLOTS = st.dictionaries(NAMES, STRINGS | st.fixed_dictionaries({"url": STRINGS, "alt": STRINGS}), max_size=3)
BLOCKS = st.dictionaries(NAMES, STRINGS, max_size=3)
PARTS: Any = st.fixed_dictionaries(
    {},
    optional={
        "slots": SLOTS,
        "blocks": BLOCKS,
        "payload": st.dictionaries(STRINGS, DATA, max_size=3),
        "translations": st.dictionaries(
            st.sampled_from(["de", "pt-BR", "zh-Hant-TW"]),
            st.fixed_dictionaries({}, optional={"subject": STRINGS, "text": STRINGS, "slots": SLOTS, "blocks": BLOCKS}),
            max_size=3,
        ),
        "source_format": st.sampled_from(["html", "mjml"]),
        "from_name": STRINGS.filter(lambda text: len(text) <= 40),
    },
)


def accepted(save: Callable[[], object]) -> bool:
    """False where the door that owns it refuses it: what never comes in need not go out."""
    try:
        with transaction.atomic():
            save()
    except Invalid:
        return False
    return True


@given(
    st.lists(CAMPAIGNS, max_size=2, unique_by=lambda config: config["key"]),
    st.dictionaries(KEYS, RULES, max_size=3),
    st.dictionaries(KEYS, st.tuples(TEXT, STRINGS, STRINGS, PARTS), max_size=2),
    STRINGS.filter(lambda text: len(text) <= 40),
)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_a_retailer_has_goes_out_and_comes_in_as_it_was(
    acme: Retailer,
    globex: Retailer,
    tmp_path_factory: pytest.TempPathFactory,
    campaigns: list[dict[str, Any]],
    segments: dict[str, Any],
    templates: dict[str, tuple[str, str, str, dict[str, Any]]],
    address: str,
) -> None:
    root, now = tmp_path_factory.mktemp("any"), timezone.now()
    with transaction.atomic():
        with context.in_retailer(acme):
            Brand.objects.filter(pk=content.brand().pk).update(postal_address=address)
            for key, rule in segments.items():
                accepted(partial(editing.save_segment, Segment(key=key, name=key, rule=rule), now=now))
            for key, (html, text, subject, parts) in templates.items():
                row = Template(key=key, name=key, html=f"<p>{html}", text=text, subject=subject, **parts)
                accepted(partial(editing.save_template, row))
            for data in campaigns:
                accepted(partial(configuration.save_draft, data))
            folder.write(root, kinds.read())
            before = rows()
            assert applying.apply(folder.read(root), REASON).plan.changes == ()
            assert rows() == before
        with context.in_retailer(globex):
            applying.apply(folder.read(root), REASON)
            assert dict(folder.rendered(kinds.read())) == files(root)
        transaction.set_rollback(True)
