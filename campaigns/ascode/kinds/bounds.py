"""What a whole configuration that is asked for is judged by: the policy that will be in force once it is applied."""

from __future__ import annotations

from campaigns import policies, resolution
from campaigns.ascode.documents import Configuration, Document
from campaigns.config import bans
from campaigns.config import policy as rules
from campaigns.config.gate import Invalid, Problem
from campaigns.config.policy import Policy
from tenants import context


def policy_of(target: Configuration) -> Policy:
    """The bounds on the retailer's campaigns where `target` is the whole configuration."""
    own = policies.parse_policy(target.get("policy", {}).get("policy", {}))
    return rules.meet(policies.above(context.current()), own)


def whole(document: Document, target: Configuration) -> Document:
    """A draft with what lies below it filled in; as it is where that comes to no configuration."""
    try:
        return resolution.resolve(document, own_defaults=defaults_of(target)).document
    except Invalid:
        return document


def campaign_problems(document: Document, target: Configuration, policy: Policy) -> list[Problem]:
    """What keeps a draft from being saved under that policy."""
    try:
        config = resolution.resolve(document, own_defaults=defaults_of(target)).config
    except Invalid as invalid:
        return invalid.problems
    return bans.of_campaign(config, policy, zone=context.current().tzinfo)


def defaults_of(target: Configuration) -> Document:
    return target.get("defaults", {}).get("defaults", {})
