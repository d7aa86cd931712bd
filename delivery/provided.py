"""Whether there is a provider for every channel of a campaign, and it can be reached, and whether its senders' domains
are as the policy asks: asked before anything starts. And what the addresses in its messages answer, where that can keep
it from being published: whoever comes by a door that made no pre-flight is held to the same.
"""

from __future__ import annotations

from django.utils import timezone

from campaigns import inspection, policies, resolution
from campaigns.config.campaign import CampaignConfig
from campaigns.models import Campaign
from delivery import providers, reaching
from delivery.senders import gate
from tenants.models import Retailer


def check(campaign: Campaign, retailer: Retailer) -> None:
    """For the draft as it stands, its addresses called as well. Raises ChannelUnavailable of delivery.channels, and
    Invalid.
    """
    config = resolution.resolve(campaign.draft).config
    check_config(config, retailer)
    _call(config, retailer)


def call(campaign: Campaign, retailer: Retailer) -> None:
    """Put down what the addresses in the draft's messages answer, where the policy in force makes a check of it that
    must be right; those of which it is known are not called again. Not for within a transaction: it may take seconds.

    Raises Invalid.
    """
    _call(resolution.resolve(campaign.draft).config, retailer)


def _call(config: CampaignConfig, retailer: Retailer) -> None:
    if inspection.asks_addresses(policies.effective(retailer)):
        reaching.look_up(*inspection.addresses(inspection.matter(config)), now=timezone.now())


def check_config(config: CampaignConfig, retailer: Retailer) -> None:
    """Raises ChannelUnavailable of delivery.channels, and Invalid."""
    for name in dict.fromkeys(step.channel for step in config.steps):
        providers.channel(retailer, name).check()
    gate.check(config, now=timezone.now())
