"""Templates on a base, in the console: slots as inputs, what stands beneath them, blocks, locks, languages."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from campaigns.models import Template
from tenants.models import Group, Retailer
from tests import factories
from tests.console.forms import fields, submit

ADD = "/admin/campaigns/template/add/?base=standard"
SLOTS = factories.BASE_SLOTS | {
    "hero": {"type": "image", "label": "Picture at the top", "width": 520},
    "accent": {"type": "colour", "default": "#123456", "choices": ["#123456", "#abcdef"]},
    "picks": {"type": "products", "most": 6, "default": {"count": 3}},
}
HTML = factories.BASE_HTML.replace(
    "</body>", '<img src="{{ content.hero.url }}" alt="{{ content.hero.alt }}"><b style="color:{{ content.accent }}">'
    "{{ content.picks.count }}</b></body>",
)  # fmt: skip


@pytest.fixture
def base(at_acme: Retailer) -> None:
    factories.base(html=HTML, slots=SLOTS)


def saved(client: Client, **said: Any) -> Template:
    answer = submit(client, ADD, "template_form", name="Letter", key="letter", **said)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    return Template.objects.get(key="letter")


def page_of(client: Client, template: Template, query: str = "") -> str:
    return html.unescape(client.get(f"/admin/campaigns/template/{template.pk}/change/{query}").content.decode())


@pytest.mark.usefixtures("base")
def test_every_kind_of_slot_is_an_input_and_blank_ones_say_nothing(ana: Client) -> None:
    shown = ana.get(ADD)
    assert {name for name in fields(shown, "template_form") if name.startswith("fill..slot")} == {
        "fill..slot.headline", "fill..slot.story", "fill..slot.action.label", "fill..slot.action.url",
        "fill..slot.hero.url", "fill..slot.hero.alt", "fill..slot.accent", "fill..slot.picks.count",
    }  # fmt: skip
    template = saved(ana)
    assert (template.base, template.slots, template.blocks, template.translations) == ("standard", {}, {}, {})
    assert template.live is not None


@pytest.mark.usefixtures("base")
def test_what_is_typed_is_said_and_half_a_button_keeps_its_other_half(ana: Client) -> None:
    template = saved(
        ana,
        **{
            "fill..slot.headline": " Dear {{ customer.first_name | default('you') }} ",
            "fill..slot.action.label": "Buy now",
            "fill..slot.hero.url": "https://acme.example/a.png",
            "fill..slot.hero.alt": "Apples",
            "fill..slot.accent": "#abcdef",
            "fill..slot.picks.count": "4",
            "fill..block.hero": "<h2>{{ content.headline }}</h2>",
        },
    )
    assert template.slots == {
        "headline": "Dear {{ customer.first_name | default('you') }}",
        "action": {"label": "Buy now", "url": "https://shop.example"},
        "hero": {"url": "https://acme.example/a.png", "alt": "Apples"},
        "accent": "#abcdef",
        "picks": {"count": 4},
    }
    assert template.blocks == {"hero": "<h2>{{ content.headline }}</h2>"}
    again = fields(ana.get(f"/admin/campaigns/template/{template.pk}/change/"), "template_form")
    assert (again["fill..slot.action.label"], again["fill..slot.picks.count"]) == ("Buy now", "4")
    submit(ana, f"/admin/campaigns/template/{template.pk}/change/", "template_form", **{"fill..slot.headline": ""})
    template.refresh_from_db()
    assert "headline" not in template.slots


@pytest.mark.usefixtures("base")
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("fill..slot.headline", "x" * 61, "61 characters, at most 60"),
        ("fill..slot.headline", "{{ customer.frist }}", "customer.frist is unknown"),
        ("fill..slot.picks.count", "40", "Input should be less than or equal to 24"),
        ("fill..slot.hero.url", "javascript:alert(1)", "begin it with https://"),
        ("fill..slot.story", "<script>1</script>", "rich text may not hold <script>: remove it"),
        ("fill..block.hero", "<div>", "line 1, column 1: <div> is not closed: write </div>"),
    ],
)
def test_what_does_not_fit_is_told_at_its_input(ana: Client, name: str, value: str, words: str) -> None:
    answer = submit(ana, ADD, "template_form", name="Letter", key="letter", **{name: value})
    assert answer.status_code == 200
    told = html.unescape(answer.content.decode())
    assert words.lower() in told.lower()
    assert 'class="c-error"' in told
    assert not Template.objects.exists()


@pytest.mark.usefixtures("base")
def test_a_locked_block_is_listed_and_cannot_be_said(ana: Client) -> None:
    shown = ana.get(ADD)
    assert "fill..block.footer" not in fields(shown, "template_form")
    assert '<strong>Footer</strong> <span class="c-quiet">locked by the platform</span>' in shown.content.decode()
    answer = submit(ana, ADD, "template_form", name="L", key="letter", **{"fill..block.footer": "<p>None</p>"})
    assert answer.status_code == 200
    assert "locked by the platform" in html.unescape(answer.content.decode())
    assert not Template.objects.exists()


def test_a_base_that_is_gone_is_told_where_it_is_read(at_acme: Retailer, ana: Client) -> None:
    add = "/admin/campaigns/template/add/?base=gone"
    answer = submit(ana, add, "template_form", name="Letter", key="letter")
    assert answer.context["adminform"].form.non_field_errors() == [
        "There is no base template 'gone' any more: build the template on another one."
    ]


def test_each_slot_tells_whose_word_stands_there(at_acme: Retailer, ana: Client) -> None:
    at_acme.group = Group.objects.create(key="grocers", name="Grocers")
    at_acme.save()
    factories.base(html=HTML, slots=SLOTS)
    factories.group_layer(at_acme.group, slots={"headline": "From the group"}, locks=["accent"])
    template = saved(ana, **{"fill..slot.story": "<p>Mine</p>"})
    page = page_of(ana, template)
    assert 'placeholder="From the group"' in page
    assert 'data-below="the group Grocers">the group Grocers</span>' in page
    assert 'data-below="the base Standard">yours</span>' in page
    assert '<strong>Accent</strong> <span class="c-quiet">locked by the group Grocers</span>' in page


@pytest.mark.usefixtures("base")
def test_a_language_is_added_falls_back_and_is_removed(ana: Client) -> None:
    template = saved(ana, **{"fill..slot.headline": "Hello"})
    path = f"/admin/campaigns/template/{template.pk}/change/"
    blank = fields(ana.get(f"{path}?language=de"), "template_form")
    assert blank["fill.de.slot.headline"] == ""
    submit(ana, path, "template_form", **{"fill.de.slot.headline": "Hallo", "fill.de.text.subject": "Betreff"})
    template.refresh_from_db()
    assert template.translations == {"de": {"subject": "Betreff", "slots": {"headline": "Hallo"}}}
    page = page_of(ana, template, "?in=de&customer=rich")
    assert 'name="fill.de.slot.story"' in page
    assert "Betreff" in page
    submit(ana, path, "template_form", **{"fill.de.drop.all": "1"})
    template.refresh_from_db()
    assert template.translations == {}


@pytest.mark.usefixtures("base")
def test_what_differs_from_the_base_is_told_and_marked(ana: Client) -> None:
    factories.customers(1)
    posted = {"base": "standard", "fill..slot.headline": "For {{ customer.city }}", "fill..slot.accent": "#abcdef"}
    answer = ana.post("/admin/campaigns/template/preview/", posted).json()
    assert answer["problems"] == []
    told = [(each["label"], each["here"], each["below"], each["whose"]) for each in answer["differences"]]
    assert ("Accent", "#abcdef", "#123456", "the base Standard") in told
    assert '<h1><span data-says="Headline" data-says-label="Headline">For Leeds</span></h1>' in answer["outlined"]
    assert '<b data-says="Accent" data-says-label="Accent" style="color:#abcdef">' in answer["outlined"]
    assert "data-says" not in answer["html"]


@pytest.mark.usefixtures("base")
def test_a_blank_subject_shows_what_would_stand_there(ana: Client) -> None:
    assert 'name="subject"' in page_of(ana, saved(ana))
    template = Template.objects.get()
    template.slots = {"headline": "Only today"}
    template.translations = {"de": {"slots": {"headline": "Nur heute"}}}
    template.save()

    page = page_of(ana, template)

    assert re.search(r'name="subject"[^>]*placeholder="Only today"', page)
    assert re.search(r'name="fill.de.text.subject"[^>]*placeholder="Nur heute"', page)
    answer = ana.post("/admin/campaigns/template/preview/", {"base": "standard", "fill..slot.headline": "Soon"}).json()
    assert answer["unsaid"]["subject"] == "Soon"
