"""The quick way of rendering says what the thorough one says, or leaves the message to it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import minijinja
import pytest
from babel import Locale, localedata
from babel.numbers import format_currency, format_decimal
from hypothesis import given
from hypothesis import strategies as st

from campaigns import language
from campaigns.language import formats

DOCS = Path(__file__).resolve().parents[2] / "docs" / "templates.md"
PERSON: dict[str, Any] = json.loads(re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)[0])
PRODUCTS = "{% for p in customer.attributes.a %}"
SOURCES = [
    "{{ customer.attributes.a }}{{ customer.attributes.b }}",
    "{{ customer.attributes.a.b }}{{ customer.attributes['a']['b'] }}",
    "{{ customer.attributes.a[0] }} {{ customer.attributes.a[0].b }}",
    "{{ customer.attributes.a[:2] }}",
    "{{ customer.attributes }}",
    "{{ customer.attributes.a | default(customer.attributes.b) }}",
    "{{ customer.attributes.a | default('x') | upper }}",
    "{{ customer.attributes.a | upper }}{{ customer.attributes.a | trim('x') }}",
    "{{ customer.attributes.a | truncate(3) }}{{ customer.attributes.a | truncate(0, customer.attributes.b) }}",
    "{{ customer.attributes.a | number }}{{ customer.attributes.a | money('EUR') }}",
    "{{ customer.attributes.a | round(1) }}{{ customer.attributes.a | plus(0.5) }}{{ -customer.attributes.a / 1 }}",
    "{{ customer.attributes.a | first }}{{ customer.attributes.a | join }}",
    "{{ customer.attributes.a | escape }}{{ customer.attributes.a | urlencode }}",
    "{{ customer.attributes.a ~ customer.attributes.b }}",
    "{{ customer.attributes.a if customer.attributes.b else '' }}",
    "{% if customer.attributes.a %}{{ customer.attributes.b }}{% else %}-{% endif %}",
    "{% if customer.attributes.a == customer.attributes.b %}=={% endif %}",
    "{% if customer.attributes.a is defined %}{{ customer.attributes.a }}{% endif %}",
    "{% set n = customer.attributes.a %}{{ n }}{{ n.b }}",
    PRODUCTS + "{{ p }}{% endfor %}",
    PRODUCTS + "{{ loop.index }}{{ p.a }}{{ loop.last }}{% else %}none{% endfor %}",
    PRODUCTS + "{{ p.a.b }}{{ p['a'] }}{{ p[0] }}{% endfor %}",
    PRODUCTS + "{{ p.a | lower }}{{ p.b | default('x') }}{% endfor %}",
    PRODUCTS + "{% set p = customer.attributes %}{{ p.b }}{% endfor %}",
    PRODUCTS + "{% for p in p %}{{ p.a }}{% endfor %}{% endfor %}",
    PRODUCTS + "{{ p.a }}{% endfor %}{% for p in customer.attributes.b %}{{ p.a }}{% endfor %}",
    PRODUCTS + "{{ p.a }}{% endfor %}{% for p, q in customer.attributes | items %}{{ p }}{{ q }}{% endfor %}",
    "{% for p in customer.attributes.a[:1] if p.a %}{{ p.a }}{% endfor %}",
    '<a href="{{ customer.attributes.a }}">{{ customer.attributes.b }}</a><i style="{{ customer.attributes.a }}"></i>',
    '<a href="https://x.example/{{ customer.attributes.a }}?q={{ customer.attributes.b }}">' + PRODUCTS
    + '<img src="{{ p.a }}" alt="{{ p.b }}">{% endfor %}</a>',
    "{{ none }}{{ 'x' }}",
    "{{ 5 }}{{ true }}{{ 1.50 }}",
]  # fmt: skip
SCALARS = st.one_of(
    st.sampled_from(
        [
            None,
            "",
            " ",
            "\xa0",
            "\x00",
            "\x01",
            "\x7f",
            "a",
            "<b>&'\"",
            "javascript:x",
            "https://x.example/a?b=1",
            "é€😀",
        ]
    ),
    st.sampled_from([0, -1, 2**63, -(2**63), 2**200, 0.0, -0.0, 1e300, float("nan"), float("inf"), True, False]),
    st.sampled_from(["x" * 200, "x" * 201, "é" * 300, " " * 300, "1234.5", "2026-07-01"]),
    st.text(max_size=5),
    st.integers(),
    st.floats(),
)
ATTRIBUTES = st.recursive(
    st.dictionaries(st.sampled_from("ab"), SCALARS),
    lambda inner: st.dictionaries(
        st.sampled_from("ab"), st.one_of(SCALARS, inner, st.lists(st.one_of(inner, SCALARS), max_size=3))
    ),
    max_leaves=6,
)
MADE = {
    f"{name}: {source}": (language.quick({name: source}), language.compiled({name: source}), name)
    for name in ("html", "text")
    for source in SOURCES
}
TROUBLE = (minijinja.TemplateError, ValueError, TypeError, OverflowError)


def said_quickly(of: str, context: dict[str, Any]) -> str | None:
    (made, budget, plain), _, name = MADE[of]
    if not plain.lets(context):
        return None
    budget.left = language.MAX_HANDLED
    try:
        return made.render_template(name, **context)
    except TROUBLE:
        return None


def said_thoroughly(of: str, context: dict[str, Any]) -> str:
    _, (made, budget), name = MADE[of]
    budget.left = language.MAX_HANDLED
    return made.render_template(name, **context)


@pytest.mark.parametrize("of", MADE)
@given(attributes=ATTRIBUTES)
def test_what_is_said_quickly_is_what_is_said_thoroughly(of: str, attributes: dict[str, Any]) -> None:
    context = PERSON | {"customer": PERSON["customer"] | {"attributes": attributes}}
    quickly = said_quickly(of, context)
    if quickly is not None:
        assert quickly == said_thoroughly(of, context)


@pytest.mark.parametrize(
    "source",
    [
        "Hi {% if customer.attributes.nickname %}{{ customer.attributes.nickname }}{% endif %}",
        "{% for p in customer.attributes.products[:3] %}{{ loop.index }} {{ p.name }} {{ p.price }}{% endfor %}",
        '<a href="{{ brand.website }}">{{ customer.attributes.points | number }} {{ customer.city | upper }}</a>',
        "{{ customer.attributes.nickname | default(customer.first_name) }}",
    ],
)
def test_ordinary_mails_go_the_quick_way(source: str) -> None:
    made, _, plain = language.quick({"html": source})
    assert plain.lets(PERSON)
    assert made.render_template("html", **PERSON)


@given(
    number=st.decimals(min_value=-(10**14), max_value=10**14, allow_nan=False, places=4),
    locale=st.sampled_from(localedata.locale_identifiers()),
    currency=st.sampled_from(["EUR", "USD", "JPY", "GBP", "CHF", "KWD", "INR", "BRL", "SEK"]),
)
def test_numbers_and_money_look_as_babel_writes_them(number: Decimal, locale: str, currency: str) -> None:
    spoken = Locale.parse(locale)
    for each in (number, number.to_integral_value()):
        assert formats.money(str(each), currency, locale) == format_currency(each, currency, locale=spoken)
        assert formats.number(str(each), None, locale) == format_decimal(each, locale=spoken)
