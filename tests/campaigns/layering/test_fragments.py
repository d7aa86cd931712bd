"""What a layer below a base may write into its place, and what is made of the rest."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.language import tokens
from campaigns.layering import fragments
from campaigns.layering.fragments import BLOCK, RICH_TEXT
from tests import factories

SOUND = [
    '<p>Hi {{ customer.first_name | default("you") }}</p>',
    "<p>One</p><p>Two <strong>bold</strong><br>and <em>more</em></p>",
    '<a href="https://shop.example/?who={{ customer.external_id }}" title="{{ customer.city }}">Shop</a>',
    '<a href="{{ content.cta.url }}">{{ content.cta.label }}</a>',
    factories.OUT,
    '<img src="https://cdn.example/a.png" alt="A &amp; B" width="300">',
    '<div style="border:1px solid #123456;padding:8px 2em">Framed</div>',
    '<span style="color:{{ brand.colour }}">In our colour</span>',
    '{% if customer.city == "Bern" %}<p>Grüezi</p>{% else %}<p>Hello</p>{% endif %}',
    "<ul>{% for item in customer.attributes.basket %}<li>{{ item.name }}</li>{% endfor %}</ul>",
    '<table width="100%"><tbody>{% for item in customer.attributes.basket %}<tr><td>{{ item }}</td></tr>{% endfor %}'
    "</tbody></table>",
]

# Source, and what its author is told.
REFUSED = [
    ("<style>.footer{display:none}</style>", "may not hold <style>"),
    ('<div style="display:none">', "is not closed"),
    ('<div style="position:fixed;top:0">x</div>', "position: fixed"),
    ('<div style="margin-top:-900px">x</div>', "margin-top: -900px"),
    ('<div style="height:99999px">x</div>', "height: 99999px"),
    ('<div style="height:1200px">x</div>' * 17, "too tall"),
    ('<div style="height:1201px">x</div>', "height: 1201px"),
    ("<p>.</p>" * 8000, "too tall"),
    ("<p>" + "word " * 9000 + "</p>", "too tall"),
    ('<p style="font-size:72px">' + "word " * 300 + "</p>", "too tall"),
    ('<div style="width:1px">' + "word " * 1000 + "</div>", "too tall"),
    ('<p style="font-size:2000px">x</p>', "font-size: 2000px"),
    ('<img src="https://a.example/x.png" alt="x">' * 40, "too tall"),
    ("{% for a in customer.attributes.x %}" + '<p style="padding:200px">x</p>' * 3 + "{% endfor %}", "too tall"),
    ("{% for a in customer.attributes.x %}{% for b in a %}x{% endfor %}{% endfor %}", "a loop in a loop"),
    ("{% raw %}<style>.foot{display:none}</style>{% endraw %}", "{% raw %} has no place here"),
    ("{% set is_eu = false %}<p>x</p>", "{% set %} has no place here"),
    ("<p>{{ content.headline | upper }}</p>", "on its own, without a filter"),
    ("<br>" * 900, "too tall"),
    ('<p style="font-size:0;line-height:300em">x</p>', "line-height: 300em"),
    ('<p style="background:url(https://evil.example/x)">x</p>', "background: url"),
    ("</td></tr></table></div></body></html>", "</td> closes nothing"),
    ("<p>x</p><!-- ", "does not end"),
    ("<!-- hidden -->", "{# ... #}"),
    ("<p>x</p><plaintext>", "may not hold <plaintext>"),
    ("<textarea>", "may not hold <textarea>"),
    ("<xmp>", "may not hold <xmp>"),
    ("<svg><style><!--</style><p>x</p>--></svg>", "may not hold <svg>"),
    ("<math><mtext></mtext></math>", "may not hold <math>"),
    ("<template><p>x</p></template>", "may not hold <template>"),
    ("<details><p>x</p></details>", "may not hold <details>"),
    ('<base href="https://evil.example/">', "may not hold <base>"),
    ("<script>alert(1)</script>", "may not hold <script>"),
    ('<img src="javascript:alert(1)">', "begins with https://"),
    ('<a href="/relative">x</a>', "begins with https://"),
    ('<p class="footer">x</p>', "may not have class"),
    ('<p id="footer">x</p>', "may not have id"),
    ('<p onclick="x()">x</p>', "may not have onclick"),
    ('<img src="https://a.example/x.png" width="9999999">', "whole number of pixels"),
    ("<tr><td>x</td></tr>", "rows stand in a <tbody>"),
    ('{% if customer.city %}<div>{% endif %}x{% if customer.city %}</div>{% endif %}', "whole ones"),
    ('{% for a in customer.attributes.x %}</div><div style="display:block">{% endfor %}', "closes nothing"),
    ('<p {% if customer.city %}title="x"{% endif %}>y</p>', "put it around the whole element"),
    ('<img src="https://a.example/x.png" width="{{ customer.attributes.w }}">', "write this out"),
    ('<p style="height:{{ customer.attributes.h }}px">x</p>', "only brand.colour"),
    ("<p>{{ customer.frist_name }}</p>", "customer.frist_name is unknown"),
    ("x" * (64 * 1024 + 1), "larger than 64 KB"),
]  # fmt: skip


@pytest.mark.parametrize("source", SOUND)
def test_a_sound_fragment_stays_as_it_is(source: str) -> None:
    assert fragments.clean(source, BLOCK) == (source, ())


@pytest.mark.parametrize(("source", "told"), REFUSED)
def test_what_reaches_out_of_its_place_is_named(source: str, told: str) -> None:
    _, mistakes = fragments.clean(source, BLOCK)
    assert any(told in str(mistake) for mistake in mistakes), mistakes


def test_mistakes_say_where_they_are() -> None:
    source = "<p>{{ customer.city }}\n</p>\n<p>{{\n customer.city }}</p>\n  <blink>x</blink>"
    assert [(each.line, each.column) for each in fragments.clean(source, BLOCK)[1]] == [(5, 3)]


@pytest.mark.parametrize(
    "source",
    [
        "<p>&#123;% if false %}</p>",
        "<p>&#x7b;% endif %}</p>",
        "<p>&lbrace;{ customer.email }}</p>",
        '<a href="https://x.example/&#123;{ customer.email }}">x</a>',
        "<p>&#122;q9qz &#122;q0qz {{ customer.city }}</p>",
        "<p>&#123;# &#123;% raw %}</p>",
    ],
)
def test_a_brace_that_is_spelled_otherwise_is_no_tag(source: str) -> None:
    cleaned, _ = fragments.clean(source, BLOCK)
    assert len(list(tokens.tags(cleaned))) == len(list(tokens.tags(source)))


def test_rich_text_is_prose() -> None:
    assert fragments.clean("<p>Hi <b>you</b></p><ul><li>one</li></ul>", RICH_TEXT)[1] == ()
    assert fragments.clean("<table><tbody><tr><td>x</td></tr></tbody></table>", RICH_TEXT)[1]


_BITS = st.sampled_from([
    "<div>", "</div>", "<table>", "</table>", "<tr>", "<td>", "</td>", "<p>", "</p>", "<style>", "</style>", "<!--",
    "-->", "<!", "<svg>", "</svg>", "<textarea>", "<title>", "<plaintext>", "<noscript>", "<select>", "<option>",
    "<a href='", '"', "'", ">", "<", "/", "x", " ", "\n", "&lt;", 'style="display:none"', "<br/>", "<img src=x>",
    "{% if customer.city %}", "{% else %}", "{% endif %}", "{% for a in customer.attributes.b %}", "{% endfor %}",
    "{{ customer.city }}", "</body>", "</html>", "<math>", "<mi>", "<mglyph>", "<form>", "<frameset>", "<![CDATA[",
    "]]>", "\0", "\u202e",
])  # fmt: skip


@settings(max_examples=1000)
@given(st.lists(_BITS, max_size=30).map("".join))
def test_whatever_is_written_what_stands_is_balanced_and_listed(source: str) -> None:
    cleaned, _ = fragments.clean(source, BLOCK)
    for bodies in (cleaned, *_either_way(cleaned)):
        reader = _Balance()
        reader.feed(bodies)
        assert reader.open == [], (source, cleaned)
        assert reader.seen <= BLOCK.elements
        assert not reader.strange
    assert fragments.clean(cleaned, BLOCK)[0] == cleaned


def _either_way(cleaned: str) -> list[str]:
    """As it stands where conditions hold nowhere; loops that go over nothing are the same."""
    kept, depth, position = list[str](), 0, 0
    for tag in tokens.tags(cleaned):
        word = tag.piece.words[0].text if tag.piece and tag.piece.kind == "{%" else ""
        if not depth:
            kept.append(cleaned[position : tag.start])
        position = tag.end
        depth += (word in ("if", "for")) - (word in ("endif", "endfor"))
    return ["".join([*kept, cleaned[position:]])]


class _Balance(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.strange = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("br", "hr", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.strange = True

    def handle_decl(self, decl: str) -> None:
        self.strange = True
