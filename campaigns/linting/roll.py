"""The roll of rules: adding one is a file, a line here and its name in campaigns.config.check_names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from campaigns.config.check_names import CheckName, Severity
from campaigns.linting import (
    brand,
    contrast,
    coverage,
    footer,
    inbox,
    layers,
    links,
    merge,
    pictures,
    shouting,
    size,
    spam,
)
from campaigns.linting.sample import Found, Sample

_MAIL = ("email",)
_ANY = ("email", "sms", "push", "webhook")


@dataclass(frozen=True)
class Rule:
    """`severity` is what it weighs unless a policy asks for more; `about` says in words what it looks for."""

    find: Callable[[Sample], Iterable[Found]]
    severity: Severity
    about: str
    channels: tuple[str, ...] = _MAIL


RULES: dict[CheckName, Rule] = {
    "unsubscribe": Rule(footer.unsubscribe, "error", "a link to unsubscribe"),
    "banned_words": Rule(brand.banned_words, "error", "words that the brand never uses", _ANY),
    "disclaimers": Rule(brand.disclaimers, "error", "sentences that the brand must say", _ANY),
    "postal_address": Rule(footer.postal_address, "warning", "the postal address"),
    "broken_links": Rule(links.broken, "warning", "links that lead nowhere"),
    "insecure_links": Rule(links.insecure, "warning", "links without https"),
    "merge": Rule(merge.unquoted, "warning", "values put where quotes are missing"),
    "alt_text": Rule(pictures.alt_text, "warning", "words for images"),
    "contrast": Rule(contrast.low, "warning", "text that is hard to read on its background"),
    "clipping": Rule(size.clipping, "warning", "messages that Gmail cuts off"),
    "image_weight": Rule(pictures.weight, "warning", "heavy images"),
    "image_width": Rule(pictures.width, "hint", "images wider than a message"),
    "image_count": Rule(pictures.count, "hint", "many images, or hardly any text beside them"),
    "subject_length": Rule(inbox.subject, "warning", "subjects that phones cut off"),
    "preheader": Rule(inbox.preheader, "hint", "what inboxes show beside the subject"),
    "spam_words": Rule(spam.words, "warning", "words that filters distrust", _ANY),
    "capitals": Rule(shouting.capitals, "warning", "words in capitals", _ANY),
    "exclamation_marks": Rule(shouting.exclamation_marks, "warning", "several exclamation marks in a row", _ANY),
    "sms_length": Rule(size.segments, "warning", "texts of several segments", ("sms",)),
    "emoji": Rule(brand.emoji, "warning", "more emoji than the brand allows", _ANY),
    "tone": Rule(brand.tone, "warning", "what is not the brand's tone", _ANY),
    "left_out": Rule(layers.left_out, "warning", "what is left out because a layer below locked or removed its place"),
    "coverage": Rule(coverage.lacking, "hint", "people who lack what the message names", _ANY),
}
