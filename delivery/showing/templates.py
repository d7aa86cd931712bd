"""A template as it stands as a pane, with what it says over its base."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any

from campaigns import bases, beneath, content
from campaigns.beneath import Beneath, SlotBeneath
from campaigns.config import locales
from campaigns.models import Customer, Template
from delivery import previews
from delivery.previews import Preview
from delivery.showing import panes
from delivery.showing.panes import Difference, Pane


def pane(template: Template, customer: Customer, texts: Mapping[str, Any]) -> Pane:
    """Of a template without problems. `texts` are what a campaign might say as `content.*`."""

    def without(field: str) -> Preview:
        return previews.of_template(_without(template, field), customer, texts)

    return panes.pane(
        template.name,
        customer,
        previews.of_template(template, customer, texts),
        sender=template.from_name or content.brand().from_name,
        differences=differences(template, customer.locale),
        without=without,
    )


def differences(template: Template, locale: str = "") -> tuple[Difference, ...]:
    """What a template on a base says to somebody of that locale instead of the layers beneath."""
    if not template.base:
        return ()
    try:
        return tuple(_differences(template, beneath.of(template.base, locale), locale))
    except bases.Unavailable:
        return ()


def _differences(template: Template, lies: Beneath, locale: str) -> Iterator[Difference]:
    said = _said(template, locale)
    for name, label in (("subject", "Subject"), ("preheader", "Preview text")):
        if said[name] and said[name] != getattr(lies, name):
            yield Difference(name, label, panes.words(getattr(lies, name)), said[name], f"the base {lies.name}")
    for slot in lies.slots:
        value = said["slots"].get(slot.name)
        if value and value != slot.value and not slot.locked_by:
            yield Difference(
                f"slots.{slot.name}", slot.label, _words(slot, slot.value), _words(slot, value), slot.whose
            )
    for block in lies.blocks:
        if (source := said["blocks"].get(block.name)) and not block.locked_by:
            title = panes.titled(block.name)
            here = f"HTML of {len(source)} characters"
            yield Difference(f"blocks.{block.name}", title, "what stands there", here, block.whose)


def _words(slot: SlotBeneath, value: Any) -> str:
    is_rich = slot.slot.type == "rich_text" and isinstance(value, str)
    return panes.words(content.plain_text(value).strip() if is_rich else value)


def _said(template: Template, locale: str) -> dict[str, Any]:
    """What it says to somebody of that locale: the nearest language goes before what is said to everybody."""
    said: dict[str, Any] = {"subject": template.subject, "preheader": template.preheader}
    slots, blocks = dict(template.slots), dict(template.blocks)
    for language in reversed(locales.chain(template.translations, locale)):
        translation = template.translations[language]
        said |= {name: translation[name] for name in said if translation.get(name)}
        slots |= translation.get("slots", {})
        blocks |= translation.get("blocks", {})
    return said | {"slots": slots, "blocks": blocks}


def _without(template: Template, field: str) -> Template:
    """The same, not saying that in any language."""
    other, (root, _, name) = copy(template), field.partition(".")
    if not name:
        setattr(other, root, "")
    else:
        setattr(other, root, {each: value for each, value in getattr(template, root).items() if each != name})
    other.translations = {locale: _left_out(said, root, name) for locale, said in template.translations.items()}
    return other


def _left_out(said: dict[str, Any], root: str, name: str) -> dict[str, Any]:
    if not name:
        return {each: value for each, value in said.items() if each != root}
    return said | {root: {each: value for each, value in said.get(root, {}).items() if each != name}}
