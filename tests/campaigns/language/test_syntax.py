"""What may be written, what it means, and what everybody sees of it."""

from __future__ import annotations

import pytest

from campaigns import language
from tests.campaigns.language.reading import read
from tests.factories import OUT


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("a {%- if customer.city -%} b {%- endif %} c", "ab c"),
        ("a\n{{- ' x' -}}\nb", "a xb"),
        ("{# {{ nobody }} #}x", "x"),
        ("{% raw %}{% if %}{{ x }}{# y #}{% endraw %}", "{% if %}{{ x }}{# y #}"),
        ("{{ '{{' }} {{ \"{%\" }} { } {", "{{ {% { } {"),
        ("{{ 'it\\'s' }} {{ \"a\\\"b\\\\\" }}", "it's a\"b\\"),
        ("{% for i in [1, 2, 3] if i is odd %}{{ i }}{% endfor %}", "13"),
        ("{% if not customer.city == 'York' and (1 + 2) / 3 == 1 %}y{% endif %}", "y"),
        ("{{ customer['first_name'] }} {{ customer.attributes.tags[0] }} {{ customer.attributes.products[1].name }}",
         "Ana wine Camp Stove"),
        ("{% if customer.city in ['Leeds', 'York'] and 'x' not in customer.city %}y{% endif %}", "y"),
        ("{% set a = 1 %}{% for i in [1, 2] %}{% set a = a + i %}{{ a }}{% endfor %}{{ a }}", "231"),
        ("{% if false %}{% elif true %}{% set b = 'x' %}{{ b }}{% endif %}", "x"),
        ("{{ 7 // 2 }} {{ 7 % 2 }} {{ -customer.attributes.points }}", "3 1 -1240"),
    ],
)  # fmt: skip
def test_what_is_written_is_what_is_read(source: str, wanted: str) -> None:
    assert language.mistakes(source) == []
    assert read(source) == wanted


def test_names_are_told_without_the_templates_own() -> None:
    source = (
        "{% set a = customer.city %}{{ a }}{% for p in customer.attributes.list %}{{ p.x }}{{ brand.name }}{% endfor %}"
    )
    assert language.names(source) == {"customer.city", "customer.attributes.list", "brand.name"}


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{{ customer.city }}", set()),
        ("{% if customer.city %}x{% endif %}", {"conditions"}),
        ("{{ 'a' if customer['attributes'].x else 'b' }}", {"conditions", "attributes"}),
        ("{% set who = customer %}{{ who.attributes.x | default('b' if who.city else 'c') }}",
         {"assignments", "attributes", "conditions"}),
        ("{% for n in [1, 2] if n is odd %}{{ n }}{% endfor %}", {"loops", "conditions"}),
        ("{% for n in [1] %}{% for m in customer . attributes . list %}{{ m }}{% endfor %}{% endfor %}",
         {"loops", "attributes"}),
        ("{% raw %}{% if customer.attributes %}{% endraw %}", set()),
    ],
)  # fmt: skip
def test_means_are_told_however_they_are_written(source: str, told: set[str]) -> None:
    assert language.features(source) == told


@pytest.mark.parametrize(
    "source",
    [
        OUT,
        "<p>{{ unsubscribe_url }}</p>",
        f"{{% if customer.city %}}A {OUT}{{% else %}}B {OUT}{{% endif %}}",
        f"<!--[if mso]><p>Outlook</p><![endif]--><!--[if !mso]><!-->{OUT}<!--<![endif]-->",
        f"<!-- a --><!-->{OUT}",
        "{% set out = unsubscribe_url %}<a href='{{ out }}'>Out</a>",
        '<a href="{{ unsubscribe_url if customer.city else unsubscribe_url }}">Out</a>',
        "{% if unsubscribe_url %}{{ unsubscribe_url }}{% endif %}",
        "{% if unsubscribe_url is defined %}{{ unsubscribe_url | default('x') }}{% endif %}",
    ],
)
def test_what_everybody_sees_is_told(source: str) -> None:
    assert language.mistakes(source, is_html=True) == []
    assert "unsubscribe_url" in language.seen(source)


@pytest.mark.parametrize(
    "source",
    [
        f"<!-- {OUT} -->",
        f"<!--[if mso]>{OUT}<![endif]-->",
        "<!-- {{ customer.city }} {{ unsubscribe_url }} --><p>x</p>",
        f"<!-- {{% if customer.city %}} x {{% endif %}} {OUT} -->",
        "{% if unsubscribe_url %}{% endif %}",
        f"{{% if customer.city == 'Leeds' %}}{OUT}{{% endif %}}",
        f"{{% if unsubscribe_url == 'x' %}}{OUT}{{% endif %}}",
        f"{{% if unsubscribe_url %}}{OUT}{{% elif customer.city %}}x{{% endif %}}",
        f"{{% for product in products %}}{OUT}{{% endfor %}}",
        "{% set out = unsubscribe_url %}",
        "{% set out = unsubscribe_url %}{% if customer.city %}{% set out = 'x' %}{% endif %}<p>{{ out }}</p>",
        "{{ unsubscribe_url | length }}",
        "{{ 'x' if customer.city else unsubscribe_url }}",
        '<a title="{{ unsubscribe_url }}">x</a>',
        '<link href="{{ unsubscribe_url }}">',
        '<a href="https://a.example/?{{ unsubscribe_url }}">x</a>',
        "<title>{{ unsubscribe_url }}</title>",
    ],
)
def test_what_only_some_see_or_nobody_is_not_told(source: str) -> None:
    assert language.mistakes(source, is_html=True) == []
    assert "unsubscribe_url" not in language.seen(source)
