"""The number of a draft as ETag, and If-Match: who changes a draft says which one was read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import APIException
from rest_framework.request import Request

from campaigns import history, serializers
from campaigns.models import Campaign

_NUMBER = re.compile(r'"([0-9]{1,9})"', re.ASCII)


class PreconditionFailed(APIException):
    """`members` are told beside the problem itself."""

    status_code = 412
    default_detail = "It was changed since you read it: read it again and repeat your change."
    default_code = "changed_meanwhile"

    def __init__(self, *, members: Mapping[str, Any]) -> None:
        super().__init__()
        self.members = members


def headers(number: int) -> dict[str, str]:
    return {"ETag": f'"{number}"'}


def check(request: Request, number: int) -> None:
    """Raises PreconditionFailed when an If-Match names other numbers only."""
    if _names_others(request, number):
        raise PreconditionFailed(members={})


def check_draft(request: Request, campaign: Campaign) -> None:
    """The same for a campaign's draft, telling what was changed of it since it was read."""
    if _names_others(request, campaign.draft_number):
        read = [int(number) for number in _NUMBER.findall(request.headers["If-Match"])]
        changed = history.since(campaign, max(read, default=campaign.draft_number))
        raise PreconditionFailed(members=serializers.meanwhile(changed.by, changed.changes))


def _names_others(request: Request, number: int) -> bool:
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return False
    return f'"{number}"' not in {tag.strip() for tag in given.split(",")}
