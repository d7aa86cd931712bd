"""What is published of a template for a retailer now, and its sources for a variant and a language.

Reads    Template, TemplateVersion, Edition; the versions of bases that count for the retailer
Writes   Edition
Promise  nothing is copied when a base is published: who asks gets what counts at that moment; what a content hash in
         the ledger stood for can be had again as it was
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from campaigns import bases, examination, language, layering, publishing
from campaigns.config import locales as languages
from campaigns.config.campaign import Variant
from campaigns.config.gate import Problem, content_hash
from campaigns.config.template import LAYER, TEMPLATE, TemplateDocument
from campaigns.layering import Base, Fill
from campaigns.models import Edition, Template, TemplateVersion
from campaigns.publishing import Link
from tenants import held, kept
from tenants.models import Retailer

OWN = "this template"  # a retailer's template as a layer over a base
PLAIN = Variant(key="a")


class Unpublished(LookupError):
    """The template has no content that could be sent; the message says why, and the cure."""


@dataclass(frozen=True)
class Sources:
    """What a message is rendered from. `content` holds the values of `content.*`, `left_out` what a layer says that
    does not count: the field, whose word it is, and why.
    """

    subject: str
    html: str
    text: str
    content: Mapping[str, Any]
    left_out: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Layers:
    """A base and what is said over it, from the group upwards. Layers of the same `digest` say the same."""

    digest: str
    base: Base = field(compare=False)
    fills: tuple[Fill, ...] = field(compare=False)


@dataclass(frozen=True)
class Published:
    """A template's content as it counts for one retailer. `content_hash` is what the ledger names it by.

    `stands` is which versions of its base count, `layers` what they and the template say; None for one on its own.
    """

    content_hash: str
    version: TemplateVersion
    locales: frozenset[str]
    stands: bases.Standing | None = None
    layers: Layers | None = None

    @property
    def slots(self) -> Collection[str]:
        """What `content.*` may be, where a base says so; a slot that nobody filled is blank."""
        return self.layers.base.slots if self.layers else ()

    @property
    def is_locked(self) -> bool:
        """Whether it holds blocks that must be seen, so that nothing of it may be cut off."""
        return self.layers is not None and bool(self.layers.base.locked)

    def mentions(self, name: str, variants: Iterable[Variant] = (PLAIN,)) -> bool:
        """Whether a variable of that name may be used in it, as any of these variants says it, in any language."""
        if self.layers is None:
            own = [self.version.subject, self.version.html, self.version.text, self.version.compiled,
                   self.version.document.get("payload"), self.version.document.get("translations")]  # fmt: skip
            said = _texts([own, [variant.subject for variant in variants]])
            return any(language.mentions(text, name) for text in said)
        return any(
            language.mentions(part, name)
            for variant in variants
            for locale in ("", *self.locales)
            for made in (self.sources(variant, locale),)
            for part in (made.subject, made.html, made.text)
        )

    def locale(self, wanted: str) -> str:
        """The language that somebody is written to: the nearest there is, blank for the template's own."""
        return languages.first(self.locales, wanted) if self.locales and wanted else ""

    def sources(self, variant: Variant = PLAIN, locale: str = "") -> Sources:
        """As a variant says it, to somebody of that locale."""
        if self.layers is None:
            return _alone(self.version, variant, self.locale(locale))
        return _layered(self.layers, variant.model_dump_json(), self.locale(locale))


def live(template: str, retailer: Retailer) -> Published:
    """What counts now: of the template, of its base and of the group's layer. Raises Unpublished."""
    question = ("live", template)
    version = held.once(question, lambda: kept.while_same(question, _LIVE, [template], lambda: _live(template)))
    if version is None:
        raise Unpublished(f"Template {template!r} has no published content: publish it.")
    return of_version(version, retailer)


def row(template: str) -> Template | None:
    """The template of that key, with what is live of it."""
    return held.once(
        ("template", template), lambda: Template.objects.select_related("live").filter(key=template).first()
    )


def live_of(templates: Collection[str], retailer: Retailer) -> dict[str, Published]:
    """The same of many, by key; one without content that could be sent is left out."""
    rows = Template.objects.select_related("live").filter(key__in=templates, live__isnull=False)
    known = held.once(("templates", frozenset(templates)), lambda: list(rows))
    versions = {template.key: template.live for template in known if template.live}
    return of_versions({(retailer.pk, key): version for key, version in versions.items()}).get(retailer.pk, {})


def of_versions(versions: Mapping[tuple[int, str], TemplateVersion]) -> dict[int, dict[str, Published]]:
    """Of published versions by retailer and key, each on its base as it counts there now, in one query; one without
    content that could be sent is left out. By retailer, then key.
    """
    on = {place: version.document.get("base", "") for place, version in versions.items()}
    needed = {(retailer_id, base) for (retailer_id, _), base in on.items() if base}
    standings = bases.standings({retailer_id for retailer_id, _ in needed}, {base for _, base in needed})
    found: dict[int, dict[str, Published]] = {}
    for (retailer_id, key), version in versions.items():
        base = on[retailer_id, key]
        if not base:
            found.setdefault(retailer_id, {})[key] = _on_its_own(version)
        elif stands := standings.get((retailer_id, base)):
            found.setdefault(retailer_id, {})[key] = _made(version, stands)
    return found


def of_version(version: TemplateVersion, retailer: Retailer) -> Published:
    """A published version, on the base as it counts for the retailer now. Raises Unpublished."""
    key = version.document.get("base", "")
    if not key:
        return _on_its_own(version)
    try:
        stands = bases.standing(retailer, key)
    except bases.Unavailable as unavailable:
        raise Unpublished(str(unavailable)) from None
    return _made(version, stands)


def remember(published: Published) -> None:
    """Put down what a content hash stands for, before messages name it."""
    stands = published.stands
    if stands and not Edition.objects.filter(content_hash=published.content_hash).exists():
        made = Edition(
            content_hash=published.content_hash,
            version=published.version,
            base_version=stands.base_version_id,
            group_version=stands.group_version_id,
        )
        Edition.objects.bulk_create([made], ignore_conflicts=True)


def unfit(published: Published, variant: Variant) -> list[Problem]:
    """What a variant says that does not fit the base; of a template on its own everything fits."""
    if published.layers is None:
        return []
    base, fills = published.layers.base, published.layers.fills
    said = layering.of_variant(base, fills, variant.key, variant.subject or "", variant.content)
    return examination.unfit(base, fills, said)


def recall(template: str, digest: str) -> Published | None:
    """What a message was rendered from; None where its template is gone."""
    versions = TemplateVersion.objects.filter(template__key=template)
    if version := versions.filter(content_hash=digest).first():
        return _on_its_own(version)
    edition = Edition.objects.select_related("version").filter(content_hash=digest, version__in=versions).first()
    if edition is None:
        return None
    return _made(edition.version, bases.Standing(edition.base_version, edition.group_version))


def links(published: Published, variant: Variant = PLAIN, locale: str = "") -> tuple[Link, ...]:
    """The links of what a variant says to somebody of that locale, in the order of its HTML (`Link.position`).

    A number is the same for the same link in every language, and for good: a click is told by content hash, variant
    and number alone. Raises language.Mistaken.
    """
    return _by_language(published, variant)[published.locale(locale)]


def numbered(published: Published, variant: Variant = PLAIN) -> tuple[Link, ...]:
    """Each link of a variant's messages once, whatever the language, by number. Raises language.Mistaken."""
    told = _by_language(published, variant)
    by_number = {link.number: link for of_locale in reversed(told.values()) for link in of_locale}
    return tuple(by_number[number] for number in sorted(by_number))


def over(below: Layers, document: TemplateDocument) -> Layers:
    """The same with a retailer's template on top."""
    digest = content_hash([below.digest, document.model_dump(mode="json")])
    return Layers(digest, below.base, (*below.fills, Fill.of(OWN, document)))


def locales(layers: Layers) -> frozenset[str]:
    """The languages that any of the layers speaks."""
    return frozenset({*layers.base.translations, *(locale for fill in layers.fills for locale in fill.translations)})


def _live(template: str) -> TemplateVersion | None:
    return TemplateVersion.objects.filter(pk__in=Template.objects.filter(key=template).values("live")).first()


def _on_its_own(version: TemplateVersion) -> Published:
    return Published(version.content_hash, version, frozenset(version.compiled.get("translations", ())))


def _texts(value: Any) -> Iterator[str]:
    """Every text in what JSON can say."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def _made(version: TemplateVersion, stands: bases.Standing) -> Published:
    made = over(below(stands), TEMPLATE.validate_python(version.document))
    # The template is named as well: of two that say the same, each can be had again.
    said = [version.content_hash, stands.base_version_id, stands.group_version_id, version.template_id]
    return Published(content_hash(said), version, locales(made), stands, made)


def _by_language(published: Published, variant: Variant) -> dict[str, tuple[Link, ...]]:
    """The links of each language, the template's own first: it counts from 1, and what only another one has goes on
    from there. A link is the same where it leads to the same place, for as many times as it does.
    """
    numbers, found = dict[tuple[str, int], int](), dict[str, tuple[Link, ...]]()
    for locale in ("", *sorted(published.locales)):
        times, made = Counter[str](), list[Link]()
        for link in publishing.links(published.sources(variant, locale).html):
            times[link.url] += 1
            made.append(link._replace(number=numbers.setdefault((link.url, times[link.url]), len(numbers) + 1)))
        found[locale] = tuple(made)
    return found


@lru_cache(maxsize=128)
def below(stands: bases.Standing) -> Layers:
    """Versions never change, so what they say is read once per process."""
    base = Base.load(bases.document(stands.base_version_id).compiled)
    digest = content_hash([stands.base_version_id, stands.group_version_id])
    if stands.group_version_id is None:
        return Layers(digest, base, ())
    said = LAYER.validate_python(bases.document(stands.group_version_id).document)
    return Layers(digest, base, (Fill.of("the group", said),))


@lru_cache(maxsize=256)
def _layered(layers: Layers, written: str, locale: str) -> Sources:
    variant, fills = Variant.model_validate_json(written), list(layers.fills)
    if variant.subject or variant.content:
        said = (variant.key, variant.subject or "", variant.content)
        fills.append(layering.of_variant(layers.base, fills, *said, locale))
    made = layering.resolve(layers.base, fills, locale)
    own = {name: value for name, value in variant.content.items() if name not in layers.base.slots}
    html = publishing.with_preheader(made.html, made.preheader)
    left_out = zip(made.left_out, made.left_out_of, strict=True)
    told = tuple((problem.field, whose, problem.message) for problem, whose in left_out)
    return Sources(made.subject, html, made.text, own | made.content, told)


def _alone(version: TemplateVersion, variant: Variant, locale: str) -> Sources:
    """What one language does not say, the next nearest does: `pt` for `pt-BR`, and then the template as it is."""
    known = version.compiled.get("translations", {})
    said = [known[each] for each in languages.chain(known, locale)]
    subject, html, text = (
        next((each[name] for each in said if each.get(name)), getattr(version, name))
        for name in ("subject", "html", "text")
    )
    return Sources(variant.subject or subject, html, text, dict(variant.content))


_LIVE = """
SELECT live.id, live.xmin::text, live.ctid::text
FROM campaigns_template template JOIN campaigns_templateversion live ON live.id = template.live_id
WHERE template.key = %s
"""
