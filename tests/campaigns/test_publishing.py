"""MJML and CSS into what is mailed: template tags come through, Outlook's comments stay, mistakes name their place."""

from __future__ import annotations

import contextlib
import re
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns import language, publishing

VALUES = {f"v{number}": f"Wort{number}" for number in range(6)}
CONTEXT: dict[str, Any] = {
    "customer": {"first_name": "Ana", "city": "Ulm", "locale": "en", "timezone": "UTC",
                 "attributes": {"tags": ["x", "y"], "points": 3}},
    "brand": {"name": "Acme", "colour": "#112233"},
    "retailer": {"timezone": "UTC"},
    "content": VALUES,
}  # fmt: skip


def rendered(source: str) -> str:
    return language.environment(html=source).render_template("html", **CONTEXT)


def made(source: str, source_format: str = "mjml") -> str:
    html, problems = publishing.html(source, source_format)
    assert problems == []
    return html


def complaints(source: str, source_format: str = "mjml") -> list[str]:
    html, problems = publishing.html(source, source_format)
    assert html == ""
    return [problem.message for problem in problems]


def columns(inner: str) -> str:
    return f"<mjml><mj-body><mj-section><mj-column>{inner}</mj-column></mj-section></mj-body></mjml>"


def tags(source: str) -> list[str]:
    return [source[start:end] for start, end in language.spans(source)]


# -- sources -----------------------------------------------------------------------------------------------------------
def values() -> st.SearchStrategy[str]:
    name = st.sampled_from(sorted(VALUES))
    return st.one_of(
        name.map(lambda n: f"{{{{ content.{n} }}}}"),
        name.map(lambda n: f"{{{{- content.{n} | default(\"a 'b' <c> d\") -}}}}"),
        name.map(lambda n: f"{{{{content.{n}|default('\"q\"')|upper}}}}"),
        st.just('{{ "more" if customer.attributes.points > 2 and "a" < "b" else "less" }}'),
    )


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner,
        inner.map(lambda x: f"{{% if customer.attributes.points > 2 and '<' != \">\" %}}{x}{{% endif %}}"),
        inner.map(lambda x: f'{{% if customer.city == "Bonn" %}}{x}{{% else %}}{x}{x}{{% endif %}}'),
        inner.map(lambda x: f"{{%- for tag in customer.attributes.tags -%}}{x}{{%- endfor -%}}"),
        inner.map(lambda x: f"{{% set mine = 'a>b' %}}{x}"),
        inner.map(lambda x: f"{{# > a 'comment' < #}}{x}"),
    )


def texts() -> st.SearchStrategy[str]:
    word = st.sampled_from(["Hello ", "a & b ", "&nbsp;", "<br>", "<b>bold</b> ", "x > y ", "é", "{ } ", "<p>"])
    return _wrapped(st.lists(st.one_of(word, values()), min_size=1, max_size=4).map(lambda each: "x".join(each)))


def rows() -> st.SearchStrategy[str]:
    return _wrapped(
        st.one_of(
            texts().map(lambda x: f"<mj-text css-class='c'>{x}</mj-text>"),
            st.tuples(values(), values(), texts()).map(
                lambda x: (
                    f'<mj-button href="https://x.example/{x[0]}?a=1&b=2" background-color="{x[1]}">{x[2]}</mj-button>'
                )
            ),
            values().map(lambda x: f'<mj-image src="https://x.example/{x}.png" alt="{x} & \'co\'" width="200px" />'),
            texts().map(lambda x: f"<mj-table><tr><td>{x}</td></tr></mj-table>"),
            values().map(lambda x: f"<mj-raw><tr><td>{x}</td></tr></mj-raw>"),
            st.just('<mj-divider border-color="{{ brand.colour }}" />'),
        )
    )


def sections() -> st.SearchStrategy[str]:
    return _wrapped(
        st.tuples(values(), st.lists(rows(), min_size=1, max_size=3)).map(
            lambda x: f'<mj-section background-color="{x[0]}">\n <mj-column>{" ".join(x[1])}</mj-column></mj-section>'
        )
    )


def documents() -> st.SearchStrategy[str]:
    return st.lists(sections(), min_size=1, max_size=3).map(
        lambda each: (
            "{% set top = 1 %}<mjml lang='en'><mj-head><mj-title>{{ brand.name }}</mj-title>"
            '<mj-style inline="inline">.c { color: {{ brand.colour }} }</mj-style></mj-head>'
            f"<mj-body>{''.join(each)}</mj-body></mjml>"
        )
    )


def squeezed(html: str) -> str:
    return re.sub(r"\s+", "", html)


# -- template tags -----------------------------------------------------------------------------------------------------
@settings(deadline=timedelta(seconds=5))
@given(documents())
def test_compiling_and_rendering_may_change_places(source: str) -> None:
    assert squeezed(rendered(made(source))) == squeezed(made(rendered(source).replace("&#x27;", "'")))


@settings(deadline=timedelta(seconds=5))
@given(documents())
def test_every_tag_of_mjml_comes_through_as_it_was_written(source: str) -> None:
    kept = set(tags(made(source)))
    assert {tag for tag in tags(source) if not tag.startswith("{#")} <= kept <= set(tags(source))
    assert language.mistakes(made(source), is_html=True) == []


HTML = (
    "<!doctype html><html><head><style>.c, td {{ color: {0}; padding: 3px }} .a > b {{ margin: 0 }}</style></head>"
    "<body><!--[if mso]><table><tr><td class='c'>{1}</td></tr></table><![endif]-->"
    "<p class=c style='padding:{0};x:\"y\"'>"
    '{1}</p><table class=\'c\'>{2}</table><![if !mso]><a href="https://x.example/{0}" class="c {0}">&nbsp;{1}</a>'
    "<![endif]></body></html>"
)


def pages() -> st.SearchStrategy[str]:
    table_rows = _wrapped(texts().map(lambda x: f'<tr><td class="c">{x}</td></tr>'))
    return st.builds(HTML.format, values(), texts(), table_rows)


@settings(deadline=timedelta(seconds=5))
@given(pages())
def test_inlining_changes_nothing_but_styles(source: str) -> None:
    inlined = made(source, "html")

    def bare(html: str) -> str:
        """The document without anything about styles."""
        html = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
        return re.sub(r""" ?style=(?:"[^"]*"|'[^']*')""", "", html)

    assert bare(rendered(inlined)) == bare(rendered(source))
    assert set(tags(inlined)) == set(tags(source))


@given(st.text(alphabet="<>/=\"' abp{%}#!-\n&;é[]", max_size=80))
def test_html_without_styles_stays_byte_for_byte(source: str) -> None:
    assert made(source, "html") == source


@settings(deadline=timedelta(seconds=5))
@given(st.text(alphabet="<>/=\"' mj-textsecioncolubdyraw{%}#!\n&;", max_size=120))
def test_any_text_is_compiled_or_refused_with_its_place(source: str) -> None:
    for text in (source, columns(source), f"<style>p{{color:red}}</style><p>{source}"):
        for source_format in ("mjml", "html"):
            html, problems = publishing.html(text, source_format)
            problems = [problem for problem in problems if problem.code != "format"]
            assert not (html and problems)
            assert all(re.match(r"line \d+, column \d+: ", problem.message) for problem in problems)


# -- MJML --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("source", "says"),
    [
        (columns('\n<mj-imag src="x"/>'), "line 2, column 1: mj-imag is no element of MJML: mj-image?"),
        (columns("\n  <mj-text>a</mj-tex>"),
         "line 2, column 3: mj-text does not end: write </mj-text> behind its content"),
        ("<mjml><mj-body>\n<mj-text>a</mj-text></mj-body></mjml>",
         "line 2, column 1: mj-text may not stand inside mj-body: put it into mj-column or mj-hero"),
        (columns("<div>a</div>"), "line 1, column 39: div is HTML: put it into mj-text, mj-table or mj-raw"),
        (columns("\nwords"), "line 2, column 1: text outside of an element: put it into mj-text: 'words'"),
        (columns("\n{{ brand.name }}"), "line 2, column 1: a value needs an element around it: put it into mj-text"),
        (columns('<mj-include path="/etc/passwd"/>'),
         "line 1, column 39: a template cannot read another file: write its content here"),
        (columns('<mj-image src="a" width="{{ content.w }}"/>'),
         "line 1, column 64: mj-image cannot have a value in width, it would be lost: write it out, or remove it"),
        (columns('<mj-text {% if brand.name %}color="red"{% endif %}>a</mj-text>'),
         "line 1, column 48: a tag may not be part of an element's own: put it into a quoted value"),
        ("<mjml><mj-body>{% if brand.name %}<mj-section>{% endif %}</mj-section></mj-body></mjml>",
         "line 1, column 47: {% endif %} stands in another element than its {% if %}: put both into one"),
        (columns("<mj-social>{% if brand.name %}<mj-social-element/>{% endif %}</mj-social>"),
         "line 1, column 50: "
         "this tag may not stand inside mj-social: put it around the whole element, or into a value"),
        (columns("<mj-text color=red>a</mj-text>"),
         'line 1, column 48: put quotes around the value of color: color="..."'),
        ("<p>Hello</p>",
         "line 1, column 1: MJML begins with <mjml> and ends with </mjml>: write them around your elements"),
        (columns("<mj-text>{{ brand.name</mj-text>"), "line 1, column 48: a tag that does not end: write }}"),
    ],
)  # fmt: skip
def test_a_mistake_in_mjml_is_named_with_its_place_and_cure(source: str, says: str) -> None:
    assert complaints(source)[0] == says


def test_mjml_is_not_mailed_as_if_it_were_html() -> None:
    assert complaints("\n" + columns("<mj-text>a</mj-text>"), "html") == [
        "this is MJML: say that it is written in MJML"
    ]


def test_what_outlook_reads_is_there_and_lines_are_short_enough_to_mail() -> None:
    html = made(columns("<mj-text>Hi</mj-text><mj-button href='https://x.example'>Go</mj-button>" * 20))
    assert html.count("<!--[if mso | IE]>") == html.count("<![endif]-->") - html.count("<!--<![endif]-->") - 2
    assert max(len(line.encode()) for line in html.splitlines()) < 998


def test_nothing_is_fetched_from_elsewhere_unless_the_template_says_so() -> None:
    assert "http" not in made(columns("<mj-text font-family='Roboto, Ubuntu'>a</mj-text>")).replace(
        "http-equiv", ""
    ).replace("http://www.w3.org/1999/xhtml", "")


def test_a_sources_mistake_is_placed_in_the_source() -> None:
    source = columns('\n\n<mj-button href="javascript:{{ content.a }}">a</mj-button>')
    html = made(source)
    (mistake,) = [publishing.traced(each, html, source) for each in language.mistakes(html, is_html=True)]
    assert (mistake.line, mistake.column) == (3, 29)


# -- CSS ---------------------------------------------------------------------------------------------------------------
def test_rules_go_to_their_elements_and_those_for_some_readers_stay() -> None:
    html = made(
        "<style>p{color:#111;margin:0}a{color:red}.x{a:b}@media (prefers-color-scheme: dark){p{color:#eee}}"
        'a:hover{color:blue}</style><p style="margin:4px">a<a href="x">b</a></p>',
        "html",
    )
    assert html.split("</style>")[1] == '<p style="color:#111;margin:4px">a<a style="color:red" href="x">b</a></p>'
    assert "@media (prefers-color-scheme: dark){p{color:#eee !important}}" in html
    assert "a:hover { color: blue !important; }" in html
    assert ".x { a: b; }" in html


def test_a_class_that_depends_on_a_value_keeps_its_rules_where_they_are() -> None:
    cell = '<td class="{% if brand.name %}sale{% endif %}">a</td>'
    html = made(f"<style>.sale{{color:red}}td{{color:blue}}</style>{cell}<p class='sale'>b</p>", "html")
    assert ".sale{color:red}td{color:blue}" in html
    assert '<td class="{% if brand.name %}sale{% endif %}">' in html


def test_a_style_element_that_depends_on_a_value_or_a_medium_stays_as_it_is() -> None:
    for style in ("<style>{% if brand.name %}p{color:red}{% endif %}</style>", "<style media='print'>p{a:b}</style>"):
        assert made(f"{style}<p>a</p>", "html") == f"{style}<p>a</p>"


def test_inlining_twice_changes_nothing_more() -> None:
    once = made("<style>p{color:red}.y{a:b}@media print{p{color:blue}}</style><p>a</p>", "html")
    assert made(once, "html") == once


# -- links and images --------------------------------------------------------------------------------------------------
def test_links_are_numbered_with_their_labels_and_ours_left_out() -> None:
    html = (
        '<a href="https://x.example/?a=1&amp;b=2">Shop <b>now</b></a><a href="{{ unsubscribe_url }}">Leave</a>'
        '<a href="mailto:a@x.example">Mail</a><a href="#top">Up</a><A HREF=\'{{ content.url | default("/") }}\'>'
        '<img src="a.png" alt="A {{ brand.name }}"></A><!--[if mso]><v:roundrect href="https://x.example/o">'
        '</v:roundrect><![endif]--><!-- <a href="https://hidden.example"> --><a name="x">No link</a>'
    )
    found = publishing.links(html)
    assert [(link.number, link.url, link.label) for link in found] == [
        (1, "https://x.example/?a=1&b=2", "Shop now"),
        (2, '{{ content.url | default("/") }}', "A {{ brand.name }}"),
        (3, "https://x.example/o", ""),
    ]
    assert [html[link.position : link.position + 10] for link in found] == ["https://x.", "{{ content", "https://x."]


def test_an_image_that_nobody_would_see_is_named() -> None:
    found, problems = publishing.images(
        '<img src="https://x.example/a.png" alt="A" width="300"><img alt="" width=50%>\n'
        f'<img src="data:image/png;base64,{"A" * 9000}">'
    )
    assert [(each.src[:17], each.alt, each.width) for each in found] == [
        ("https://x.example", "A", 300), ("", "", None), ("data:image/png;ba", None, None),
    ]  # fmt: skip
    assert [problem.message for problem in problems] == [
        "line 1, column 56: an image without an address: write its src, or remove it",
        "line 2, column 1: an image of 8 KB inside the mail: put it on a server and write its https address",
    ]


@settings(deadline=timedelta(seconds=5))
@given(documents())
def test_a_links_place_in_the_html_holds_its_address(source: str) -> None:
    html = made(source)
    for link in publishing.links(html):
        assert html[link.position :].startswith(link.url[:20])


# -- hostile sources ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("unit", [
    "<a ", '<a "', "<div>", "<b>", "<b><p>", "<td><table>", "<p><b></p>", "</p>", "<!--", "<style>",
    '<p style="(((">', "{{ a }}",
    "<mj-text>", "<mj-section>", "<mj-text></mj-text>", "{% if a %}", "{", "&",
])  # fmt: skip
def test_no_source_takes_long_or_ends_the_process(unit: str) -> None:
    filled = unit * (20_000 // len(unit))
    started = time.process_time()
    for source in (filled, columns(filled), f"<style>p{{color:red}}</style>{filled}", f"<style>{filled}</style><p>"):
        publishing.html(source, "mjml")
        publishing.html(source, "html")
        with contextlib.suppress(language.Mistaken):
            publishing.links(source)
            publishing.images(source)
    assert time.process_time() - started < 5
