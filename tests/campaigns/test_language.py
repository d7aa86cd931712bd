"""The template language: what may be written, what is refused and where, and what a value may do: nothing."""

from __future__ import annotations

import contextlib
import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import language
from campaigns.language import filters
from campaigns.language.filters import MissingValue
from campaigns.language.formats import Unfit
from delivery.rendering import Content, Renderer, RenderError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "templates.md"
EXAMPLES = re.findall(
    r"^([^\n]+)\n-> ([^\n]*)$", "\n".join(re.findall(r"```text\n(.*?)```", DOCS.read_text(), re.DOTALL)), re.MULTILINE
)
PERSON: dict[str, Any] = json.loads(re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)[0])


def read(source: str, context: dict[str, Any] | None = None, *, part: str = "text") -> str:
    parts = {"subject": "s", "html": "h", "text": "t", part: source}
    return str(getattr(Renderer(Content(**parts)).render(PERSON if context is None else context), part))


def knowing(**attributes: Any) -> dict[str, Any]:
    return PERSON | {"customer": PERSON["customer"] | {"attributes": attributes}}


def found(source: str, **options: Any) -> list[tuple[int | None, int | None, str]]:
    return [(each.line, each.column, each.message) for each in language.mistakes(source, **options)]


# -- the page that explains it -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("source", "wanted"), EXAMPLES)
def test_each_example_of_the_documentation_reads_as_it_says(source: str, wanted: str) -> None:
    assert language.mistakes(source) == []
    assert read(source).strip() == wanted


def test_each_filter_is_documented_with_an_example() -> None:
    assert {name for name in language.FILTERS if not any(re.search(rf"\|\s*{name}\b", s) for s, _ in EXAMPLES)} == set()


# -- unknown and missing -----------------------------------------------------------------------------------------------
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


# -- syntax ------------------------------------------------------------------------------------------------------------
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


OUT = '<a href="{{ unsubscribe_url }}">Out</a>'


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


# -- places in HTML ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("<a href={{ customer.city }}>", "put quotes around the value of href"),
        ("<p class=a{{ customer.city }}>", "put quotes around the value of class"),
        ("<{{ customer.city }}>", "part of a tag itself"),
        ("</{{ customer.city }}>", "part of a tag itself"),
        ("<td {{ customer.city }}>", "part of a tag itself"),
        ("<b{{ customer.city }}>", "part of a tag itself"),
        ("<td data-{{ customer.city }}='x'>", "part of a tag itself"),
        ("<script>x = '{{ customer.city }}'</script>", "into a script"),
        ("<SCRIPT type=x>{{ customer.city }}", "into a script"),
        ("<p onclick=\"go('{{ customer.city }}')\">", "into a script"),
        ("<iframe srcdoc='{{ customer.city }}'>", "into a script"),
        ("<a href='javascript:{{ customer.city }}'>", "begin it with https://"),
        ("<a href=' JavaScript:x({{ customer.city }})'>", "begin it with https://"),
        ("<a href='data:text/html,{{ customer.city }}'>", "begin it with https://"),
        ("<a href='{{ customer.city }}:{{ customer.city }}'>", "begin it with https://"),
        ("{% if customer.city %}<a href='{% endif %}{{ customer.city }}'>", "every way through this"),
        ("<{% if customer.city %}b{% endif %} {{ customer.city }}", "part of a tag itself"),
    ],
)
def test_a_value_out_of_place_is_refused(source: str, says: str) -> None:
    mistakes = found(source, is_html=True)
    assert mistakes
    assert says in mistakes[0][2]


HOSTILE_LINKS = [
    "javascript:alert(1)", " javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)", "vbscript:x", "data:text/html,<script>alert(1)</script>", "javascript\x00:x", "file:///etc",
]  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE_LINKS)
def test_a_link_that_runs_leads_nowhere(value: str) -> None:
    assert read('<a href="{{ customer.attributes.x }}">', knowing(x=value), part="html") == '<a href="#">'
    assert (
        ":"
        not in read(
            '<a href="{{ customer.attributes.y }}{{ customer.attributes.x }}">', knowing(x=value, y="a"), part="html"
        )[9:]
    )


@pytest.mark.parametrize(
    ("source", "value", "wanted"),
    [
        ("{}", "https://a.example/x?y=1&z=2", "https://a.example/x?y=1&amp;z=2"),
        ("{}", "/basket", "&#x2f;basket"),
        ("{}", "mailto:a@b.example", "mailto:a@b.example"),
        ("{}", 'https://a.example/"><script>', "https://a.example/%22%3E%3Cscript%3E"),
        ("https://a.example/{}", "a b/c", "https://a.example/a%20b/c"),
        ("https://a.example/?q={}", "a&b=c d", "https://a.example/?q=a%26b%3Dc%20d"),
        ("https://a.example/?{}", "a=1&b=2", "https://a.example/?a=1&amp;b=2"),
        ("https://a.example/?q={}", "50% off", "https://a.example/?q=50%25%20off"),
        ("https://a.example/{}", "c-1", "https://a.example/c-1"),
    ],
)  # fmt: skip
def test_a_value_in_a_link_is_made_fit_for_it(source: str, value: str, wanted: str) -> None:
    html = read(f'<a href="{source.format("{{ customer.attributes.x }}")}">', knowing(x=value), part="html")
    assert html.replace("&#x2f;", "/") == f'<a href="{wanted}">'.replace("&#x2f;", "/")


def test_a_link_encoded_by_hand_is_not_encoded_twice() -> None:
    source = '<a href="https://a.example/?q={{ customer.attributes.x | urlencode }}">'
    assert read(source, knowing(x="a b"), part="html") == '<a href="https://a.example/?q=a%20b">'


def test_a_style_keeps_colours_and_lengths_only() -> None:
    source = '<p style="color:{{ customer.attributes.x }}">'
    assert read(source, knowing(x="#fff"), part="html") == '<p style="color:#fff">'
    hostile = read(source, knowing(x="red;background:url('javascript:x')/**/}"), part="html")
    assert hostile == '<p style="color:redbackgroundurljavascriptx">'


def test_our_own_links_stay_as_they_are() -> None:
    ours = {"unsubscribe_url": language.trusted("https://a.example/u/x&y")}
    assert read('<a href="{{ unsubscribe_url }}">', PERSON | ours, part="html") == '<a href="https://a.example/u/x&y">'


@given(st.text(max_size=60))
def test_no_value_leaves_the_attribute_it_stands_in(value: str) -> None:
    x = "{{ customer.attributes.x }}"
    source = f"<a href='{x}' title=\"{x}\" style='x:{x}'>{x}</a>"
    try:
        html = read(source, knowing(x=f"a{value}"), part="html")
    except RenderError:
        return
    assert html.count("<") == 2
    assert html.count("'") == 4
    assert html.count('"') == 2


@given(st.text(max_size=40))
def test_a_value_is_never_read_as_a_template(value: str) -> None:
    hostile = "{{ 7 * 7 }}{% if x %}{# " + value
    assert read("{{ customer.attributes.x }}", knowing(x=hostile)) == hostile


# -- filters and values from anywhere ----------------------------------------------------------------------------------
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    st.sampled_from([10**400, -(10**30), "9" * 5000, "\x00\r\n", "\u202eevil"]),
)  # fmt: skip


@given(st.sampled_from(sorted(filters.FUNCTIONS | filters.PLACES)), ANYTHING, st.lists(ANYTHING, max_size=3))
def test_no_filter_falls_over_a_value(name: str, value: Any, arguments: list[Any]) -> None:
    function = (filters.FUNCTIONS | filters.PLACES)[name]
    given_ = arguments[: language.FILTERS[name].most] if name in language.FILTERS else []
    least = language.FILTERS[name].least if name in language.FILTERS else int(name == "default")
    given_ += ["x"] * (least - len(given_))
    if name in language.FILTERS and language.FILTERS[name].local:
        zones = ["Europe/Berlin", "UTC"] if name == "date" else []
        given_ = [*(given_ or [None]), "de-DE", *zones]
    with contextlib.suppress(MissingValue, Unfit):
        function(value, *given_)


@pytest.mark.parametrize("name", sorted(filters.FUNCTIONS | filters.PLACES))
def test_no_filter_takes_long_over_a_megabyte(name: str) -> None:
    begun = time.perf_counter()
    test_no_filter_falls_over_a_value.hypothesis.inner_test(name, "&amp; x1" * 131_072, ["&amp; x1" * 131_072])  # type: ignore[attr-defined]
    assert time.perf_counter() - begun < 1


@pytest.mark.parametrize(
    ("locale", "zone", "wanted"),
    [
        ("de-DE", "Europe/Berlin", "2. Dezember 2026, 00:30|1.234,50 €|1.234,5"),
        ("en-US", "America/New_York", "December 1, 2026, 6:30 PM|€1,234.50|1,234.5"),
        ("fr", "Asia/Tokyo", "2 décembre 2026, 08:30|1 234,50 €|1 234,5"),
        ("xx-nowhere", "Mars/Base", "December 1, 2026, 11:30 PM|€1,234.50|1,234.5"),
        (None, None, "December 1, 2026, 11:30 PM|€1,234.50|1,234.5"),
    ],
)
def test_dates_money_and_numbers_follow_the_recipient(locale: str | None, zone: str | None, wanted: str) -> None:
    source = "{{ customer.attributes.at | date('long') }}|{{ 1234.5 | money('EUR') }}|{{ 1234.5 | number }}"
    who = {"locale": locale, "timezone": zone, "attributes": {"at": "2026-12-01T23:30:00Z"}}
    text = read(source, PERSON | {"customer": who, "retailer": {"timezone": "UTC"}})
    assert re.sub(r"[\u202f\xa0]", " ", text) == wanted


def test_a_value_that_a_filter_cannot_use_is_told() -> None:
    with pytest.raises(RenderError, match="'soon' is no date"):
        read("{{ customer.attributes.x | date }}", knowing(x="soon"))
    with pytest.raises(RenderError, match="'ten' is no number"):
        read("{{ customer.attributes.x | money('EUR') }}", knowing(x="ten"))


@pytest.mark.parametrize(
    ("text", "length", "wanted"),
    [
        ("a &amp; b", 6, "a…"), ("a &amp; b", 8, "a &amp;…"), ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("abc", 0, "…"),
        ("e\u0301e\u0301e\u0301", 4, "e\u0301…"), ("👩\u200d🚀👩\u200d🚀", 5, "👩\u200d🚀…"),
    ],
)  # fmt: skip
def test_truncate_cuts_no_entity_and_no_sign_in_two(text: str, length: int, wanted: str) -> None:
    assert filters.truncate(text, length) == wanted


# -- headers -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "value",
    ["a\r\nBcc: x@y.example", "a\n\n<b>", "a\x00b", "a\u202eb", "a\u2028b", "a\x85b", "a\u2066b\u2069", "a\x0bb"],
)
def test_a_subject_stays_one_line_in_one_direction(value: str) -> None:
    subject = read("Hello {{ customer.attributes.x }}", knowing(x=value), part="subject")
    assert subject.isprintable()
    assert subject.startswith("Hello a")


def test_a_subject_keeps_its_emoji() -> None:
    assert read("{{ customer.attributes.x }}", knowing(x="👩\u200d🚀 Zoë"), part="subject") == "👩\u200d🚀 Zoë"
