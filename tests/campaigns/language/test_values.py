"""What is unknown or missing is told, and what the documentation shows reads as it says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from campaigns import language
from delivery.rendering import RenderError
from tests.campaigns.language.reading import EXAMPLES, found, knowing, read


@pytest.mark.parametrize(("source", "wanted"), EXAMPLES)
def test_each_example_of_the_documentation_reads_as_it_says(source: str, wanted: str) -> None:
    assert language.mistakes(source) == []
    assert read(source).strip() == wanted


def test_each_filter_is_documented_with_an_example() -> None:
    assert {name for name in language.FILTERS if not any(re.search(rf"\|\s*{name}\b", s) for s, _ in EXAMPLES)} == set()


@pytest.mark.parametrize(
    ("source", "line", "column", "says"),
    [
        ("Hi {{ customer.first_nam }}", 1, 7, "customer.first_nam is unknown"),
        ("a\n  {{ nobody }}", 2, 6, "nobody is unknown"),
        ("a\n\n{{ customer.city | shout }}", 3, 20, "no filter 'shout'"),
        ("{{ customer.city | safe }}", 1, 20, "always escaped"),
        ("x {% shuffle %}", 1, 3, "no tag 'shuffle'"),
        ("{% include 'x' %}", 1, 1, "may not use 'include'"),
        ("{% if customer.city %}", 1, 1, "does not end"),
        ("{% endif %}", 1, 1, "ends or continues nothing"),
        ("{{ customer.city", 1, 1, "does not end"),
        ("{{ customer.city is nice }}", 1, 18, "no test 'nice'"),
        ("{{ customer.city | truncate }}", 1, 20, "takes 1 to 2 arguments"),
        ("{% for p in customer.attributes.list %}{% endfor %}{{ p }}", 1, 55, "p is unknown"),
        ("{% set customer = 1 %}", 1, 8, "cannot be a name of yours"),
        ('{{ customer.city | default(" ") }}', 1, 20, "fallback is blank"),
        ('{{ customer.city | default("x" | default("")) }}', 1, 34, "fallback is blank"),
        ("{{ 'a' if customer.city }}", 1, 8, "say what to write otherwise"),
        ("{{ loop.index }}", 1, 4, "loop.index is unknown"),
        ("{{ unsubscribe_url.format }}", 1, 4, "unsubscribe_url has nothing"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_column(source: str, line: int, column: int, says: str) -> None:
    [(at_line, at_column, message)] = found(source)
    assert (at_line, at_column) == (line, column)
    assert says in message


def test_all_unknown_names_are_told_at_once_in_the_order_of_the_source() -> None:
    source = "{{ b }}{% if customer.x %}{{ a }}{% endif %}\n{{ content.y }}"
    assert [line for line, _, _ in found(source, content=["z"])] == [1, 1, 1, 2]
    assert [message.split()[0] for _, _, message in found(source, content=["z"])] == [
        "b", "customer.x", "a", "content.y"
    ]  # fmt: skip


def test_content_that_is_asked_for_first_or_has_a_fallback_need_not_be_given() -> None:
    guarded = (
        "{% if content.a %}{{ content.a }}{% endif %}{{ content.b | default('x') }}"
        "{% if content.c is defined %}{{ content.c }}{% endif %}"
    )
    assert found(guarded, content=[]) == []
    assert len(found("{% if content.a %}{% endif %}{{ content.a }}", content=[])) == 1


@pytest.mark.parametrize("value", [None, "", "  ", "\n", "\xa0"])
@pytest.mark.parametrize(
    "source",
    [
        "Hi {{ customer.attributes.x }},",
        "{{ 'Hi ' ~ customer.attributes.x }}",
        "{{ 'Hi ' + customer.attributes.x }}",
        "{{ customer.attributes.x | upper }}",
        "{{ customer.attributes.x | default(customer.attributes.y) }}",
        "{% set name = customer.attributes.x %}Hi {{ name }}",
        "{{ customer.attributes.x if customer.city else 'x' }}",
        "{{ customer.attributes.x | truncate(5) }}",
        "{{ customer.attributes.x | money('EUR') }}",
        "{{ customer.attributes.x | date }}",
    ],
)
def test_a_person_without_a_value_gets_no_message_and_the_reason_names_it(source: str, value: str | None) -> None:
    context = knowing(x=value) if value is not None else knowing()
    for part in ("text", "html", "subject"):
        with pytest.raises(RenderError, match=r"no value for (customer\.attributes\.[xy]|name)"):
            read(source, context, part=part)


def test_the_reason_names_what_an_item_of_a_list_lacks() -> None:
    source = "{% for p in customer.attributes.products %}{{ p.name }} {{ p.price | money('EUR') }}{% endfor %}"
    with pytest.raises(RenderError, match=r"no value for p\.price"):
        read(source, knowing(products=[{"name": "a", "price": 1}, {"name": "b"}]))


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("{% if customer.attributes.x %}Hi {{ customer.attributes.x }}{% else %}Hello{% endif %}", "Hello"),
        ("{{ customer.attributes.x | default(customer.attributes.y) | default('z') }}", "z"),
        ("{{ customer.attributes.x | default(customer.first_name | upper) }}", "ANA"),
        ("{{ customer.attributes.x.y.z | default('deep') }}", "deep"),
        ("{% for p in customer.attributes.x %}{{ p }}{% else %}none{% endfor %}", "none"),
        ("{% for p in customer.attributes.x.y[:2] %}{{ p }}{% endfor %}none", "none"),
        ("{{ 'has' if customer.attributes.x else 'has not' }}", "has not"),
        ("a{{ 'b' if customer.attributes.x else '' }}c", "ac"),
    ],
)
@pytest.mark.parametrize("attributes", [{}, {"x": None}])
def test_guards_and_fallbacks_stand_in_for_what_is_missing(
    source: str, wanted: str, attributes: dict[str, Any]
) -> None:
    assert read(source, knowing(**attributes)) == wanted


def test_nought_and_no_are_values() -> None:
    assert read("{{ customer.attributes.n | default('none') }}", knowing(n=0)) == "0"
    assert read("{{ customer.attributes.n | plural('item', 'items') }}", knowing(n=0)) == "items"


def test_a_list_is_not_printed_as_programs_write_it() -> None:
    with pytest.raises(RenderError, match="prints a list"):
        read("{{ customer.attributes.tags }}")
