"""The number of a draft as ETag, and If-Match: who changes a draft says which one was read."""

from __future__ import annotations

from rest_framework.exceptions import APIException
from rest_framework.request import Request


class PreconditionFailed(APIException):
    status_code = 412
    default_detail = "The draft was changed since you read it: read it again and repeat your change."
    default_code = "changed_meanwhile"


def headers(draft_number: int) -> dict[str, str]:
    return {"ETag": f'"{draft_number}"'}


def check(request: Request, draft_number: int) -> None:
    """Raises PreconditionFailed when an If-Match names other drafts only."""
    given = request.headers.get("If-Match")
    if given is None or given.strip() == "*":
        return
    if f'"{draft_number}"' not in {tag.strip() for tag in given.split(",")}:
        raise PreconditionFailed
