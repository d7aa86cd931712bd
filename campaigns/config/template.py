"""What templates are made of: the sources of a message, and the typed slots that a base leaves to the layers below.

A base's source prints a slot as `{{ content.headline }}`, an image's as `{{ content.hero.url }}`; it wraps what a layer
below may replace in `{% block hero %}...{% endblock %}`, and what none may in `{% locked footer %}...{% endlocked %}`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, RootModel, StringConstraints, TypeAdapter

from campaigns.config import locales
from campaigns.config.attached import Attachment
from campaigns.config.values import Key, Name, Part

CLIPPED = 102 * 1024  # bytes of HTML, after which Gmail cuts a message off ("[Message clipped]")
LONGEST = 1024 * 1024  # characters that are looked at; how long a source may be is the language's to say


def _spelt(pattern: str, cure: str) -> BeforeValidator:
    """Says in words what to write instead of anything else."""

    def check(value: Any) -> Any:
        if isinstance(value, str) and not re.fullmatch(pattern, value):
            raise ValueError(cure)
        return value

    return BeforeValidator(check)


_NAME, _NAME_CURE = r"^[a-z][a-z0-9_]{0,62}$", "write a name in small letters, digits and _, beginning with a letter"
_LOCALE = r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,2}$"
_LOCALE_CURE = "write a language such as de, pt-BR or zh-Hant-TW"
SlotName = Annotated[str, _spelt(_NAME, _NAME_CURE), StringConstraints(pattern=_NAME)]
Locale = Annotated[str, _spelt(_LOCALE, _LOCALE_CURE), StringConstraints(pattern=_LOCALE)]
Source = Annotated[str, StringConstraints(max_length=LONGEST)]
Line = Annotated[str, StringConstraints(max_length=500)]
Url = Annotated[str, StringConstraints(max_length=2000)]
Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]


class Described(Part):
    """What every slot says for the people who fill it."""

    label: Name | None = None  # the slot's name when left out
    help: Line = ""


class Image(Part):
    """An image as a slot's value. `alt` is what is read where images are not shown."""

    url: Url
    alt: Line = ""


class Button(Part):
    """A button as a slot's value."""

    label: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    url: Url


class Picks(Part):
    """A product list as a slot's value: how many recommendations are shown."""

    count: Annotated[int, Field(ge=1, le=24)]


class TextSlot(Described):
    """One line or a few of words; `{{ customer.first_name }}` and the like may stand in them."""

    type: Literal["text"]
    max: Annotated[int, Field(ge=1, le=2000)] = 200  # characters
    default: str = ""


class RichTextSlot(Described):
    """Paragraphs, emphasis, lists and links, as simple HTML."""

    type: Literal["rich_text"]
    max: Annotated[int, Field(ge=1, le=20_000)] = 5_000  # characters of source
    default: str = ""


class ImageSlot(Described):
    type: Literal["image"]
    width: Annotated[int, Field(ge=1, le=2000)] | None = None  # pixels it is shown at
    default: Image | None = None


class ColourSlot(Described):
    type: Literal["colour"]
    choices: Annotated[list[Colour], Field(max_length=20)] = []  # any colour when empty
    default: Colour


class ButtonSlot(Described):
    type: Literal["button"]
    max: Annotated[int, Field(ge=1, le=100)] = 30  # characters of the label
    default: Button


class ProductsSlot(Described):
    type: Literal["products"]
    most: Annotated[int, Field(ge=1, le=24)] = 6
    default: Picks = Picks(count=3)


Slot = Annotated[
    TextSlot | RichTextSlot | ImageSlot | ColourSlot | ButtonSlot | ProductsSlot, Field(discriminator="type")
]
Slots = Annotated[dict[SlotName, Any], Field(max_length=100)]
Blocks = Annotated[dict[SlotName, Source], Field(max_length=50)]


class Translation(Part):
    """The same in another language: what is left out stays as it is."""

    subject: Line = ""
    preheader: Annotated[str, StringConstraints(max_length=300)] = ""
    html: Source = ""
    text: Source = ""
    slots: Slots = {}
    blocks: Blocks = {}
    payload: dict[str, Any] = {}


# However a language is spelt, it is looked up in one spelling.
Translations = Annotated[dict[Locale, Translation], Field(max_length=50), AfterValidator(locales.normalised)]


class BaseDocument(Part):
    """A base as its author writes it."""

    source_format: Literal["html", "mjml"] = "mjml"
    subject: Line = ""
    preheader: Annotated[str, StringConstraints(max_length=300)] = ""
    html: Source
    text: Source = ""
    slots: Annotated[dict[SlotName, Slot], Field(max_length=100)] = {}
    translations: Translations = {}


class LayerDocument(Part):
    """What a group says over the platform's base. `locks` are slots and blocks that nobody below may change."""

    subject: Line = ""
    preheader: Annotated[str, StringConstraints(max_length=300)] = ""
    slots: Slots = {}
    blocks: Blocks = {}
    locks: Annotated[list[SlotName], Field(max_length=100)] = []
    translations: Translations = {}


class TemplateDocument(Part):
    """A retailer's template as published: sources of its own, or fills for those of its `base`."""

    channel: Literal["email", "sms", "push", "webhook"] = "email"
    source_format: Literal["html", "mjml"] = "html"
    subject: Line = ""
    preheader: Annotated[str, StringConstraints(max_length=300)] = ""
    html: Source = ""
    text: Source = ""
    base: Key | Literal[""] = ""
    slots: Slots = {}
    blocks: Blocks = {}
    translations: Translations = {}
    payload: dict[str, Any] = {}
    attachments: Annotated[list[Attachment], Field(max_length=50)] = []
    from_name: Annotated[str, StringConstraints(max_length=100)] = ""
    from_email: Annotated[str, StringConstraints(max_length=254)] = ""
    reply_to: Annotated[str, StringConstraints(max_length=254)] = ""


class SmsPayload(Part):
    """What an SMS says beside its text. `smart_encoding`: curly quotes, dashes and the like are sent as plain ones,
    where that brings the text into the 7-bit alphabet.
    """

    smart_encoding: bool = False


class PushPayload(Part):
    """What a notification says beside its title and body. `link` is https, or the app's own (`shop://basket`); of those
    that share a `collapse_id`, a device shows the last. All of it may hold `{{ customer.first_name }}` and the like.
    """

    image: Url = ""
    link: Url = ""
    collapse_id: Annotated[str, StringConstraints(max_length=200)] = ""
    data: Annotated[dict[SlotName, Annotated[str, StringConstraints(max_length=2000)]], Field(max_length=20)] = {}


class WebhookPayload(RootModel[dict[str, JsonValue]]):
    """The JSON document that a webhook is sent. Its texts are templates; numbers, yes and no are sent as they are."""


PAYLOADS: dict[str, TypeAdapter[Any]] = {
    "sms": TypeAdapter(SmsPayload),
    "push": TypeAdapter(PushPayload),
    "webhook": TypeAdapter(WebhookPayload),
}
BASE: TypeAdapter[BaseDocument] = TypeAdapter(BaseDocument)
LAYER: TypeAdapter[LayerDocument] = TypeAdapter(LayerDocument)
TEMPLATE: TypeAdapter[TemplateDocument] = TypeAdapter(TemplateDocument)
STRUCTURED = (
    "slots",
    "blocks",
    "translations",
    "payload",
    "attachments",
)  # the fields of a template that hold more than text
SLOT: TypeAdapter[Slot] = TypeAdapter(Slot)


def written(template: Any) -> dict[str, Any]:
    """What a template's row says, as the plain data of a TemplateDocument."""
    return {name: getattr(template, name) for name in TemplateDocument.model_fields}
