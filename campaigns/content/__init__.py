"""Templates and brand: what messages say. Publishing checks a template and freezes it under a content hash."""

from campaigns.content.brands import brand, brand_as_of, first_sender, texting, voice
from campaigns.content.checking import check
from campaigns.content.freezing import freeze
from campaigns.content.policing import attached, breaches, check_policy, check_version
from campaigns.content.publication import publish
from campaigns.publishing import PREHEADER
from campaigns.publishing import text as plain_text

__all__ = [
    "PREHEADER",
    "attached",
    "brand",
    "brand_as_of",
    "breaches",
    "check",
    "check_policy",
    "check_version",
    "first_sender",
    "freeze",
    "plain_text",
    "publish",
    "texting",
    "voice",
]
