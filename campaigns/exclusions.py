"""Who of the candidates is left out, and for which one reason.

The order of PRECEDENCE decides: the first reason that holds is the one told. Each is a condition on a row of facts, so
that the run, the count before it and the explanation of one person ask the very same.

Reads    Facts, Consent, Arrival, Run, Member, the policy in force; Customer only for people who share an address
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from campaigns import arrivals, compiler, consents, policies
from campaigns.compiler import Sql
from campaigns.config.campaign import CampaignConfig, EventTrigger
from campaigns.config.policy import Policy
from campaigns.models import Member, Run
from tenants import context

PRECEDENCE = (
    Member.Reason.EXCLUDED_BY_RULE,
    Member.Reason.TOO_SOON,
    Member.Reason.SUPPRESSED,
    Member.Reason.NO_CONSENT,
    Member.Reason.NO_ADDRESS,
    Member.Reason.DUPLICATE_ADDRESS,
    Member.Reason.UNIVERSAL_HOLDOUT,
    Member.Reason.HOLDOUT,
    Member.Reason.CAPPED,
)


@dataclass(frozen=True)
class Address:
    """The columns that say whether a channel can reach somebody; `field` is the customer's own."""

    field: str
    has: str
    consent: str
    suppressed: str
    shares: str


_DEVICES = "SELECT FROM campaigns_device d WHERE d.customer_id = f.customer_id"
_SUPPRESSED_DEVICES = "SELECT s.address_hash FROM campaigns_suppression s WHERE s.channel = 'push'"
# The first step's channel decides who is in. A device is one customer's alone; somebody is suppressed on push when all
# their devices are. A webhook goes to the retailer's own system, which needs no consent to know its customers, and
# everybody has the address: their external id. (The platform's list of devices is looked at before the hand-over: no
# retailer's reader may read it.)
ADDRESSES = {
    "email": Address("email", "f.has_email", "f.consent_email", "f.suppressed_email", "f.shares_email"),
    "sms": Address("phone", "f.has_phone", "f.consent_sms", "f.suppressed_sms", "f.shares_phone"),
    "push": Address(
        "external_id",
        f"EXISTS ({_DEVICES})",
        "f.consent_push",
        f"(EXISTS ({_DEVICES}) AND NOT EXISTS ({_DEVICES} AND d.address_hash NOT IN ({_SUPPRESSED_DEVICES})))",
        "FALSE",
    ),
    "webhook": Address("external_id", "TRUE", "TRUE", "FALSE", "FALSE"),
}


@dataclass(frozen=True)
class Question:
    """Whose audience is asked for: the configuration, and its rules compiled.

    `among` is a query of the only candidates, where they are few; `capped` is the condition on `f` that somebody has
    had as many messages lately as the limits allow: the ledger is delivery's, so it says what that is. `policy` is the
    one in force, where it was just read.
    """

    config: CampaignConfig
    include: Sql
    exclude: Sql
    as_of: datetime
    run: Run | None = None
    among: Sql = compiler.EVERYBODY
    capped: Sql = compiler.NOBODY
    policy: Policy | None = None


def judged(question: Question, candidates: str) -> Sql:
    """SELECT customer_id, draw, reason for every candidate; an empty reason means included.

    `candidates` is the FROM clause that makes `f` and, where a rule asks for it, `c`. Of people who share an address,
    the first by customer id is kept whom nothing before in the order leaves out; only they are looked up in the wide
    table. A held-out person's address is held out with them: their double does not get the message instead.
    """
    address = ADDRESSES[question.config.steps[0].channel]
    early, late = case(before_doubles(question)), case(after_doubles(question))
    draw = draw_of(question.config)
    is_candidate = candidate(question)
    text = f"""
        WITH candidates AS MATERIALIZED (
            SELECT f.customer_id, f.seed, {address.shares} AS shares, {early.text} AS early
            {candidates} WHERE {is_candidate.text}
        ), doubles AS (
            SELECT customer_id FROM (
                SELECT f.customer_id, row_number() OVER (PARTITION BY c.{address.field} ORDER BY f.customer_id) AS nth
                FROM candidates f JOIN campaigns_customer c ON c.id = f.customer_id WHERE f.shares AND f.early = ''
            ) sharing WHERE nth > 1
        )
        SELECT f.customer_id, {draw.text} AS draw,
            CASE WHEN f.early <> '' THEN f.early
                 WHEN f.shares AND f.customer_id IN (SELECT customer_id FROM doubles)
                 THEN '{Member.Reason.DUPLICATE_ADDRESS}'
                 ELSE {late.text} END AS reason
        FROM candidates f
    """
    return Sql(text, (*early.params, *is_candidate.params, *draw.params, *late.params))


def candidate(question: Question) -> Sql:
    """Whether `f` is considered at all: the rule matches, and the run is of everybody or of this person."""
    if question.among is compiler.EVERYBODY:
        return Sql(f"({question.include.text}) IS TRUE", question.include.params)
    return Sql(
        f"({question.include.text}) AND f.customer_id IN ({question.among.text})",
        (*question.include.params, *question.among.params),
    )


def before_doubles(question: Question) -> list[tuple[Member.Reason, Sql]]:
    """The reasons that come before a shared address in the order, each with its condition on `f`."""
    config = question.config
    return [
        (Member.Reason.EXCLUDED_BY_RULE, Sql(f"({question.exclude.text}) IS TRUE", question.exclude.params)),
        (Member.Reason.TOO_SOON, too_soon(config, as_of=question.as_of, run=question.run)),
        *unreachable(config.steps[0].channel, config.topic),
    ]


def unreachable(channel: str, topic: str) -> list[tuple[Member.Reason, Sql]]:
    """Why somebody can get no message about a topic on a channel that has addresses, in the order of PRECEDENCE."""
    address, withdrawn = ADDRESSES[channel], consents.withdrawn_topic(channel, topic)
    return [
        (Member.Reason.SUPPRESSED, Sql(address.suppressed)),
        (Member.Reason.NO_CONSENT, Sql(f"(NOT {address.consent} OR {withdrawn.text})", withdrawn.params)),
        (Member.Reason.NO_ADDRESS, Sql(f"NOT {address.has}")),
    ]


def after_doubles(question: Question) -> list[tuple[Member.Reason, Sql]]:
    """The reasons that come after it."""
    config, policy = question.config, question.policy or policies.effective(context.current())
    return [
        (Member.Reason.UNIVERSAL_HOLDOUT, _below(policy.universal_holdout, universal_draw())),
        (Member.Reason.HOLDOUT, _below(config.audience.holdout, holdout_draw(config))),
        (Member.Reason.CAPPED, question.capped),
    ]


def draw_of(config: CampaignConfig) -> Sql:
    """The number that later picks a person's variant in this campaign."""
    return compiler.draw("f.seed", f"draw:{config.key}")


def holdout_draw(config: CampaignConfig) -> Sql:
    """The number that decides whether this campaign holds a person out: another than picks the variant."""
    return compiler.draw("f.seed", f"holdout:{config.key}")


def universal_draw() -> Sql:
    """The number that decides whether a retailer holds a person out of all its campaigns; no campaign's own."""
    return compiler.draw("f.seed", f"universal:{context.current().slug}")


def too_soon(config: CampaignConfig, *, as_of: datetime, run: Run | None) -> Sql:
    """Whether another run of the campaign, begun within its trigger's `once_per`, included `f`."""
    trigger = config.trigger
    if not isinstance(trigger, EventTrigger) or trigger.once_per is None:
        return compiler.NOBODY
    since = (run.started_at if run else as_of) - trigger.once_per
    return Sql(_REACHED, (config.key, config.key, arrivals.OCCURRENCE, run.pk if run else 0, since))


def _below(share: float, draw: Sql) -> Sql:
    return Sql(f"{draw.text} < %s", (*draw.params, share)) if share else compiler.NOBODY


def case(reasons: Iterable[tuple[Member.Reason, Sql]]) -> Sql:
    """The first of the reasons that holds, or an empty text."""
    given = [(reason, condition) for reason, condition in reasons if condition is not compiler.NOBODY]
    if not given:
        return Sql("''")
    lines = " ".join(f"WHEN {condition.text} THEN '{reason}'" for reason, condition in given)
    return Sql(f"CASE {lines} ELSE '' END", tuple(p for _, condition in given for p in condition.params))


# The other runs that had this person are found by the person's arrivals, or are the few that were started by hand.
_REACHED = """
    EXISTS (
        SELECT FROM (
            SELECT arrival.run_id FROM campaigns_arrival arrival
             WHERE arrival.customer_id = f.customer_id
               AND arrival.campaign_id = (SELECT id FROM campaigns_campaign WHERE key = %s)
            UNION ALL
            SELECT byhand.id FROM campaigns_run byhand
             WHERE byhand.campaign_id = (SELECT id FROM campaigns_campaign WHERE key = %s)
               AND NOT starts_with(byhand.occurrence, %s)
        ) other
        JOIN campaigns_run run ON run.id = other.run_id AND run.id <> %s AND run.started_at > %s
        JOIN campaigns_member member
          ON member.run_id = run.id AND member.customer_id = f.customer_id AND member.is_included
    )"""
