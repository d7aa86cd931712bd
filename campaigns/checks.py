"""What keeps a configuration from being saved, published or carried on: one set of rules for every door.

Reads    Segment, Template, Brand, the policy in force
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from campaigns import audience, blueprints, channelled, content, editions, examination, inspection, policies, schedule
from campaigns.config import bans
from campaigns.config import policy as rules
from campaigns.config.campaign import CampaignConfig, RecurringTrigger, Step, Variant
from campaigns.config.gate import Invalid, Problem
from campaigns.config.policy import Policy
from campaigns.editions import Published
from campaigns.models import CampaignVersion, Template, TemplateVersion
from tenants import context, held

UNAPPROVED = Problem("", "it was published without the approval that the policy asks for", "policy")


def check(config: CampaignConfig, *, as_of: datetime, policy: Policy | None = None) -> list[Problem]:
    """Everything that keeps a configuration from being published, each with its field and cure.

    `policy` is the one in force, for a caller who has just read it.
    """
    with held.held():  # templates, brand and layers are asked of by several rules
        return _check(config, as_of, policy)


def _check(config: CampaignConfig, as_of: datetime, policy: Policy | None) -> list[Problem]:
    problems = [*_check_blueprint(config), *_check_audience(config, as_of)]
    for index, step in enumerate(config.steps):
        problems += _check_step(f"steps.{index}", step)
    problems += _check_trigger(config)
    if config.timing.mode != "now":
        problems.append(_inactive("timing.mode", f"mode {config.timing.mode}", "now"))
    policy = policy or policies.effective(context.current())
    problems += forbidden(config, policy)
    return problems or inspection.blocking(config, policy)


@dataclass(frozen=True)
class Around:
    """What a configuration is judged with: its templates by key, the address that mail is sent from, and the time
    zone.
    """

    templates: Mapping[str, Published]
    from_email: str
    zone: ZoneInfo


def forbidden(config: CampaignConfig, policy: Policy) -> list[Problem]:
    """Everything that the policy does not allow of a configuration, its templates and its sender as they are now."""
    keys = [step.template for step in config.steps]
    live = editions.live_of(keys, context.current())
    return breaches(config, policy, Around(live, content.brand().from_email, context.current().tzinfo))


def breaches(config: CampaignConfig, policy: Policy, around: Around) -> list[Problem]:
    """The same, of what is handed in: nothing is read."""
    found = bans.of_campaign(config, policy, zone=around.zone)
    for index, step in enumerate(config.steps):
        if published := around.templates.get(step.template):
            found += _in_step(index, content.breaches(published, policy, step.variants))
    sends_mail = any(step.channel == "email" for step in config.steps)
    return found + (sender_breaches(around.from_email, policy) if sends_mail else [])


def sender_breaches(from_email: str, policy: Policy) -> list[Problem]:
    return [Problem("brand.from_email", p.message, p.code) for p in bans.of_sender(from_email, policy)]


def draft_breaches(config: CampaignConfig) -> list[Problem]:
    """What the policy does not allow of a configuration itself: looked at whenever a draft is saved."""
    retailer = context.current()
    return bans.of_campaign(config, policies.effective(retailer), zone=retailer.tzinfo)


def stopped_by(version: CampaignVersion, policy: Policy | None = None) -> list[Problem]:
    """What the policy in force now does not allow of a published version: looked at before every batch.

    `policy` is for a caller who has just read it.
    """
    policy = policies.effective(context.current()) if policy is None else policy
    if policy == rules.OPEN and not version.parsed().is_transactional:  # which is denied unless it is allowed
        return []
    found = forbidden(version.parsed(), policy)
    if policy.approval and not version.approved_by:
        found.append(UNAPPROVED)
    return found


def unfit(version: CampaignVersion) -> list[Problem]:
    """What the checks before launch find in a published version as its templates stand now, that must be right."""
    return inspection.blocking(version.parsed(), policies.effective(context.current()))


def channel_of(version: TemplateVersion) -> str:
    """What a published version is for: before there were others, all were e-mails."""
    return str(version.document.get("channel", "email"))


def reason(problems: Iterable[Problem]) -> str:
    """Problems as one line for a run's page."""
    return "; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in problems)


def _in_step(index: int, problems: Iterable[Problem]) -> list[Problem]:
    return [Problem(f"steps.{index}.template", p.message, p.code) for p in problems]


def _check_blueprint(config: CampaignConfig) -> Iterator[Problem]:
    if config.blueprint and blueprints.get(config.blueprint, config.blueprint_version) is None:
        known = ", ".join(each.key for each in blueprints.catalogue())
        yield Problem("blueprint", f"there is no such blueprint or version; known: {known}", "unknown")


def _check_audience(config: CampaignConfig, as_of: datetime) -> list[Problem]:
    problems: list[Problem] = []
    for field, rule in (("audience.include", config.audience.include), ("audience.exclude", config.audience.exclude)):
        if rule is None:
            continue
        try:
            audience.compile_rule(rule, as_of=as_of)
            problems += [Problem(f"{field}.{p.field}", p.message, p.code) for p in audience.mistyped(rule)]
        except Invalid as invalid:
            problems += [Problem(f"{field}.{p.field}".rstrip("."), p.message, p.code) for p in invalid.problems]
    return problems


def _check_trigger(config: CampaignConfig) -> list[Problem]:
    if isinstance(config.trigger, RecurringTrigger):
        try:
            schedule.check_rule(config.trigger)
        except ValueError as error:
            return [Problem("trigger.rrule", str(error), "rrule")]
    return []


def _check_step(path: str, step: Step) -> list[Problem]:
    problems = _check_template(path, step)
    if step.when:
        problems.append(_inactive(f"{path}.when", "conditions on earlier steps", "a step without `when`"))
    if step.optimise and step.optimise.method != "fixed":
        problems.append(_inactive(f"{path}.optimise.method", f"method {step.optimise.method}", "fixed"))
    return problems


def _check_template(path: str, step: Step) -> list[Problem]:
    template = editions.row(step.template)
    if template is None:
        known = ", ".join(Template.objects.order_by("key").values_list("key", flat=True)[:20]) or "none yet"
        return [Problem(f"{path}.template", f"there is no template {step.template!r}; known: {known}", "unknown")]
    if template.live is None:
        return [Problem(f"{path}.template", f"template {step.template!r} is not published yet: publish it", "draft")]
    channel = channel_of(template.live)
    if channel != step.channel:
        cure = f"choose one for {step.channel}, or make it a step by {channel}"
        return [Problem(f"{path}.template", f"template {step.template!r} is for {channel}: {cure}", "channel")]
    if step.channel != "email":
        return _check_channelled(path, step, template.live)
    return _check_mail(path, step, template.live)


def _check_channelled(path: str, step: Step, live: TemplateVersion) -> list[Problem]:
    return [
        Problem(f"{path}.variants.{index}.{problem.field}", problem.message, problem.code)
        for index, variant in enumerate(step.variants)
        for problem in channelled.variant_problems(live.document, variant.subject or "", variant.content)
    ]


def _check_mail(path: str, step: Step, live: TemplateVersion) -> list[Problem]:
    try:
        published = editions.of_version(live, context.current())
    except editions.Unpublished as unpublished:
        return [Problem(f"{path}.template", str(unpublished), "draft")]
    return [
        problem
        for index, variant in enumerate(step.variants)
        for problem in _check_variant(f"{path}.variants.{index}", published, variant)
    ]


def _check_variant(path: str, published: Published, variant: Variant) -> Iterator[Problem]:
    """What a variant says must fit the slots of a base; and every language must be able to say it."""
    unfit = editions.unfit(published, variant)
    yield from (Problem(f"{path}.{p.field.replace('slots', 'content', 1)}", p.message, p.code) for p in unfit)
    for locale in () if unfit else ("", *sorted(published.locales)):
        said = published.sources(variant, locale)
        if not said.subject and not locale:
            yield Problem(f"{path}.subject", "neither variant nor template has one", "blank")
        sources = {part: getattr(said, part) for part in ("subject", "html", "text")}
        for problem in examination.mistakes(sources, [*said.content, *published.slots]):
            field = f"{path}.{'subject' if problem.field == 'subject' else 'content'}"
            yield Problem(field, problem.message, problem.code)


def _inactive(field: str, what: str, cure: str) -> Problem:
    return Problem(field, f"{what} cannot run yet: use {cure}", "not_active")
