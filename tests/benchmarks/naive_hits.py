"""The way that comes to mind first: a view behind the whole stack, which saves a row with the ORM for each hit."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from delivery import signals
from delivery.identity import BadToken, Signer
from delivery.models import Message, Signal
from tenants import context


def hit(request: HttpRequest, token: str) -> HttpResponse:
    try:
        number = Signer(context.current(), "open").read(token)
    except BadToken:
        return HttpResponse(status=404)
    message = Message.objects.get(pk=number)
    now = timezone.now()
    Signal.objects.create(
        message=message,
        run_id=message.run_id,
        at=now,
        event_id=signals.event_id(signals.LINK, f"{number}/{now}"),
        kind=Signal.Kind.OPEN,
        source=signals.LINK,
        user_agent=request.headers.get("User-Agent", "")[:200],
    )
    return HttpResponse(b"GIF", content_type="image/gif")
