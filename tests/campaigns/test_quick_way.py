"""The quick ways of rendering say what the thorough one says, or leave the message to it."""

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
OURS = {name: language.trusted(f"https://x.example/{name}") for name in language.OUR_LINKS}
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
    "{{ customer.attributes.a | upper | truncate(3) }}{{ customer.attributes.b | default('x') | title }}",
    "{{ customer.attributes.a | truncate(2, '') }}{{ customer.attributes.b | trim | lower | capitalize }}{{ ' ' }}",
    '<a href="{{ customer.attributes.a | lower }}" title="{{ customer.attributes.b | default(2) }}">{</a>',
    '<i style="color: {{ customer.attributes.a | truncate(9) }}" title="{{ view_url }}">{{ unsubscribe_url }}</i>',
    PRODUCTS + "{{ p.a }}{{ customer.attributes.b }}{{ p.a | upper }}{{ loop.index }}{{ customer.city }}, {% endfor %}",
    "{% for p in customer.attributes.a[1:2] %}{{ loop.index }}.{{ p.b }}{{ p.a }}{% else %}-{% endfor %}{{ view_url }}",
    "{% for p in customer.attributes.a %}-{{ loop.index }}{{ customer.attributes.b }}{% endfor %}",
    "{% for p in customer.attributes.a[:0] %}{{ p.a }}{% else %}{{ customer.attributes.b }}{% endfor %}",
    "{{ customer.city }}{% if customer.attributes.a %}{{ customer.attributes.b }}{% endif %}{{ brand.name }}",
    "{{ customer.attributes.a | money('EUR') }}{{ customer.city }}{{ customer.attributes.b | number }}{{ view_url }}",
    "{% for p in customer.attributes.a %}{{ p.a | number }}{% if loop.last %}.{% endif %}{% endfor %}{{ view_url }}",
    '<a href="https://x.example/{% if customer.attributes.a %}{{ customer.attributes.a }}{% endif %}?q='
    '{{ customer.attributes.b | urlencode }}" title="{{ customer.attributes.b }}">{{ customer.city }}</a>',
    '<a href="{{ customer.attributes.a | replace("x", "y") }}/{{ customer.attributes.b }}">{{ customer.city }}</a>',
    '<a title="{% if customer.city %}{{ customer.attributes.a }}{% endif %}" href="{{ customer.attributes.b }}">x</a>',
    "{% set n = customer.city %}{{ n }}{{ customer.attributes.a }}",
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
    st.sampled_from(
        [
            0,
            1,
            2,
            -1,
            2**63,
            -(2**63),
            2**200,
            0.0,
            -0.0,
            1.0,
            2.0,
            0.1,
            1e-4,
            9e-5,
            1e15,
            1e16,
            1e300,
            float("nan"),
            float("inf"),
            True,
            False,
        ]
    ),
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
PATTERNS = {
    f"{name}: {source}": language.patterns({name: source})[0] for name in ("html", "text") for source in SOURCES
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


def said_by_pattern(of: str, context: dict[str, Any]) -> str | None:
    pattern = PATTERNS[of]
    return pattern.fill(context) if pattern else None


def said_thoroughly(of: str, context: dict[str, Any]) -> str:
    _, (made, budget), name = MADE[of]
    budget.left = language.MAX_HANDLED
    return made.render_template(name, **context)


@pytest.mark.parametrize("of", MADE)
@given(attributes=ATTRIBUTES)
def test_what_is_said_quickly_is_what_is_said_thoroughly(of: str, attributes: dict[str, Any]) -> None:
    context = PERSON | OURS | {"customer": PERSON["customer"] | {"attributes": attributes}}
    quickly, by_pattern = said_quickly(of, context), said_by_pattern(of, context)
    if quickly is not None:
        assert quickly == said_thoroughly(of, context)
    if by_pattern is not None:
        assert by_pattern == said_thoroughly(of, context)


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


@pytest.mark.parametrize(
    "source",
    [
        "Hi {{ customer.first_name }}",
        "{{ customer.attributes.nickname | default(customer.first_name) }} of {{ customer.city | upper }}",
        "{% for p in customer.attributes.products[:3] %}{{ loop.index }} {{ p.name }} {{ p.price }}{% endfor %}",
        "{{ customer.city }}{% if customer.attributes.points %}{{ customer.attributes.points | number }}{% endif %}",
        '<a href="{{ brand.website }}">{{ customer.city | upper | truncate(20) }}</a>',
    ],
)
def test_ordinary_mails_are_made_by_pattern(source: str) -> None:
    [pattern] = language.patterns({"html": source})
    assert pattern
    assert pattern.fill(PERSON) == language.environment(html=source).render_template("html", **PERSON)


def test_what_is_equal_does_not_look_the_same_where_it_is_not() -> None:
    """True and 1, and a list's items of them, are one key to a dict."""
    source = "{{ customer.attributes.a }}" + PRODUCTS.replace("attributes.a", "attributes.b") + "{{ p.a }}{% endfor %}"
    [pattern] = language.patterns({"text": source})
    made = language.environment(text=source)
    assert pattern
    for value in (1, True, 1.0, "1", 0, False, 0.0, 2, 2.0, True, 1):
        context = {"customer": {"attributes": {"a": value, "b": [{"a": value}]}}}
        assert pattern.fill(context) in (None, made.render_template("text", **context))


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
