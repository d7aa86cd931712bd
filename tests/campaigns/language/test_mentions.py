"""Whether a source may use a variable: what is looked up for it is looked up only then."""

from __future__ import annotations

import pytest

from campaigns import language


@pytest.mark.parametrize(
    "source",
    [
        "{{ products[0].name }}",
        "{%for p in\nproducts%}{{ p.name }}{% endfor %}",
        "{% if customer.city and products %}Yes{% endif %}",
        "{{ [customer.city,products] | length }}",
        "{{ products.products }}",
        "Hello {{ customer.first_name | default(products) }}",
        "{{ customer.first_name }} {{ unclosed products",
    ],
)
def test_what_uses_it_is_found(source: str) -> None:
    assert language.mentions(source, "products")


@pytest.mark.parametrize(
    "source",
    [
        "Our products for {{ customer.first_name }}",
        "{% for p in customer.attributes.products %}{{ p.name }}{% endfor %}",
        "{{ customer.attributes['products'] | length }} {{ customer . attributes\n.\nproducts }}",
        "{# products #}{{ customer.city }}",
        "{% raw %}{{ products }}{% endraw %}",
        "{{ products_seen }}",
    ],
)
def test_what_only_says_so_is_not(source: str) -> None:
    assert not language.mentions(source, "products")


@pytest.mark.parametrize(
    "source", ["{{ products[0].name }}", "{% for p in products %}{{ p.name }}{% endfor %}", "{{ campaign.name }}"]
)
def test_it_agrees_with_the_names_that_are_read(source: str) -> None:
    roots = {name.partition(".")[0] for name in language.names(source)}
    assert language.mentions(source, "products") == ("products" in roots)
