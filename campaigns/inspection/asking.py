"""Messages put together from what is published, and looked at."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from django.utils import timezone

from campaigns import channelled, content, editions, linting, reached, sms
from campaigns.config.campaign import CampaignConfig, Step, Variant
from campaigns.config.check_names import CheckName, Severity
from campaigns.config.gate import Problem
from campaigns.config.policy import Policy
from campaigns.editions import Published
from campaigns.inspection import people, surroundings
from campaigns.inspection.surroundings import Around
from campaigns.inspection.telling import Told, merged
from campaigns.linting import Finding, Lack, Sample
from campaigns.models import Template
from campaigns.reached import Answer
from tenants import context
from tenants.models import SourceFormat

Weights = Mapping[CheckName, Severity]
_ASKING = frozenset({"image_weight", "broken_links"})  # checks that ask what addresses answered


@dataclass(frozen=True)
class Written:
    """The sources of one message, and the values of its `content.*` as JSON, so that it can be compared."""

    channel: str
    subject: str = ""
    preheader: str = ""
    html: str = ""
    text: str = ""
    content: str = "{}"
    left_out: tuple[tuple[str, str, str], ...] = ()

    def values(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.content)
        return found

    def sources(self) -> dict[str, str]:
        return {"subject": self.subject, "html": self.html, "text": self.text}

    def marked(self) -> dict[str, str]:
        """The same, with the places of the HTML in it."""
        return self.sources() | {"html": linting.marked(self.html)}


@dataclass(frozen=True)
class Matter:
    """A campaign, with what was read to look at it: the published templates by key, and what is around them."""

    config: CampaignConfig
    seen: Around
    live: Mapping[str, Published]

    def sources(self) -> list[str]:
        """Everything that its messages are made of."""
        written = (
            each
            for step in self.config.steps
            if step.template in self.live
            for variant in step.variants
            for each in written_by(self.live[step.template], step.channel, variant)
        )
        return list(dict.fromkeys(source for each in written for source in each.sources().values()))


def matter(config: CampaignConfig) -> Matter:
    """Read now. Raises Invalid for a brand whose voice cannot be read."""
    live = editions.live_of({step.template for step in config.steps}, context.current())
    return Matter(config, surroundings.around(config.key, config.name, config.topic), live)


def look(
    matter: Matter, policy: Policy, *, weights: Weights | None = None, audience: Audience | None = None
) -> list[Told]:
    """Everything found in a campaign's messages."""
    chosen = surroundings.weighing(policy) if weights is None else weights
    told = (
        told
        for index, step in enumerate(matter.config.steps)
        if step.template in matter.live
        for told in of_step(index, step, matter.live[step.template], matter.seen, chosen, audience)
    )
    return merged(told)


def blocking(config: CampaignConfig, policy: Policy) -> list[Problem]:
    """What keeps a campaign from being published and from starting: each finding that is an error, with its cure."""
    return [told.problem() for told in look(matter(config), policy, weights=_errors(policy))]


def unfit(step: Step, template: Published, seen: Around, policy: Policy) -> list[Problem]:
    """The same of one step, whose template was just read: looked at before every batch."""
    return [told.problem() for told in merged(of_step(0, step, template, seen, _errors(policy)))]


@dataclass(frozen=True)
class Audience:
    """Whom a message is for: `rendered` gives what some of them would get of marked sources and the values of
    `content.*`; `lacks` what all of them lack of what sources print.
    """

    rendered: Callable[[Mapping[str, str], Mapping[str, Any]], Sequence[Mapping[str, str]]]
    lacks: Callable[[Mapping[str, str]], Sequence[Lack]]


def of_step(
    index: int, step: Step, template: Published, seen: Around, weights: Weights, audience: Audience | None = None
) -> Iterator[Told]:
    """What is found in a step's messages, in each of its languages; without an audience made-up people are asked."""
    for place, variant in enumerate(step.variants):
        for written in written_by(template, step.channel, variant):
            found = _found(written, seen, weights, audience)
            for each in found if _is_own(template) else map(_without_place, found):
                path = _path(f"steps.{index}", place, variant, each.field)
                yield Told(each, path, step.key, (variant.key,), step.template)


def _found(written: Written, seen: Around, weights: Weights, audience: Audience | None) -> Sequence[Finding]:
    answers = _answers(written, seen) if _ASKING & weights.keys() else ()
    if audience is None:
        return _looked(written, seen, tuple(weights.items()), answers)
    shown = audience.rendered(written.marked(), written.values()) or _made_up(written.marked(), written, seen)
    sample = replace(_sample(written, seen, shown), lacks=audience.lacks(written.sources()), **_told(answers))
    return linting.look(sample, weights)


def addresses(matter: Matter) -> tuple[set[str], set[str]]:
    """Of the images and of the links in a campaign's messages, those that are the same for everybody."""
    images, links = set[str](), set[str]()
    for step in matter.config.steps:
        for variant in step.variants if step.template in matter.live else ():
            for written in written_by(matter.live[step.template], step.channel, variant):
                pictures, pages = _called(written, matter.seen)
                images |= pictures
                links |= pages
    return images, links


@lru_cache(maxsize=512)
def _called(written: Written, seen: Around) -> tuple[frozenset[str], frozenset[str]]:
    if written.channel != "email":
        return frozenset(), frozenset()
    images, links = linting.called(_sample(written, seen, _made_up(written.marked(), written, seen)))
    return images - seen.samples, links - seen.samples


def _answers(written: Written, seen: Around) -> tuple[Answer, ...]:
    images, links = _called(written, seen)
    return reached.known(images | links, now=timezone.now()) if images or links else ()


def _told(answers: Iterable[Answer]) -> dict[str, Any]:
    """What a sample knows of them."""
    return {
        "image_bytes": {each.url: each.size for each in answers if each.size is not None},
        "unreachable": {each.url: each.problem for each in answers if each.problem},
        "unanswered": frozenset(each.url for each in answers if not each.is_known),
    }


@dataclass(frozen=True)
class Draft:
    """A template as it stands in the form, ready to be rendered: `marked` are its sources as they would be published,
    with the places of what was written in the HTML where that is what is edited (`is_own`).
    """

    template: Template
    marked: Mapping[str, str]
    values: Mapping[str, Any]
    is_own: bool
    left_out: tuple[tuple[str, str, str], ...] = ()


def draft(template: Template, texts: Mapping[str, Any]) -> Draft:
    """Of a template without problems; `texts` are what a campaign might say. Raises editions.Unpublished."""
    is_own = not template.base and template.source_format == SourceFormat.HTML
    said = _published(template, linting.marked(template.html) if is_own else template.html)
    if is_own and not said.html:  # with its marks it became too long
        said = _published(template, template.html)
    sources = {"subject": said.subject, "html": said.html, "text": said.text}
    return Draft(template, sources, {**texts, **said.content}, is_own, said.left_out)


def drafted(draft: Draft, policy: Policy, rendered: Sequence[Mapping[str, str]]) -> list[Finding]:
    """What is found in it; `rendered` is what people would get of its marked sources, made-up ones where that is none.

    Not looked at are disclaimers, which hang on a campaign's topic.
    """
    template, seen = draft.template, surroundings.around("preview", "Preview", "")
    html = template.html if draft.is_own else linting.unmarked(draft.marked["html"])
    said = json.dumps(dict(draft.values))
    written = Written(
        template.channel,
        draft.marked["subject"],
        template.preheader,
        html,
        template.text or "",
        content=said,
        left_out=draft.left_out,
    )
    sample = _sample(written, seen, rendered or _made_up(draft.marked, written, seen))
    weights = dict(surroundings.weighing(policy))
    weights.pop("disclaimers", None)
    images, links = linting.called(sample)
    answers = reached.known(images | links, now=timezone.now()) if images or links else ()
    found = linting.look(replace(sample, content={}, **_told(answers)), weights)
    return found if draft.is_own else [_without_place(each) for each in found]


def written_by(template: Published, channel: str, variant: Variant) -> Iterator[Written]:
    """What a variant says by a published template, in each language."""
    values = json.dumps(dict(variant.content))
    if channel in channelled.CHANNELS:
        document = {"channel": channel, **template.version.document}
        for locale in ("", *sorted(document.get("translations") or {})):
            said = channelled.in_language(document, locale)
            yield Written(channel, variant.subject or said.subject, text=said.text, content=values)
        return
    for locale in ("", *sorted(template.locales)):
        sources = template.sources(variant, locale)
        values = json.dumps(dict(sources.content))
        yield Written(channel, sources.subject, "", sources.html, sources.text, values, sources.left_out)


def _published(template: Template, html: str) -> editions.Sources:
    shown = copy.copy(template)
    shown.html = html
    return editions.of_version(content.freeze(shown), context.current()).sources()


def _is_own(template: Published) -> bool:
    """Whether its HTML is what somebody wrote, line by line."""
    return template.layers is None and template.version.document.get("source_format") != SourceFormat.MJML


def _without_place(finding: Finding) -> Finding:
    """Of what is made of layers or MJML, the line of the HTML is not one that somebody wrote."""
    return replace(finding, line=None, column=None) if finding.field == "html" else finding


def _errors(policy: Policy) -> Weights:
    return {name: weight for name, weight in surroundings.weighing(policy).items() if weight == "error"}


@lru_cache(maxsize=512)
def _looked(
    written: Written, seen: Around, weights: tuple[tuple[CheckName, Severity], ...], answers: tuple[Answer, ...]
) -> tuple[Finding, ...]:
    """Once per content, brand, policy and what its addresses answered, for as long as the process remembers."""
    sample = _sample(written, seen, _made_up(written.marked(), written, seen))
    return tuple(linting.look(replace(sample, **_told(answers)), dict(weights)))


def _made_up(marked: Mapping[str, str], written: Written, seen: Around) -> list[dict[str, str]]:
    return people.rendered(marked, {**seen.context(), "content": written.values()})


def _sample(written: Written, seen: Around, rendered: Sequence[Mapping[str, str]]) -> Sample:
    texts = [each["text"] for each in rendered] or [written.text]
    return Sample(
        channel=written.channel,
        subject=written.subject,
        html=written.html,
        text=written.text,
        preheader=written.preheader,
        rendered=rendered,
        content={name: value for name, value in written.values().items() if isinstance(value, str)},
        voice=seen.voice,
        topic=seen.topic,
        postal_address=dict(seen.brand).get("postal_address", ""),
        ours=seen.links,
        left_out=written.left_out,
        segments=max(sms.measure(text).segments for text in texts) if written.channel == "sms" else None,
    )


def _path(step: str, place: int, variant: Variant, part: str) -> str:
    if part.startswith("content.") or (part == "subject" and variant.subject):
        return f"{step}.variants.{place}.{part}"
    return f"{step}.template"
