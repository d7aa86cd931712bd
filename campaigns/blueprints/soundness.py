"""Whether a blueprint can be published as it stands: it names nothing that it does not bring along."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from campaigns import compiler, language, publishing, schedule
from campaigns.blueprints import starters
from campaigns.blueprints.shape import Blueprint, TemplateSeed
from campaigns.config.campaign import CampaignConfig, RecurringTrigger, Step
from campaigns.config.gate import Invalid, Problem, parse_campaign
from campaigns.config.rules import InSegment, Rule

_ITS_OWN = ("key", "name", "blueprint", "blueprint_version")
_ANY_TIME = datetime(2026, 1, 1, tzinfo=UTC)  # whether a rule compiles does not depend on it


def problems(blueprint: Blueprint) -> list[Problem]:
    """Everything wrong beyond the file's shape, each with its field and cure."""
    if named := [name for name in _ITS_OWN if name in blueprint.campaign]:
        return [Problem(f"campaign.{name}", "every campaign has its own: remove it", "not_here") for name in named]
    try:
        config = parse_campaign({"key": blueprint.key, "name": blueprint.name, **blueprint.campaign})
    except Invalid as invalid:
        return _within("campaign", invalid)
    return [
        *_doubled(blueprint),
        *_trigger_problems(config),
        *_audience_problems(blueprint, config),
        *_template_problems(blueprint, config),
    ]


def _doubled(blueprint: Blueprint) -> Iterator[Problem]:
    for name in ("segments", "templates"):
        keys = [seed.key for seed in getattr(blueprint, name)]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                yield Problem(f"{name}.{index}.key", f"{key!r} is here twice: each needs its own", "unique")


def _trigger_problems(config: CampaignConfig) -> Iterator[Problem]:
    if isinstance(config.trigger, RecurringTrigger):
        try:
            schedule.check_rule(config.trigger)
        except ValueError as error:
            yield Problem("campaign.trigger.rrule", str(error), "rrule")


def _audience_problems(blueprint: Blueprint, config: CampaignConfig) -> Iterator[Problem]:
    rules = {seed.key: seed.rule for seed in blueprint.segments}
    fields: dict[str, Rule | None] = {
        "campaign.audience.include": config.audience.include,
        "campaign.audience.exclude": config.audience.exclude,
    }
    fields |= {f"segments.{index}.rule": InSegment(segment=key) for index, key in enumerate(rules)}

    def segment(key: str) -> Rule:
        if key not in rules:
            raise Invalid([Problem("segment", f"there is no segment {key!r} here: list it under segments", "unknown")])
        return rules[key]

    for field, rule in fields.items():
        try:
            if rule is not None:
                compiler.compile_rule(rule, as_of=_ANY_TIME, segment=segment)
        except Invalid as invalid:
            yield from _within(field, invalid)


def _template_problems(blueprint: Blueprint, config: CampaignConfig) -> Iterator[Problem]:
    seeds = {seed.key: seed for seed in blueprint.templates}
    for index, seed in enumerate(blueprint.templates):
        found = starters.sources(blueprint.folder, seed.starter)
        if found is None:
            cure = f"put {seed.starter}.mjml or .html beside the blueprint, or name one that ships"
            yield Problem(f"templates.{index}.starter", f"there is no starter {seed.starter!r}: {cure}", "unknown")
            continue
        for problem in publishing.html(found.html, found.source_format)[1]:
            yield Problem(f"templates.{index}.starter", problem.message, problem.code)
    for index, step in enumerate(config.steps):
        if step.template in seeds:
            yield from _content_problems(f"campaign.steps.{index}", step, seeds[step.template], blueprint)
        else:
            message = f"there is no template {step.template!r} here: list it under templates"
            yield Problem(f"campaign.steps.{index}.template", message, "unknown")


def _content_problems(path: str, step: Step, seed: TemplateSeed, blueprint: Blueprint) -> Iterator[Problem]:
    """What its templates ask for and a variant does not give."""
    found = starters.sources(blueprint.folder, seed.starter)
    parts = (found.html, found.text) if found else ()
    for index, variant in enumerate(step.variants):
        subject = variant.subject or seed.subject
        for source in (subject, seed.preheader, *parts):
            for mistake in language.mistakes(source, content=variant.content):
                yield Problem(f"{path}.variants.{index}.content", mistake.message, "template")


def _within(field: str, invalid: Invalid) -> list[Problem]:
    return [Problem(f"{field}.{p.field}".rstrip("."), p.message, p.code) for p in invalid.problems]
