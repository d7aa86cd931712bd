"""Messages on a base: what arrives, in whose words and language, and that a locked block is nobody's to change."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from campaigns import configuration, content, editing, editions, policies
from campaigns.config.campaign import Variant
from campaigns.config.gate import Invalid
from campaigns.models import Edition, Product, Run, Template, TemplateVersion
from delivery import compose, pipeline, previews, tracking
from delivery.channels.memory import MemoryChannel
from delivery.models import Message
from tenants.models import Group, Retailer
from tests import factories
from tests.delivery.signals.following import clicks
from tests.mails import LEAVE, for_anybody

GERMAN = '<p>Liebe {{ customer.first_name }}</p><a href="{{ unsubscribe_url }}">Abmelden</a>'


LIST = "{% for product in products %}<p>{{ product.name }}</p>{% endfor %}"


def on_base(key: str = "hello", **fields: Any) -> Template:
    return factories.template(key, **{"base": "standard", "subject": "", "html": "", **fields})


def send(**parts: Any) -> None:
    run = configuration.launch(factories.campaign(**parts), by="test", now=timezone.now())
    pipeline.work(seconds=30)
    run.refresh_from_db()
    assert run.state == Run.State.COMPLETED


def mails(outbox: MemoryChannel) -> dict[str, Any]:
    return {sent.recipient.partition("@")[0]: sent for sent in outbox.sent}


def test_every_layer_says_its_part(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.base()
    on_base(slots={"story": "<p>For <b>{{ customer.city }}</b></p>"})
    factories.customers(2)
    variants = [{"key": "a", "content": {"headline": "Only {{ customer.first_name }}", "action": "Now"}}]

    send(steps=[{"key": "first", "channel": "email", "template": "hello", "variants": variants}])

    mail = mails(outbox)["c1"]
    assert mail.subject == "Only Ana"
    assert "<h1>Only Ana</h1>" in mail.html
    assert "<p>For <b>Leeds</b></p>" in mail.html
    (link,) = clicks(mail.html)
    assert f'/t/c/{link}">Now</a>' in mail.html
    assert tracking.read_click(at_acme, link).url == "https://shop.example"
    assert "For Leeds" in mail.text


def test_people_are_written_to_in_the_nearest_language(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.base(translations={"de": {"slots": {"story": "<p>Neues</p>"}}})
    on_base(translations={"de": {"slots": {"headline": "Hallo {{ customer.first_name }}"}}})
    factories.customers(1, locale="de-AT")
    factories.customers(1, first=2, locale="fr")

    send()

    assert mails(outbox)["c1"].subject == "Hallo Ana"
    assert "<p>Neues</p>" in mails(outbox)["c1"].html
    assert mails(outbox)["c2"].subject == "Hello Ana"


def test_a_template_on_its_own_speaks_languages_too(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.template(translations={"de": {"subject": "Hallo", "html": GERMAN}})
    factories.customers(1, locale="de")
    factories.customers(1, first=2)

    send()

    assert mails(outbox)["c1"].subject == "Hallo"
    assert for_anybody(mails(outbox)["c1"].html) == f'<p>Liebe Ana</p><a href="{LEAVE}">Abmelden</a>'
    assert for_anybody(mails(outbox)["c1"].text) == f"Liebe Ana\n\n[Abmelden]({LEAVE})\n"
    assert mails(outbox)["c2"].subject == "Hello Ana"


def test_what_a_region_does_not_say_its_language_does(at_acme: Retailer) -> None:
    translations = {
        "pt": {"html": "<p>Boas</p>", "preheader": "Leia"},
        "pt_br": {"subject": "Oi"},
        "pt-PT": {"preheader": "Ler"},
    }
    published = editions.live(factories.template(translations=translations).key, at_acme)

    brazil, portugal = (published.sources(locale=locale) for locale in ("pt-BR", "pt_pt"))

    assert brazil.subject == "Oi"
    assert ("<p>Boas</p>" in brazil.html, "Leia" in brazil.html, "Boas" in brazil.text) == (True, True, True)
    assert ("<p>Boas</p>" in portugal.html, "Ler<" in portugal.html) == (True, True)


def test_a_variant_is_completed_by_what_stands_below_in_each_language(at_acme: Retailer) -> None:
    factories.base()
    german = {"label": "Los", "url": "https://shop.example/de"}
    published = editions.live(on_base(translations={"de": {"slots": {"action": german}}}).key, at_acme)

    made = published.sources(Variant(key="a", content={"action": "Jetzt!"}), "de-AT")

    assert '<a href="https://shop.example/de">Jetzt!</a>' in made.html


def test_a_language_is_said_once(at_acme: Retailer) -> None:
    written = factories.template()
    written.translations = {"pt-BR": {"subject": "Oi"}, "pt_br": {"subject": "Olá"}}
    with pytest.raises(Invalid, match="this is pt-BR, which stands twice"):
        editing.save_template(written)
    del written.translations["pt-BR"]
    editing.save_template(written)
    assert Template.objects.get(key="hello").translations == {"pt-BR": {"subject": "Olá"}}


def test_an_edit_of_the_base_is_in_the_next_batch_and_what_was_sent_can_be_had_again(
    at_acme: Retailer, outbox: MemoryChannel
) -> None:
    factories.base()
    on_base()
    factories.customers(1)
    send(key="before")
    factories.base(html=factories.BASE_HTML.replace("<h1>", "<h2>").replace("</h1>", "</h2>"))
    versions = TemplateVersion.objects.count()

    send(key="after")

    assert ["<h1>" in mail.html for mail in outbox.sent] == [True, False]
    assert TemplateVersion.objects.count() == versions
    before, after = Message.objects.order_by("pk")
    assert before.template_hash != after.template_hash
    assert {before.template_hash, after.template_hash} == set(Edition.objects.values_list("content_hash", flat=True))
    for message, mail in zip((before, after), outbox.sent, strict=True):
        shown = previews.of_message(message).rendered
        assert shown
        assert shown.subject == mail.subject
        assert ("<h1>" in shown.html) == ("<h1>" in mail.html)


def test_templates_that_say_the_same_can_each_be_had_again(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.base()
    on_base()
    on_base("twin")
    factories.customers(1)
    send(key="one")
    send(key="other", steps=[{"key": "first", "channel": "email", "template": "twin"}])

    factories.base(html=factories.BASE_HTML.replace("<h1>", "<h2>").replace("</h1>", "</h2>"))

    assert Message.objects.count() == 2
    for message in Message.objects.all():
        shown = previews.of_message(message).rendered
        assert shown
        assert "<h1>" in shown.html


@pytest.mark.parametrize(
    ("base", "said", "where", "words"),
    [
        ("", {"subject": "{{ products[0].name }} is back"}, "subject", "Rye bread is back"),
        ("standard", {"subject": "{{ products[0].name }} is back"}, "subject", "Rye bread is back"),
        ("standard", {"content": {"story": LIST}}, "html", "<p>Rye bread</p>"),
    ],
)
def test_a_variant_alone_may_show_products(
    at_acme: Retailer, outbox: MemoryChannel, base: str, said: dict[str, Any], where: str, words: str
) -> None:
    factories.base()
    on_base() if base else factories.template()
    Product.objects.create(sku="rye", name="Rye bread", category="bread")
    factories.customers(1)
    variants = [{"key": "a", **said}]

    send(steps=[{"key": "first", "channel": "email", "template": "hello", "variants": variants}])

    assert words in getattr(outbox.sent[0], where)


def test_a_group_says_something_to_its_retailers_only(
    at_acme: Retailer, globex: Retailer, outbox: MemoryChannel
) -> None:
    factories.base()
    group = Group.objects.create(name="Grocers")
    Retailer.objects.filter(pk=at_acme.pk).update(group=group)
    factories.group_layer(group, slots={"headline": "Fresh"}, locks=["headline"])
    at_acme.refresh_from_db()
    template = on_base()
    factories.customers(1)

    send()

    assert mails(outbox)["c1"].subject == "Fresh"
    template.slots = {"headline": "Mine"}
    assert [problem.code for problem in content.check(template)] == ["locked"]


def test_who_a_mail_is_from_may_be_the_templates_own(at_acme: Retailer) -> None:
    factories.template(from_name="Acme Club", from_email="club@acme.example", reply_to="help@acme.example")
    from_ = compose.envelope(editions.live("hello", at_acme), content.brand())
    assert (from_.from_name, from_.from_email, from_.reply_to) == (
        "Acme Club",
        "club@acme.example",
        "help@acme.example",
    )
    assert from_.sender == "club@acme.example"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"html": "<p>x</p>"}, "the base brings the html"),
        ({"base": "nowhere"}, "There is no base template 'nowhere'"),
        ({"slots": {"headline": "x" * 61}}, "61 characters, at most 60"),
        ({"slots": {"nothing": "x"}}, "the base has no slot nothing"),
        ({"blocks": {"hero": "<script></script>"}}, "may not hold <script>"),
        ({"translations": {"de": {"slots": {"headline": "{{ customer.frist_name }}"}}}}, "frist_name is unknown"),
        ({"translations": {"d!": {}}}, "translations.d!"),
    ],
)
def test_what_does_not_fit_the_base_is_refused(at_acme: Retailer, fields: dict[str, Any], told: str) -> None:
    factories.base()
    with pytest.raises(Invalid, match=told.replace("(", r"\(")):
        on_base(**fields)


# -- a platform that wants its bases used -----------------------------------------------------------------------------
def test_a_policy_may_ask_for_its_bases(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.base()
    own = factories.template("own")
    on_base()
    factories.customers(1)
    campaign = factories.campaign(steps=[{"key": "first", "channel": "email", "template": "own"}])
    run = configuration.launch(campaign, by="test", now=timezone.now())

    policies.save(None, policy={"bases": ["standard"]})

    assert [problem.field for problem in content.check_policy(own)] == ["base"]
    with pytest.raises(Invalid, match="a template on its own is not allowed here: build it on standard"):
        editing.save_template(own)
    pipeline.work(seconds=30)
    run.refresh_from_db()
    assert run.state == Run.State.PAUSED
    assert not outbox.sent
    send(key="allowed")
    assert len(outbox.sent) == 1


def test_a_message_whose_locked_end_would_be_cut_off_is_not_sent(at_acme: Retailer, outbox: MemoryChannel) -> None:
    factories.base()
    on_base(blocks={"hero": "{% for each in customer.attributes.basket %}<p>{{ each }}</p>{% endfor %}"})
    factories.customers(1, attributes={"basket": ["something rather long to read" * 6] * 900})
    factories.customers(1, first=2, attributes={"basket": ["bread"]})

    send()

    assert set(mails(outbox)) == {"c2"}
    failed = Message.objects.get(state="failed")
    assert failed.reason == "render: larger than 102 KB: its locked end would be cut off"
