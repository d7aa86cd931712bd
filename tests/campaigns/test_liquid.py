"""Templates of other platforms become ours; what cannot is named with its line and stays to be seen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import language, liquid
from delivery.rendering import Content, Renderer

PERSON: dict[str, Any] = {
    "customer": {
        "first_name": "Ana", "last_name": "Smith", "email": "ana@example.test", "locale": "en-GB",
        "attributes": {"plan": "gold", "points": 120, "since": "2024-07-01", "tags": ["a", "b", "c"],
                       "Favourite Shop": "Leeds",
                       "products": [{"name": "Pack", "price": 5}, {"name": "Stove", "price": 7},
                                    {"name": "Sock", "price": 2}]},
    },
    "brand": {"name": "Acme"}, "retailer": {"timezone": "UTC"},
    "unsubscribe_url": "https://u", "preferences_url": "https://p",
}  # fmt: skip


def read(source: str) -> str:
    return Renderer(Content("s", "h", source)).render(PERSON).text


@pytest.mark.parametrize(
    ("theirs", "reads"),
    [
        # Braze
        ("Hi {{${first_name}}},", "Hi Ana,"),
        ("Hi {{ ${first_name} | default: 'there' }}", "Hi Ana"),
        ("{{custom_attribute.${plan}}} {{custom_attribute.${Favourite Shop}}}", "gold Leeds"),
        ("{% if custom_attribute.${plan} == 'gold' %}yes{% endif %}", "yes"),
        ("{{${set_user_to_unsubscribed_url}}}", "https://u"),
        # Klaviyo
        ("{{ first_name|default:'x' }} {{ person.first_name|upper }}", "Ana ANA"),
        ("{{ person|lookup:'Favourite Shop' }}", "Leeds"),
        ("{% unsubscribe 'Leave' %} {% manage_preferences_link %}", '<a href="https://u">Leave</a> https://p'),
        ("{{ organization.name }}", "Acme"),
        # Mailchimp
        ("*|FNAME|* *|PLAN|* *|LIST:COMPANY|* *|UNSUB|*", "Ana gold Acme https://u"),
        ("*|IF:PLAN|*has*|ELSE:|*has not*|END:IF|*", "has"),
        # Customer.io, Shopify
        ("{{ customer.first_name }} {{ customer.plan }} {{ shop.name }}", "Ana gold Acme"),
        ("{{ customer.since | date: '%-d %B %Y' }}", "1 July 2024"),
        # Liquid
        ("{{ customer.first_name | upcase }} {{ 'ABC' | downcase | capitalize }}", "ANA Abc"),
        ("{{ customer.points | plus: 5 | minus: 25 | times: 2 | divided_by: 4 }}", "50"),
        ("{{ customer.tags | join: '/' }} {{ customer.tags.size }} {{ customer.tags.first }}",
         "a/b/c 3 a"),
        ("{{ 'a,b' | split: ',' | join: ' ' }} {{ 'x' | append: 'y' | prepend: 'z' }} {{ 'abc' | remove: 'b' }}",
         "a b zxy ac"),
        ("{{ 'one two three' | truncatewords: 2 }} {{ 'abcdefghij' | truncate: 6 }} {{ 'a b' | url_encode }}",
         "one two... abc... a%20b"),
        ("{% if customer.points > 100 and customer.plan == 'x' or customer.plan contains 'gol' %}a"
         "{% elsif customer.plan %}b{% else %}c{% endif %}",
         "a"),
        ("{% unless customer.plan == 'gold' %}a{% else %}b{% endunless %}", "b"),
        ("{% case customer.plan %}{% when 'a', 'b' %}1{% when 'gold' or 'x' %}2{% else %}3{% endcase %}", "2"),
        ("{% for p in customer.products limit:2 offset:1 %}{{ forloop.index }}{{ p.name }}"
         "{% if forloop.last %}.{% endif %}{% endfor %}",
         "1Stove2Sock."),
        ("{% for i in (1..3) reversed %}{{ i }}{% else %}no{% endfor %}", "321"),
        ("{% assign greeting = 'Hi ' | append: customer.first_name %}{{ greeting }}", "Hi Ana"),
        ("a{% comment %}b{{ c }}{% endcomment %}d", "ad"),
        ("{% raw %}{{ as it is }}{% endraw %} {#id}", "{{ as it is }} {#id}"),
        ("a {{- 'b' -}} c", "abc"),
        ("{% if customer.nothing != blank %}a{% elsif customer.nothing == nil %}b{% endif %}", "b"),
        ("x{{ customer.nothing | default: '' }}y", "xy"),
        ("{{ customer['first_name'] }} {{ customer.products[1].name }}", "Ana Stove"),
        ("{{ customer.points }} {{ customer.points | pluralize: 'point', 'points' }}", "120 points"),
    ],
)  # fmt: skip
def test_a_template_reads_here_as_it_read_there(theirs: str, reads: str) -> None:
    ours, problems = liquid.convert(theirs)
    assert problems == []
    assert language.mistakes(ours) == []
    assert read(ours) == reads


@pytest.mark.parametrize(
    ("theirs", "line", "says", "left"),
    [
        ("a\n{{ event.item }}", 2, "event.item", "{{ event.item }}"),
        ("a\n\n{{ customer.plan | shout }}", 3, "'shout'", "{{ customer.plan | shout }}"),
        ("{% include 'footer' %}", 1, "'include'", "{% include 'footer' %}"),
        ("a\n{% capture x %}\n{{ y }}{% endcapture %}", 2, "'capture'", "{% capture x %}\n{{ y }}{% endcapture %}"),
        ("{{ 'now' | date: '%Y' }}", 1, "today", "{{ 'now' | date: '%Y' }}"),
        ("{{ customer.plan | date: '%U' }}", 1, "%U", "{{ customer.plan | date: '%U' }}"),
        ("{{ product.price | money }}", 1, "product.price", "{{ product.price | money }}"),
        ("{{ customer.points | money }}", 1, "currency", "{{ customer.points | money }}"),
        ("x\n{{ a b }}", 2, "expected end", "{{ a b }}"),
        ("x\n{% foo %}", 2, "'foo'", "{% foo %}"),
        ("x\n{% if a = 1 %}y{% endif %}", 2, "'='", "{% if a = 1 %}y"),
        ("x\n{% if nobody %}y{% if 1 %}z{% endif %}{% endif %}w",
         2, "nobody", "{% if nobody %}y{% if 1 %}z{% endif %}{% endif %}w"),
        ("*|ARCHIVE|*", 1, "ARCHIVE", "*|ARCHIVE|*"),
        ("{% for x in event.items %}{{ x }}{% endfor %}",
         1, "event.items", "{% for x in event.items %}{{ x }}{% endfor %}"),
        ("{% assign customer = 1 %}", 1, "customer", "{% assign customer = 1 %}"),
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_named_with_its_line_and_stays(theirs: str, line: int, says: str, left: str) -> None:
    ours, problems = liquid.convert(theirs)
    assert left in ours
    assert problems
    assert problems[0].line == line
    assert says in problems[0].message
    if not theirs.startswith("*|"):
        assert language.mistakes(ours)  # so that it cannot be published by oversight


PIECES = st.sampled_from(
    [
     "{{", "}}", "{%", "%}", " if ", " for x in customer.tags ", " endif ", " endfor ", "{% endif %}", "${", "}",
     "*|IF:X|*", "*|END:IF|*",
     "{{ first_name }}", "{% if a %}", "{% raw %}", "{% endraw %}", "{% comment %}", "| default: ''", "'", '"', "\n",
     "a", "{#", "{% case x %}",
     "{% when 1 %}", "{% endcase %}", "{{ x | y: z }}", "{% liquid\nassign a = 1\n%}", "\ue0000\ue001", "\x00",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=14).map("".join))
def test_anything_can_be_pasted(pasted: str) -> None:
    ours, problems = liquid.convert(pasted)
    assert isinstance(ours, str)
    assert all(1 <= problem.line <= pasted.count("\n") + 1 for problem in problems)
