"""Rows for tests, made through the doors that make them in the product where there is one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from campaigns import bases, configuration, content, facts, layering
from campaigns.config import gate
from campaigns.config.template import BASE, LAYER
from campaigns.models import Campaign, Customer, Event, Segment, Template
from tenants.models import BaseTemplate, BaseVersion, Group, Retailer

OUT = '<a href="{{ unsubscribe_url }}">Unsubscribe</a>'


def customers(number: int, *, first: int = 1, **fields: Any) -> list[Customer]:
    """`number` people who may be written to: c1, c2, ... with addresses c1@example.test, ..."""
    defaults = {"first_name": "Ana", "city": "Leeds", "consent_email": True}
    return stored(
        Customer(**{"external_id": f"c{n}", "email": f"c{n}@example.test", **defaults, **fields})
        for n in range(first, first + number)
    )


def stored(people: Iterable[Customer], events: Iterable[Event] = ()) -> list[Customer]:
    """Customers and events as they are, beside the door that would correct them, with the facts that follow."""
    made = Customer.objects.bulk_create(people)
    happened(events)
    return made


def happened(events: Iterable[Event]) -> None:
    """Events as they are, beside their door, with the category and the facts that follow."""
    given = list(events)
    for event in given:
        category = event.properties.get("category")
        event.category = "" if category is None else str(category)[:100]
    Event.objects.bulk_create(given)
    facts.recompute()


def template(key: str = "hello", **fields: Any) -> Template:
    """A published e-mail template."""
    defaults = {
        "name": key.title(),
        "subject": "Hello {{ customer.first_name | default('there') }}",
        "html": "<html><body><p>Dear {{ customer.first_name | default('friend') }} of {{ brand.name }}</p>"
        f"{OUT}</body></html>",
    }
    made = Template.objects.create(key=key, **{**defaults, **fields})
    content.publish(made)
    return made


def config(key: str = "welcome", **parts: Any) -> dict[str, Any]:
    """A campaign to everybody, by API."""
    return {
        "key": key,
        "name": key.title(),
        "trigger": {"kind": "api"},
        "audience": {"include": {"all": []}},
        "steps": [{"key": "first", "channel": "email", "template": "hello"}],
    } | parts


def campaign(key: str = "welcome", **parts: Any) -> Campaign:
    if not Template.objects.filter(key="hello").exists():
        template()
    return configuration.save_draft(config(key, **parts))


def segment(key: str, rule: dict[str, Any]) -> Segment:
    return Segment.objects.create(key=key, name=key.title(), rule=rule)


def base_draft(**parts: Any) -> dict[str, Any]:
    """What the author of a base template writes: a headline to fill, a body to replace, a footer to keep."""
    draft = {
        "source_format": "html",
        "subject": "News of {{ brand.name }}",
        "html": "<html><body><h1>{{ content.headline }}</h1>{% block main %}<p>What is new</p>{% endblock %}"
        f"{{% locked footer %}}<p>{{{{ brand.name }}}}</p>{OUT}{{% endlocked %}}"
        "</body></html>",
        "slots": {"headline": {"type": "text", "default": "Hello"}},
    } | parts
    return {name: value for name, value in draft.items() if value is not None}


BASE_HTML = """<html><body>
{% block hero %}<h1>{{ content.headline }}</h1>{% endblock %}
<div>{{ content.story }}</div><a href="{{ content.action.url }}">{{ content.action.label }}</a>
{% locked footer %}<p id="footer">{{ brand.name }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>{% endlocked %}
</body></html>"""
BASE_SLOTS: dict[str, Any] = {
    "headline": {"type": "text", "max": 60, "default": "Hello {{ customer.first_name | default('you') }}"},
    "story": {"type": "rich_text", "default": "<p>News</p>"},
    "action": {"type": "button", "default": {"label": "Shop", "url": "https://shop.example"}},
}


def group_layer(group: Group, key: str = "standard", **document: Any) -> BaseVersion:
    """What a group says over the platform's base of that key, live for its retailers."""
    row = BaseTemplate.objects.create(key=key, group=group, name=f"{key.title()} of {group.name}", draft=document)
    version = row.versions.create(
        number=1,
        content_hash=gate.content_hash(document),
        document=gate.dump(LAYER.validate_python(document)),
        compiled={},
    )
    row.live = version
    row.save()
    return version


def base(key: str = "standard", **document: Any) -> BaseVersion:
    """A published base of the platform, live for everybody; published again, its next version."""
    said = {"source_format": "html", "subject": "{{ content.headline }}", "html": BASE_HTML, "slots": BASE_SLOTS}
    parsed = BASE.validate_python(said | document)
    compiled, problems = layering.compile_base(parsed)
    assert not problems, problems
    row, _ = BaseTemplate.objects.get_or_create(key=key, group=None, defaults={"name": key.title()})
    row.draft = gate.dump(parsed)
    version = row.versions.create(
        number=row.versions.count() + 1,
        content_hash=gate.content_hash(row.draft),
        document=row.draft,
        compiled=compiled.dump(),
    )
    row.live = version
    row.save()
    return version


def base_number(retailer: Retailer, key: str = "standard") -> int:
    """Of the version of that base that counts for the retailer."""
    return BaseVersion.objects.get(pk=bases.standing(retailer, key).base_version_id).number
