"""POST at most once: the same `Idempotency-Key` from the same API key is answered from memory.

The answer is stored in the transaction of the write itself, so there is never one without the other. A call that
fails changes nothing and leaves no memory: it may be repeated, corrected, under the same key. What an answer tells but
once, a secret, is remembered sealed: a view names such fields in `told_once`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, cast

from django.db import connection, transaction
from django.db.models.functions import Now
from rest_framework.exceptions import APIException, ErrorDetail, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import context, sealing
from tenants.accounts.models import ApiKey, IdempotencyKey

HEADER, REPLAYED = "Idempotency-Key", "Idempotent-Replay"
KEPT_FOR = timedelta(hours=48)
_KEPT_HEADERS = ("ETag", "Location")
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")
_PURPOSE, _SEALED = "idempotency", "sealed"
_PURGE = 10  # expired answers removed by each new one: the table stops growing after two days


class InFlight(APIException):
    status_code = 409
    default_detail = "A call with this Idempotency-Key is still at work: repeat this one a little later."
    default_code = "in_flight"


class KeyReused(APIException):
    status_code = 422
    default_detail = "This Idempotency-Key came with another path or body before: each call needs its own."
    default_code = "key_reused"


def once(post: Callable[..., Response]) -> Callable[..., Response]:
    """Wraps a view's `post`, which authentication and permissions have let through."""

    @wraps(post)
    def post_once(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = key_of(request)
        if key is None:
            return post(view, request, *args, **kwargs)
        api_key = cast(ApiKey, request.auth)
        fingerprint, told_once = _fingerprint(request), getattr(view, "told_once", ())
        with transaction.atomic():
            answered = _recall(api_key, key)
            if answered:
                return _replay(answered, fingerprint, told_once=told_once)
            response = post(view, request, *args, **kwargs)
            _remember(api_key, key, fingerprint, response, told_once=told_once)
        return response

    post_once.is_idempotent = True  # type: ignore[attr-defined]
    return post_once


def naming(*, identities: Sequence[str], patterns: Sequence[str], since: datetime | None = None) -> list[int]:
    """The stored answers that name somebody: an identity as a whole value, a pattern of Postgres anywhere in one.

    Reads every answer, or those that were begun `since` then. Belongs before locks that others wait for.
    """
    wanted = [re.escape(json.dumps(each, ensure_ascii=False)) for each in identities] + list(patterns)
    young = IdempotencyKey.objects.filter(created_at__gte=since) if since else IdempotencyKey.objects.all()
    return list(young.filter(body__iregex="|".join(wanted)).values_list("pk", flat=True)) if wanted else []


def forget(answers: Sequence[int]) -> int:
    """Blank these. The calls stay known: sent again, they are not carried out, and answered by their status alone."""
    return IdempotencyKey.objects.filter(pk__in=answers).update(body="")


def key_of(request: Request) -> str | None:
    """The Idempotency-Key sent with a call, if any. Raises ValidationError."""
    key = request.headers.get(HEADER)
    if key is not None and not _VISIBLE_ASCII.fullmatch(key):
        message = "must be 1 to 255 visible ASCII characters, such as a UUID"
        raise ValidationError({HEADER: [ErrorDetail(message, code="invalid")]})
    return key


def _fingerprint(request: Request) -> str:
    body = json.dumps(request.data, sort_keys=True, separators=(",", ":"), default=_file)
    return hashlib.sha256(f"{request.method} {request.get_full_path()}\n{body}".encode()).hexdigest()


def _file(upload: Any) -> str:
    """A file is known by its name and its bytes."""
    digest = hashlib.sha256()
    for piece in upload.chunks():
        digest.update(piece)
    upload.seek(0)
    return f"{upload.name} {digest.hexdigest()}"


def _recall(api_key: ApiKey, key: str) -> IdempotencyKey | None:
    """The answer given before. Raises InFlight while another call with this key is at work."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(concat_ws(' ', current_schema(), %s, %s), 0))",
            [api_key.pk, key],
        )
        if not cursor.fetchone()[0]:
            raise InFlight
    return IdempotencyKey.objects.filter(api_key=api_key, key=key).first()


def _replay(answered: IdempotencyKey, fingerprint: str, *, told_once: Collection[str]) -> Response:
    if answered.fingerprint != fingerprint:
        raise KeyReused
    body = json.loads(answered.body) if answered.body else None
    return Response(_opened(body, told_once), status=answered.status, headers={**answered.headers, REPLAYED: "true"})


def _remember(api_key: ApiKey, key: str, fingerprint: str, response: Response, *, told_once: Collection[str]) -> None:
    IdempotencyKey.objects.create(
        api_key=api_key,
        key=key,
        fingerprint=fingerprint,
        status=response.status_code,
        headers={name: response[name] for name in _KEPT_HEADERS if name in response},
        body=JSONRenderer().render(_sealed(response.data, told_once)).decode(),
    )
    expired = IdempotencyKey.objects.filter(created_at__lt=Now() - KEPT_FOR).select_for_update(skip_locked=True)
    IdempotencyKey.objects.filter(pk__in=list(expired.values_list("pk", flat=True)[:_PURGE])).delete()


def _sealed(told: Any, names: Collection[str]) -> Any:
    """An answer with these of its fields sealed."""
    if not isinstance(told, Mapping):
        return told
    found = {name: {name: told[name]} for name in names if told.get(name) is not None}
    return {**told, **{name: {_SEALED: sealing.seal(context.current(), _PURPOSE, it)} for name, it in found.items()}}


def _opened(kept: Any, names: Collection[str]) -> Any:
    """An answer as it was told; without what was sealed under a SECRET_KEY that is gone."""
    if not isinstance(kept, dict):
        return kept
    return {name: _open(name, value) if name in names else value for name, value in kept.items()}


def _open(name: str, value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    try:
        return sealing.unseal(context.current(), _PURPOSE, value[_SEALED])[name]
    except sealing.CannotUnseal:
        return None
