"""What is looked at before launch: each rule on what it must find, and on what it must leave alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns import language, linting
from campaigns.config import voice as voices
from campaigns.config.check_names import CheckName
from campaigns.config.gate import Invalid
from campaigns.linting import RULES, Finding, Lack, Sample, colours, marked, page, unmarked
from campaigns.linting.size import CLIPPED
from tests import factories

OUT = "https://acme.example/u/test"
FOOT = f"<p>Acme, 1 High Street, Leeds</p><p>{factories.OUT}</p>"
PERSON: dict[str, Any] = {
    "customer": {"first_name": "Ana"},
    "brand": {"name": "Acme", "colour": "#ffd966", "postal_address": "1 High Street, Leeds"},
    "unsubscribe_url": OUT,
}


def sample(body: str = "", *, content: dict[str, str] | None = None, **parts: Any) -> Sample:
    """A message that nothing is wrong with but what is given."""
    hidden = '<div style="display:none">More about it inside</div>'
    sources = {"subject": "Hello", "html": f"<body>{hidden}{body}{FOOT}</body>", "text": "Hello from Acme"}
    sources |= {name: parts.pop(name) for name in list(parts) if name in sources}
    made = language.environment(**{**sources, "html": marked(sources["html"])})
    said = PERSON | {"content": content or {}}
    rendered = {name: made.render_template(name, **said) for name in sources}
    known = {"ours": (OUT,), "postal_address": "1 High Street, Leeds", "content": content or {}}
    return Sample(**sources, rendered=[rendered], **(known | parts))


def found(rule: CheckName, looked_at: Sample) -> list[Finding]:
    return [finding for finding in linting.look(looked_at) if finding.rule == rule]


def voice(**said: Any) -> voices.Voice:
    return voices.read(said)


def test_the_roll_has_every_name_and_no_other() -> None:
    assert set(RULES) == set(get_args(CheckName))


def test_a_message_with_nothing_wrong_is_left_alone() -> None:
    assert linting.look(sample("<p>Dear {{ customer.first_name }}, the new tea is here. Come and try it.</p>")) == []


@pytest.mark.parametrize(
    ("rule", "html", "words"),
    [
        ("broken_links", '<a href="#">Go</a>', "leads to #"),
        ("broken_links", '<a href="">Go</a>', "no address"),
        ("broken_links", '<a href="/sale">Go</a>', "does not begin with https://"),
        ("broken_links", '<a href="https://www.example.com/x">Go</a>', "an example's"),
        ("broken_links", '<a href="foo:bar">Go</a>', "begins with foo:"),
        ("broken_links", '<a href="https://shop">Go</a>', "names no site"),
        ("broken_links", '<a href="https://[bad/">Go</a>', "malformed"),
        ("broken_links", '<a href="https://shop.test/a b">Go</a>', "malformed"),
        ("broken_links", '<a href="mailto:">Go</a>', "names nobody"),
        ("broken_links", '<img alt="Tea" src="">', "an image has no address"),
        ("broken_links", '{% if customer.first_name == "Zoe" %}<a href="#">Go</a>{% endif %}', "leads to #"),
        ("insecure_links", '<a href="http://shop.test/">Go</a>', "not encrypted"),
        ("insecure_links", '<img alt="Tea" src="http://shop.test/a.png">', "not encrypted"),
        ("merge", "<p>Hi</p><a href=https://shop.test/>Go</a>", "href has no quotes"),
        ("alt_text", '<img src="https://shop.test/tea.png">', "tea.png has no words"),
        ("alt_text", '<a href="https://shop.test/"><img alt="" src="https://shop.test/t.png"></a>', "without words"),
        ("contrast", '<p style="color:#999">Pale words</p>', "2.8"),
        ("contrast", '<table bgcolor="#111111"><tr><td>Dark words</td></tr></table>', "#000000 on #111111"),
        ("contrast", '<p style="color:rgba(0,0,0,.3)">Thin words</p>', "2.1"),
        ("contrast", '<p style="background:#2457d6"><a href="https://shop.test">Link</a></p>', "#0000ee on #2457d6"),
        ("contrast", '<p style="background-color:{{ brand.colour }};color:#fff">White</p>', "#ffffff on #ffd966"),
        ("image_width", '<img alt="Tea" width="1200" src="https://shop.test/t.png">', "1200 pixels"),
        ("image_count", '<img alt="Tea" src="https://shop.test/t.png">' * 21, "21 images"),
        ("capitals", "<p>EVERYTHING IN THE SHOP MUST GO TODAY</p>", "in capitals"),
        ("exclamation_marks", "<p>Come and see!!</p>", "in a row"),
        ("spam_words", "<p>Make money, act now, click here</p>", "several such"),
    ],
)
def test_rule_finds_what_it_is_there_for_and_where(rule: CheckName, html: str, words: str) -> None:
    first = found(rule, sample(f"\n{html}"))[0]
    assert words in first.message
    assert first.cure
    assert rule == "image_count" or (first.field, first.line) == ("html", 2)


@pytest.mark.parametrize(
    ("rule", "html"),
    [
        ("broken_links", '<a href="mailto:ana@shop.test">Write</a><a href="tel:+44113">Call</a><a href="#top">Up</a>'),
        ("broken_links", '<a href="https://shop.test/a?b=c#d">Go</a>'),
        ("alt_text", '<img alt="" src="https://shop.test/line.png"><img src="https://shop.test/t.gif" width="1">'),
        ("alt_text", '<a href="https://shop.test/"><img alt="" src="https://shop.test/t.png"> Tea</a>'),
        ("contrast", '<h1 style="color:#767676">Large and grey enough</h1><p style="color:#767676">So is this</p>'),
        ("contrast", '<td background="x.png"><p style="color:#fff">On a picture</p></td>'),
        ("contrast", "<style>p { color: red }</style><p>Coloured by the sheet</p>"),
        ("capitals", "<p>UK and EU</p><p>VAT included</p>"),
        ("spam_words", "<p>Our feel-free return policy: freebies, winners' cups</p>"),
    ],
)
def test_rule_leaves_alone_what_is_right(rule: CheckName, html: str) -> None:
    assert found(rule, sample(html)) == []


def test_unsubscribing_has_to_be_possible_for_everybody_and_seen() -> None:
    hidden = '<a href="{{ unsubscribe_url }}" style="display: none">Unsubscribe</a>'
    empty = '<a href="{{ unsubscribe_url }}">&#8203;</a>'
    for html in (
        "<p>Hello</p>",
        f"<p>Hello</p>{hidden}",
        f"<div hidden>{FOOT}</div>",
        empty,
        "<p>{{ unsubscribe_url }}</p>",
    ):
        [one] = found("unsubscribe", sample(html=html))
        assert one.severity == "error"
    both = sample()
    some = replace(both, rendered=[*both.rendered, {"html": "<p>Hello</p>"}])
    assert "some messages" in found("unsubscribe", some)[0].message
    assert found("unsubscribe", replace(both, rendered=[])) == []


def test_unsubscribing_hangs_on_no_condition() -> None:
    only = "{% if customer.email == 'ana.sample@example.test' %}" + FOOT + "{% endif %}"
    some = replace(sample(), html=f"<body>{only}</body>")  # as if rendered for her alone
    assert "hangs on a condition" in found("unsubscribe", some)[0].message
    either = "{% if customer.city %}<p>A</p>" + FOOT + "{% else %}" + FOOT + "{% endif %}"
    assert found("unsubscribe", sample(html=f"<body>{either}</body>")) == []


def test_text_that_gets_its_size_back_inside_of_a_layout_is_seen() -> None:
    inside = f'<div style="font-size:0px"><table><tr><td style="font-size: 13px">{FOOT}</td></tr></table></div>'
    assert found("unsubscribe", sample(html=f"<body>{inside}</body>")) == []
    assert found("postal_address", sample(html=f"<body>{inside}</body>")) == []
    assert found("postal_address", sample(html=f'<body><div style="font-size: 0">{FOOT}</div></body>'))


def test_postal_address_has_to_be_seen() -> None:
    assert found("postal_address", sample()) == []
    assert "does not say" in found("postal_address", sample(postal_address="2 Low Street"))[0].message
    assert "the brand has no" in found("postal_address", sample(postal_address=""))[0].message


def test_length_of_subject_and_preheader() -> None:
    long, longer = "A subject of rather more than forty letters", "Words " * 13
    assert [found("subject_length", sample(subject=each))[0].severity for each in (long, longer)] == ["hint", "warning"]
    bare = sample(html="<body><p>View in your browser</p></body>")
    assert "“View in your browser…”" in found("preheader", bare)[0].message
    assert found("preheader", replace(bare, preheader="Come in")) == []
    wordy = sample(html=f'<body><div style="max-height:0;overflow:hidden">{"Words " * 30}</div>{FOOT}</body>')
    assert "179 characters" in found("preheader", wordy)[0].message


def test_what_gmail_clips_is_counted_in_bytes_without_our_marks() -> None:
    body = "<p>" + "é" * 1000 + "</p>"
    assert "102 KB" in found("clipping", sample(body * 60))[0].message
    assert found("clipping", sample(body * 40)) == []
    short = sample("<p>x</p>" * (CLIPPED // 20))  # with the marks it would be too long
    assert len(short.rendered[0]["html"].encode()) > CLIPPED > short.pages[0].bytes


def test_weight_of_images_counts_what_is_known() -> None:
    heavy = (
        '<img alt="Tea" src="https://shop.test/tea.png"><img alt="Cup" src="https://shop.test/cup.png"><p>'
        + "Words " * 20
    )
    known = {"https://shop.test/tea.png": 900_000}
    assert "tea.png first" in found("image_weight", sample(heavy, image_bytes=known))[0].cure
    assert found("image_weight", sample(heavy)) == []


def test_brand_never_says_what_it_bans_however_it_is_written() -> None:
    never = voice(banned_words=["Guaranteed result", "cheap"])
    for html in (
        "<p>guaranteed\n result</p>",
        "<p>Guaran<b>teed</b> result</p>",
        "<p>chea\u00adp</p>",
        "<p>CHEAP!</p>",
    ):
        assert {each.field for each in found("banned_words", sample(html, voice=never))} == {"html"}
    assert found("banned_words", sample("<p>cheaper than cheaply</p>", voice=never)) == []
    assert found("banned_words", sample(subject="Cheap tea", voice=never))[0].field == "subject"
    said = sample("<p>{{ content.headline }}</p>", content={"headline": "So cheap"}, voice=never)
    assert [each.field for each in found("banned_words", said)] == ["content.headline"]


def test_brand_always_says_its_disclaimers_in_both_parts() -> None:
    asks = voice(disclaimers=[{"text": "Drink  responsibly.", "topics": ["wine"]}])
    assert found("disclaimers", sample(voice=asks, topic="cheese")) == []
    missing = found("disclaimers", sample(voice=asks, topic="wine"))
    assert [(each.field, each.severity) for each in missing] == [("html", "error"), ("text", "error")]
    right = sample("<p>drink <i>responsibly.</i></p>", text="Drink\nresponsibly.", voice=asks, topic="wine")
    assert found("disclaimers", right) == []


def test_emoji_and_tone_are_as_the_brand_wants_them() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    one, none = voice(emoji="one"), voice(emoji="none")
    assert found("emoji", sample(subject=f"Hello {family}", voice=one)) == []
    assert "2 emoji" in found("emoji", sample(subject="Hello \u2728\u2615", voice=one))[0].message
    assert {each.field for each in found("emoji", sample("<p>\u2764\ufe0f \u00a9 \u2713</p>", voice=none))} == {"html"}
    assert found("emoji", sample("<p>\u00a9 2026 \u2713 done</p>", subject="5 \u2192 6", voice=none)) == []
    quiet = voice(exclamation_marks=False, avoided_phrases=["hey guys"])
    assert [each.field for each in found("tone", sample(subject="Hey  guys!", voice=quiet))] == ["subject", "subject"]


def test_what_the_audience_lacks_is_told_with_what_they_read_instead() -> None:
    name = Lack("customer.first_name", 12, 100, "there", "html", 3, 7)
    [told] = found("coverage", sample(lacks=[name]))
    assert told.message == "12 % (12 of 100) have no first name: they will read “there”"
    assert (told.severity, told.line, told.column) == ("hint", 3, 7)
    [skipped] = found("coverage", sample(lacks=[replace(name, default=None, people=1, audience=1000)]))
    assert skipped.message == "less than 1 % (1 of 1,000) have no first name: they will be skipped"
    assert skipped.severity == "warning"
    assert found("coverage", sample(lacks=[replace(name, people=0)])) == []


def test_texts_of_several_segments_are_told() -> None:
    short = Sample(channel="sms", text="Hello", segments=1)
    assert [each.rule for each in linting.look(short)] == []
    severities = [found("sms_length", replace(short, segments=number))[0].severity for number in (2, 4)]
    assert severities == ["hint", "warning"]


def test_a_policy_may_make_a_check_weigh_more_and_switch_it_off_where_nobody_asks_for_it() -> None:
    pale = sample('<p style="color:#999">Pale</p>', subject="A subject of rather more than forty letters")
    weighing = linting.weights({"subject_length": "error", "contrast": "hint"}, frozenset({"contrast", "preheader"}))
    assert "preheader" not in weighing
    told = {each.rule: each.severity for each in linting.look(pale, weighing)}
    assert told == {"subject_length": "error", "contrast": "warning"}


def test_many_of_the_same_are_told_as_a_number() -> None:
    many = found("alt_text", sample("".join(f'<img src="https://shop.test/{n}.png">' for n in range(50))))
    assert len(many) == linting.MOST + 1
    assert many[-1].message == "30 more of the same"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"banned_words": ["x" * 101]}, "banned_words.0"),
        ({"banned_words": "cheap"}, "banned_words"),
        ({"disclaimers": [{"text": "T", "topics": ["No key!"]}]}, "disclaimers.0.topics.0"),
        ({"emoji": "three"}, "emoji"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_voice_is_refused_with_its_field(said: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        voices.read(said)
    assert [problem.field for problem in refusal.value.problems] == [field]


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000", "#fff", 21.0), ("#777777", "white", 4.48), ("rgb(0, 0, 255)", "hsl(0, 0%, 100%)", 8.59)],
)
def test_contrast_is_that_of_the_standard(one: str, other: str, ratio: float) -> None:
    first, second = colours.read(one), colours.read(other)
    assert first is not None
    assert second is not None
    assert colours.contrast(first, second) == pytest.approx(ratio, abs=0.01)


PIECES = st.sampled_from(
    ["<p>", "</p>", "<a href='", "'", '"', ">", "<", "<!--", "-->", "{{ customer.first_name }}", "{% if x %}", "\n",
     "é", "<img src=x>", "<style>", "</style>", "<td style='color:red;background:#fff'>", "&#0;", "\x00",
     "<![CDATA[", "]]>"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join))
def test_anything_can_be_looked_at_and_marks_leave_no_trace(source: str) -> None:
    assert unmarked(marked(source)) == source
    assert len(page.mask(source)) == len(source)
    linting.look(
        Sample(subject=source, html=source, text=source, rendered=[{"html": marked(source), "subject": source}])
    )


def test_variables_are_told_with_their_defaults_and_without_those_a_condition_guards() -> None:
    source = (
        "{{ customer.first_name | default('there') | upper }}\n{{ customer.city }}"
        "{% if customer.phone %}{{ customer.phone }}{% else %}{{ customer.attributes.tier }}{% endif %}"
        "{% set who = customer.last_name %}{{ who }}{{ customer.locale if customer.locale else 'en' }}"
    )
    told = [(use.variable, use.default, use.line) for use in language.uses(source)]
    assert told == [
        ("customer.first_name", "there", 1),
        ("customer.city", None, 2),
        ("customer.attributes.tier", None, 2),
        ("customer.last_name", None, 2),
    ]
