"""Layers over a base: which one counts, what is locked, and that a locked block always stands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import language, layering, publishing
from campaigns.config.template import BASE, Translation
from campaigns.layering import Base, Fill
from tests import factories

FOOTER = f"<p>{factories.OUT} {{{{ brand.name }}}}</p>"
HTML = f"""<html><body><table><tr><td>
{{% locked header %}}<h1>{{{{ brand.name }}}}</h1>{{% endlocked %}}
{{% block hero %}}<h2>{{{{ content.headline }}}}</h2>
{{% if content.picture %}}<img src="{{{{ content.picture.url }}}}" alt="{{{{ content.picture.alt }}}}">{{% endif %}}
{{% endblock %}}
<div style="border-color:{{{{ content.accent }}}}">{{{{ content.story }}}}</div>
<a href="{{{{ content.action.url }}}}" title="{{{{ content.headline }}}}">{{{{ content.action.label }}}}</a>
{{% block extra %}}{{% endblock %}}
</td></tr></table>{{% locked footer %}}{FOOTER}{{% endlocked %}}</body></html>"""
SLOTS: dict[str, Any] = {
    "headline": {"type": "text", "max": 40, "default": "Hello {{ customer.first_name | default('you') }}"},
    "story": {"type": "rich_text", "max": 200, "default": "<p>News</p>"},
    "picture": {"type": "image"},
    "accent": {"type": "colour", "choices": ["#112233", "#ff0000"], "default": "#112233"},
    "action": {"type": "button", "default": {"label": "Shop", "url": "https://shop.example"}},
}


def base(**more: Any) -> Base:
    document = {"source_format": "html", "subject": "{{ content.headline }}", "html": HTML, "slots": SLOTS, **more}
    made, problems = layering.compile_base(BASE.validate_python(document))
    assert not problems
    return Base.load(made.dump())


def told(base: Base, fill: Fill, *below: Fill) -> dict[str, str]:
    return {problem.field: problem.message for problem in layering.check_fill(base, below, fill)}


@pytest.mark.parametrize(
    ("fill", "field", "words"),
    [
        (Fill("x", slots={"headline": "{% raw %}<script>alert(1)</script>{% endraw %}"}), "slots.headline", "raw"),
        (Fill("x", slots={"headline": "{% set firm = 'x' %}"}), "slots.headline", "set"),
        (Fill("x", slots={"headline": "A {{ content.story }}"}), "slots.headline", "content.story is a slot itself"),
        (Fill("x", slots={"story": "<p>{{ content.headline }}</p>"}), "slots.story", "content.headline is a slot"),
    ],
)
def test_a_slot_says_nothing_that_reaches_beyond_it(fill: Fill, field: str, words: str) -> None:
    assert words in told(base(), fill)[field]
    made = layering.resolve(base(), [fill])
    assert not any(word in made.html for word in ("script", "set firm"))


def test_what_an_inbox_shows_beside_the_subject_is_text() -> None:
    fill = Fill(
        "x", preheader="</div><div style='position:fixed'></div><!-- {{ customer.city }}", slots={"headline": "<b>"}
    )
    made = layering.resolve(base(), [fill])
    page = publishing.with_preheader(made.html, made.preheader)
    assert "<div style='position:fixed'>" not in page
    assert "<!--" not in page
    assert "{{ customer.city }}" in page


def test_without_layers_the_defaults_stand() -> None:
    made = layering.resolve(base(), [])
    greeting = "Hello {{ customer.first_name | default('you') }}"
    assert made.subject == greeting
    assert f"<h2>{greeting}</h2>" in made.html
    assert "<p>News</p>" in made.html
    assert made.content["action"] == {"label": "Shop", "url": "https://shop.example"}
    assert "picture" not in made.content
    assert not language.mistakes(made.html, content=SLOTS, is_html=True)
    assert set(made.origins.values()) == {"the base"}


def test_the_uppermost_layer_that_says_something_counts() -> None:
    group = Fill("group grocers", slots={"headline": "Fresh", "accent": "#ff0000"})
    own = Fill("this template", subject="Ours", slots={"headline": "Fresher"}, blocks={"extra": "<p>More</p>"})

    made = layering.resolve(base(), [group, own])

    assert made.subject == "Ours"
    assert made.content["headline"] == "Fresher"
    assert made.content["accent"] == "#ff0000"
    assert "<p>More</p>" in made.html
    assert (made.origins["headline"], made.origins["accent"]) == ("this template", "group grocers")
    assert not made.left_out


def test_what_fills_a_slot_is_spliced_as_its_place_wants_it() -> None:
    name = '{{ customer.first_name | default("A & B") }}'
    fill = Fill("this template", slots={"headline": f'A "B" & {name}', "story": f"<p>Hi <b>{name}</b></p>"})
    assert not told(base(), fill)

    made = layering.resolve(base(), [fill])

    assert f"<h2>A &quot;B&quot; &amp; {name}</h2>" in made.html
    assert f'title="A &quot;B&quot; &amp; {name}"' in made.html
    assert f"<p>Hi <b>{name}</b></p>" in made.html
    assert made.subject == f'A "B" & {name}'


@pytest.mark.parametrize(("block", "kind"), [("header", "blocks"), ("footer", "blocks")])
def test_a_locked_block_is_nobodys_to_change(block: str, kind: str) -> None:
    fill = Fill("this template", blocks={block: "<p>Mine</p>"})

    assert told(base(), fill) == {f"{kind}.{block}": f"{block} is locked by the platform: remove it"}
    made = layering.resolve(base(), [fill])
    assert "Mine" not in made.html
    assert [problem.field for problem in made.left_out] == [f"blocks.{block}"]


def test_a_group_locks_more_for_those_below() -> None:
    group = Fill("group grocers", slots={"accent": "#ff0000"}, subject="Theirs", locks=["accent", "hero", "subject"])
    own = Fill("this template", subject="Ours", slots={"accent": "#112233"}, blocks={"hero": "<p>Mine</p>"})

    assert told(base(), own, group) == {
        "subject": "the subject is locked by group grocers: remove it",
        "slots.accent": "accent is locked by group grocers: remove it",
        "blocks.hero": "hero is locked by group grocers: remove it",
    }
    made = layering.resolve(base(), [group, own])
    assert (made.subject, made.content["accent"]) == ("Theirs", "#ff0000")
    assert "Mine" not in made.html


def test_values_that_do_not_fit_are_told_with_field_and_cure() -> None:
    fill = Fill(
        "this template",
        slots={
            "headline": "x" * 41,
            "story": "<table></table>",
            "picture": {"url": "ftp://x.example/a.png"},
            "accent": "#00ff00",
            "action": {"label": "", "url": "https://x.example"},
            "none": "x",
        },
        blocks={"hero": "<style></style>", "nowhere": ""},
        locks=["nothing"],
    )
    found = told(base(), fill)
    assert found["slots.headline"] == "41 characters, at most 40 have room: shorten it"
    assert "may not hold <table>" in found["slots.story"]
    assert "begin it with https://" in found["slots.picture.url"]
    assert "#112233, #ff0000" in found["slots.accent"]
    assert "slots.action.label" in found
    assert "It has: headline, story" in found["slots.none"]
    assert "may not hold <style>" in found["blocks.hero"]
    assert "It has: hero, extra" in found["blocks.nowhere"]
    assert "no slot or block nothing" in found["locks"]


def test_what_does_not_fit_any_more_falls_to_the_layer_below() -> None:
    fill = Fill("this template", slots={"headline": "x" * 41, "gone": "x"})
    made = layering.resolve(base(), [fill])
    assert made.content["headline"].startswith("Hello")
    assert {problem.field for problem in made.left_out} == {"slots.headline", "slots.gone"}


def test_each_layer_speaks_the_nearest_language_it_has() -> None:
    spoken = base(translations={"de": {"subject": "Hallo", "slots": {"story": "<p>Neues</p>"}}})
    own = Fill(
        "this template",
        slots={"headline": "Fresh"},
        translations={"pt": Translation(slots={"headline": "Fresco"}), "pt-BR": Translation(subject="Oi")},
    )

    def said(locale: str) -> tuple[str, Any]:
        made = layering.resolve(spoken, [own], locale)
        return made.subject, made.content["headline"]

    assert said("") == ("Fresh", "Fresh")
    assert said("de_AT") == ("Hallo", "Fresh")
    assert said("pt") == ("Fresco", "Fresco")
    assert said("pt_br") == ("Oi", "Fresco")
    assert "<p>Neues</p>" in layering.resolve(spoken, [own], "de-CH").html


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ("{% block a %}x", "block a does not end"),
        ("{% block a %}{% block b %}{% endblock %}{% endblock %}", "block b stands inside a"),
        ("{% block a %}{% endblock %}{% locked a %}{% endlocked %}", "two blocks called a"),
        ("{% endlocked %}", "ends nothing here"),
        ("{% block %}{% endblock %}", "give the block a name"),
        ("{% if customer.city %}{% block a %}{% endif %}{% endblock %}", "does not end"),
        ('<p title="{% block a %}{% endblock %}">', "stands inside a tag"),
        ("{{ content.unknown }}", "there is no slot unknown"),
        ("{{ content.picture }}", "print content.picture.url or content.picture.alt"),
        ('<p title="{{ content.story }}">x</p>', "print it between tags"),
        ("{{ content.headline | upper }}", "on its own, without a filter"),
        ("{% locked a %}<p>{{ content.headline }}</p>{% endlocked %}", "a is locked, and shows the slot headline"),
        ("{% if content.headline %}{% locked a %}x{% endlocked %}{% endif %}", "stands in a condition"),
        ("{% set x = content.headline %}{% if x %}a{% else %}{% locked a %}x{% endlocked %}{% endif %}", "a condition"),
        ("{% for p in products %}{% locked a %}x{% endlocked %}{% endfor %}", "a is locked, and stands in a loop"),
    ],
)
def test_a_base_that_cannot_be_is_refused_where_it_is_wrong(html: str, told: str) -> None:
    document = BASE.validate_python({"source_format": "html", "html": html, "slots": SLOTS})
    problems = layering.compile_base(document)[1]
    assert any(told in problem.message and problem.field == "html" for problem in problems), problems


_SOURCES = st.sampled_from([
    "<p>x</p>", "<style>*{display:none}</style>", "</td></tr></table></body>", '<div style="display:none">', "<!--",
    "{% if customer.city %}", "{% raw %}", "{#", "{{ unsubscribe_url }}", "<textarea>", "{% endblock %}", "</html>",
    "{% locked footer %}{% endlocked %}", "{{ content.story }}", '"', "'>",
])  # fmt: skip


@given(st.lists(_SOURCES, max_size=4).map("".join), st.lists(_SOURCES, max_size=4).map("".join))
def test_whatever_a_layer_says_the_locked_blocks_stand(hero: str, story: str) -> None:
    fill = Fill("this template", slots={"story": story, "headline": story}, blocks={"hero": hero, "footer": hero})
    made = layering.resolve(base(), [fill])
    assert made.html.endswith(f"\n</td></tr></table>{FOOTER}</body></html>")
    assert made.html.startswith("<html><body><table><tr><td>\n<h1>{{ brand.name }}</h1>\n")
    assert not language.mistakes(made.html, content=SLOTS, is_html=True)
