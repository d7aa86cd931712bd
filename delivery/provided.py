"""Whether there is a provider for every channel of a campaign, and it can be reached, and whether its senders' domains
are as the policy asks: asked before anything starts.
"""

from __future__ import annotations

from django.utils import timezone

from campaigns import resolution
from campaigns.config.campaign import CampaignConfig
from campaigns.models import Campaign
from delivery import providers
from delivery.senders import gate
from tenants.models import Retailer


def check(campaign: Campaign, retailer: Retailer) -> None:
    """For the draft as it stands. Raises ChannelUnavailable of delivery.channels, and Invalid."""
    check_config(resolution.resolve(campaign.draft).config, retailer)


def check_config(config: CampaignConfig, retailer: Retailer) -> None:
    """Raises ChannelUnavailable of delivery.channels, and Invalid."""
    for name in dict.fromkeys(step.channel for step in config.steps):
        providers.channel(retailer, name).check()
    gate.check(config, now=timezone.now())
