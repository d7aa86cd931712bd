"""The copies of a message that people look at, and the marks on what a layer says over the one below."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.showing import copies, marking

PAGE = """<!doctype html><html><head><title>Hi</title><style>p{color:#000}
@media (prefers-color-scheme: dark){p{color:#fff}} @media ( prefers-color-scheme:LIGHT ){p{color:#111}}</style></head>
<body><h1>Old words</h1><table><tr><td style="color:#123456">Cell</td></tr></table><p>Same</p>
<img src="https://a.example/1.png" alt="x"></body></html>"""
PLAIN = "<p>Hello</p>"
HOSTILE = (
    "<script>top.x=1</script>",
    "<!-- ",
    "<meta http-equiv=refresh content=0>",
    "<base href=//e>",
    "</head>",
    "<x y='",
)


@pytest.mark.parametrize("copy", [copies.light, copies.dark, copies.outlined])
@pytest.mark.parametrize(
    "page", [PAGE, PLAIN, "", *(each + PAGE for each in HOSTILE), *(each + PLAIN for each in HOSTILE)]
)
def test_the_policy_stands_before_anything_of_the_message(copy: object, page: str) -> None:
    made = copy(page)  # type: ignore[operator]
    wall = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src https: data:; '
    before, found, _ = made.partition(wall)
    assert found
    assert re.fullmatch(r"\s*(<!doctype[^<>]*>)?", before)


def test_a_scheme_is_shown_whatever_the_colours_of_who_looks() -> None:
    assert "prefers-color-scheme" not in copies.light(PAGE) + copies.dark(PAGE)
    assert "@media (max-width: 0){p{color:#fff}} @media (min-width: 0){p{color:#111}}" in copies.light(PAGE)
    assert "@media (min-width: 0){p{color:#fff}} @media (max-width: 0){p{color:#111}}" in copies.dark(PAGE)
    assert "invert" not in copies.dark(PAGE)
    assert "invert" in copies.dark(PLAIN)
    assert [copies.has_dark(page) for page in (PAGE, PLAIN)] == [True, False]


def test_what_differs_is_marked_once_with_its_label() -> None:
    below = PAGE.replace("Old words", "Words below").replace("1.png", "0.png")
    made = marking.marked(
        PAGE, {"Headline": PAGE.replace("Old words", "Words below"), "Hero": PAGE.replace("1.png", "0.png")}
    )
    assert '<h1><span data-says="Headline" data-says-label="Headline">Old words</span></h1>' in made
    assert '<span data-says-label="Hero"></span><img data-says="Hero" src="https://a.example/1.png"' in made
    assert made.count("data-says=") == 2
    assert marking.marked(PAGE, {"Nothing": PAGE}) == PAGE
    assert made != below


def test_a_colour_is_marked_at_every_element_and_a_block_as_a_whole() -> None:
    made = marking.marked(PAGE, {"Accent": PAGE.replace("#123456", "#000000")})
    assert '<td data-says="Accent" data-says-label="Accent" style="color:#123456">Cell</td>' in made
    block = "<div><h2>Offer</h2><p>Ten <b>off</b></p></div>"
    made = marking.marked(PAGE.replace("<p>Same</p>", block), {"Offer": PAGE})
    assert '<div data-says="Offer" data-says-label="Offer"><h2>Offer</h2><p>Ten <b>off</b></p></div>' in made
    assert made.count("data-says=") == 1


def test_what_is_around_a_change_is_not_marked_for_repeating_it() -> None:
    page = '<body aria-label="{0}"><div><h1>{0}</h1><p style="color:{1}">Same</p><p>And more</p></div></body>'
    now, headline, colour = (page.format(*said) for said in (("New", "red"), ("Old", "red"), ("New", "blue")))
    made = marking.marked(now, {"Headline": headline, "Accent": colour})
    assert (
        '<body aria-label="New"><div><h1><span data-says="Headline" data-says-label="Headline">New</span></h1>' in made
    )
    assert '<p data-says="Accent" data-says-label="Accent" style="color:red">Same</p>' in made


def test_nothing_is_marked_where_it_would_not_be_seen() -> None:
    other = PAGE.replace("<title>Hi</title>", "<title>Ho</title>").replace("p{color:#000}", "p{color:#001}")
    assert marking.marked(PAGE, {"Head": other}) == PAGE


PIECES = st.lists(
    st.sampled_from(
        ["<p>", "</p>", "<b>", "</b>", "a", " ", "<img src=x>", "<", ">", "<!-- c -->", "<td", "<style>", "</style>"]
    ),
    max_size=30,
)


@given(PIECES, PIECES)
@settings(max_examples=200)
def test_without_its_marks_a_message_is_what_it_was(one: list[str], other: list[str]) -> None:
    html = "".join(one)
    made = marking.marked(html, {"L": "".join(other)})
    made = re.sub(r'<span data-says="L"(?: data-says-label="L")?>([^<]*|<)</span>', r"\1", made)
    made = made.replace('<span data-says-label="L"></span>', "")
    assert re.sub(r' data-says(-label)?="L"', "", made) == html
