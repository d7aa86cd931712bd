"""Messages put together from what is published, and looked at."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

from django.utils import timezone

from campaigns import content, editions, examination, linting, reached
from campaigns.config.campaign import CampaignConfig, Step, Variant
from campaigns.config.check_names import CheckName, Severity
from campaigns.config.gate import Invalid, Problem
from campaigns.config.policy import Policy
from campaigns.editions import Published
from campaigns.examination import Asked, Called, Weights, looking
from campaigns.inspection import surroundings
from campaigns.inspection.surroundings import Around
from campaigns.inspection.telling import Told, merged
from campaigns.inspection.writing import Written, written_by
from campaigns.linting import Finding, Lack, Sample
from campaigns.models import Template
from campaigns.reached import Answer
from tenants import context
from tenants.models import SourceFormat

_ASKING = frozenset({"image_weight", "broken_links"})  # checks that ask what addresses answered


class Examiner(Protocol):
    """Who looks at a message: `examination` apart, within bounds; `examination.looking` in this process."""

    def findings(self, asked: Asked, weights: Weights) -> list[Finding]: ...

    def called(self, asked: Asked) -> Called: ...

    def __hash__(self) -> int: ...


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
    """Everything found in a campaign's messages. Raises Invalid for a template that takes too much to look at."""
    way = Way(surroundings.weighing(policy) if weights is None else weights, audience)
    told = (
        told
        for index, step in enumerate(matter.config.steps)
        if step.template in matter.live
        for told in of_step(index, step, matter.live[step.template], matter.seen, way)
    )
    return merged(told)


def blocking(config: CampaignConfig, policy: Policy) -> list[Problem]:
    """What keeps a campaign from being published and from starting: each finding that is an error, with its cure."""
    found = matter(config)
    try:
        return [told.problem() for told in look(found, policy, weights=_errors(policy))]
    except Invalid as too_much:
        return too_much.problems


def unfit(step: Step, template: Published, seen: Around, policy: Policy) -> list[Problem]:
    """The same of one step, whose template was just read: looked at before every batch, in the worker's process."""
    return [told.problem() for told in merged(of_step(0, step, template, seen, Way(_errors(policy), by=looking)))]


@dataclass(frozen=True)
class Audience:
    """Whom a message is for: `rendered` gives what some of them would get of sources and the values of `content.*`,
    the HTML with the places of what was written; `lacks` what all of them lack of what sources print.
    """

    rendered: Callable[[Mapping[str, str], Mapping[str, Any]], Sequence[Mapping[str, str]]]
    lacks: Callable[[Mapping[str, str]], Sequence[Lack]]


@dataclass(frozen=True)
class Way:
    """How messages are looked at: what each check weighs, whom they are for, and by whom."""

    weights: Weights
    audience: Audience | None = None
    by: Examiner = examination


def of_step(index: int, step: Step, template: Published, seen: Around, way: Way) -> Iterator[Told]:
    """What is found in a step's messages, in each of its languages; without an audience made-up people are asked.

    Raises Invalid, with the step's template as the field, where that takes too much.
    """
    for place, variant in enumerate(step.variants):
        for written in written_by(template, step.channel, variant):
            try:
                found = _found(written, seen, way)
            except Invalid as too_much:
                raise Invalid([_of_template(index, step, problem) for problem in too_much.problems]) from None
            for each in found if _is_own(template) else map(_without_place, found):
                path = _path(f"steps.{index}", place, variant, each.field)
                yield Told(each, path, step.key, (variant.key,), step.template)


def _of_template(index: int, step: Step, problem: Problem) -> Problem:
    return Problem(f"steps.{index}.template", f"template {step.template}: {problem.message}", problem.code)


def _found(written: Written, seen: Around, way: Way) -> Sequence[Finding]:
    answers = _answers(written, seen, way.by) if _ASKING & way.weights.keys() else ()
    if way.audience:
        asked = _asked(written, seen, way.audience.rendered(written.sources(), written.values()))
        sample = replace(asked.sample, lacks=way.audience.lacks(written.sources()), **_told(answers))
        with suppress(Invalid):  # as so many people get it, it may be too much
            return way.by.findings(replace(asked, sample=sample), way.weights)
    return _looked(written, seen, tuple(way.weights.items()), answers, way.by)


def asks_addresses(policy: Policy) -> bool:
    """Whether what addresses answer can keep a campaign from being published."""
    return bool(_ASKING & _errors(policy).keys())


def addresses(matter: Matter) -> tuple[set[str], set[str]]:
    """Of the images and links in a campaign's messages, those that are the same for everybody. Raises Invalid."""
    images, links = set[str](), set[str]()
    for step in matter.config.steps:
        for variant in step.variants if step.template in matter.live else ():
            for written in written_by(matter.live[step.template], step.channel, variant):
                pictures, pages = _called(written, matter.seen, examination)
                images |= pictures
                links |= pages
    return images, links


@lru_cache(maxsize=512)
def _called(written: Written, seen: Around, by: Examiner) -> Called:
    if written.channel != "email":
        return frozenset(), frozenset()
    images, links = by.called(_asked(written, seen))
    return images - seen.samples, links - seen.samples


def _answers(written: Written, seen: Around, by: Examiner) -> tuple[Answer, ...]:
    images, links = _called(written, seen, by)
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

    Not looked at are disclaimers, which hang on a campaign's topic. Raises Invalid where it takes too much.
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
    asked = replace(_asked(written, seen, rendered), marked=draft.marked)
    weights = dict(surroundings.weighing(policy))
    weights.pop("disclaimers", None)
    images, links = examination.called(asked)
    answers = reached.known(images | links, now=timezone.now()) if images or links else ()
    sample = replace(asked.sample, content={}, **_told(answers))
    found = examination.findings(replace(asked, sample=sample), weights)
    return found if draft.is_own else [_without_place(each) for each in found]


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
    written: Written,
    seen: Around,
    weights: tuple[tuple[CheckName, Severity], ...],
    answers: tuple[Answer, ...],
    by: Examiner,
) -> tuple[Finding, ...]:
    """Once per content, brand, policy and what its addresses answered, for as long as the process remembers."""
    asked = _asked(written, seen)
    return tuple(by.findings(replace(asked, sample=replace(asked.sample, **_told(answers))), dict(weights)))


def _asked(written: Written, seen: Around, rendered: Sequence[Mapping[str, str]] = ()) -> Asked:
    """A message, to be looked at as these people would get it, or as made-up ones."""
    values = written.values()
    sample = Sample(
        channel=written.channel,
        subject=written.subject,
        html=written.html,
        text=written.text,
        preheader=written.preheader,
        rendered=rendered,
        content={name: value for name, value in values.items() if isinstance(value, str)},
        voice=seen.voice,
        topic=seen.topic,
        postal_address=dict(seen.brand).get("postal_address", ""),
        ours=seen.links,
        left_out=written.left_out,
    )
    return Asked(sample, {**seen.context(), "content": values})


def _path(step: str, place: int, variant: Variant, part: str) -> str:
    if part.startswith("content.") or (part == "subject" and variant.subject):
        return f"{step}.variants.{place}.{part}"
    return f"{step}.template"
