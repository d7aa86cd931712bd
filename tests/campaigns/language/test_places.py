"""Values in links, styles and attributes: fit for their place, or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import language
from delivery.rendering import RenderError
from tests.campaigns.language.reading import PERSON, found, knowing, read


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
