"""What a template asks too much of is refused before it is made; what a marketer would ask is not."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from delivery.rendering import Content, Renderer, RenderError
from tests.delivery.hostile_templates import PERSON

BIG = "content.big"  # 180,000 characters
LIST = "customer.attributes.list"  # 120 products, each with 20 tags
WORDS = "customer.attributes.words"
DEAR = {
    "join": (f"{{{{ {BIG} | split('x') | join({BIG}) }}}}", "a value larger than 256 KB"),
    "replace": (f"{{{{ {BIG} | replace('x', {BIG}) }}}}", "a value larger than 256 KB"),
    "sort": (f"{{{{ {BIG} | sort | first }}}}", "it writes or handles more than 2048 KB of text"),
    "title": (f"{{{{ {BIG} | title | length }}}}", "it writes or handles more than 2048 KB of text"),
    "text in loops": (
        f"{{% for a in {LIST} %}}{{% for b in {LIST} %}}{'x' * 50_000}{{% endfor %}}{{% endfor %}}",
        "it writes or handles more than 2048 KB of text",
    ),
    "text in a condition in loops": (
        f"{{% for a in {LIST} %}}{{% if a.price >= 0 %}}{'x' * 50_000}{{% endif %}}{{% endfor %}}",
        "it writes or handles more than 2048 KB of text",
    ),
    "lists in loops": (
        f"{{% for a in {LIST} %}}{{% if a in {LIST} %}}x{{% endif %}}{{% endfor %}}",
        "it writes or handles more than 2048 KB of text",
    ),
    "loops in loops": (
        f"{{% for a in {LIST} %}}" * 3 + "x" + "{% endfor %}" * 3,
        "it takes too many steps: write fewer loops in one another",
    ),
}
FAIR = {
    "join": ("{{ 'a,b,c' | split(',') | join(' and ') }}", "a and b and c"),
    "replace": (f"{{{{ {BIG} | replace('x', 'yy') | length }}}}", "240000"),
    "sort": ("{{ [3, 1, 2] | sort | join }}{{ 'cab' | sort | join('') }}", "1, 2, 3abc"),
    "title": ("{{ 'anna maria' | title }}", "Anna Maria"),
    "text in loops": (f"{{% for a in {LIST}[:10] %}}{'x' * 5_000}{{% endfor %}}", "x" * 50_000),
    "lists in loops": (
        f"{{% for a in [1, 2] %}}{{% if 'beta' in {WORDS} %}}{{{{ a }}}}{{% endif %}}{{% endfor %}}",
        "12",
    ),
}


def rendered(source: str) -> str:
    customer: dict[str, Any] = PERSON["customer"]
    known = customer | {"attributes": customer["attributes"] | {"words": ["alpha", "beta"]}}
    return Renderer(Content("s", source, "t")).render(PERSON | {"customer": known}).html


@pytest.mark.parametrize("kind", DEAR)
def test_what_is_dear_is_refused_and_takes_little_memory(kind: str) -> None:
    source, told = DEAR[kind]
    tracemalloc.start()
    try:
        with pytest.raises(RenderError) as refused:
            rendered(source)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(refused.value) == told
    assert most < 16 * 2**20


@pytest.mark.parametrize("kind", FAIR)
def test_what_a_marketer_would_ask_is_given(kind: str) -> None:
    source, said = FAIR[kind]
    assert rendered(source) == said
