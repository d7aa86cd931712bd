"""The checks before launch, asked of a campaign or a template: what is found in what its messages would say.

Reads    what is published of templates, Brand, the policy in force, Reached
Promise  the same content, brand and policy are told the same, whoever asks: what keeps a campaign from being published
         depends on no customer. What real people would get is looked at as well where there are some (`Audience`)

Rules stand in campaigns.linting; what a policy asks of them in campaigns.config.policy (`checks`, `checks_off`).
"""

from campaigns.inspection.asking import (
    Audience,
    Draft,
    Matter,
    addresses,
    asks_addresses,
    blocking,
    draft,
    drafted,
    look,
    matter,
    unfit,
)
from campaigns.inspection.surroundings import TEST, Around, around, weighing
from campaigns.inspection.telling import Told, as_data

__all__ = [
    "TEST", "Around", "Audience", "Draft", "Matter", "Told", "addresses", "around", "as_data", "asks_addresses",
    "blocking", "draft", "drafted", "look", "matter", "unfit", "weighing",
]  # fmt: skip
