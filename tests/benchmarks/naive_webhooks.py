"""The way that comes to mind first: each event of a post is looked up and saved with the ORM before it is answered."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from delivery import identity, signals
from delivery.channels.signals import SignalKind, WebhookRequest
from delivery.models import Message, Provider, Signal
from delivery.providers import opened
from tenants import context


@csrf_exempt
def posted(request: HttpRequest, key: str) -> HttpResponse:
    retailer = context.current()
    headers = {name.lower(): value for name, value in request.headers.items()}
    came = WebhookRequest(request.body, headers, request.build_absolute_uri())
    channel = opened.fresh(retailer, Provider.objects.get(key=key))
    channel.verify(came)
    for told in channel.parse(came):
        message = Message.objects.get(pk=identity.message_id(retailer, told.key) or 0)
        _, is_new = Signal.objects.get_or_create(
            event_id=signals.event_id(key, told.event_id),
            defaults={
                "message": message,
                "run_id": message.run_id,
                "at": told.at or timezone.now(),
                "kind": str(told.kind),
                "source": key,
                "is_hard": told.is_hard,
            },
        )
        if is_new and message.state != Message.State.BOUNCED:
            message.state = "bounced" if told.kind == SignalKind.BOUNCE else "delivered"
            message.save(update_fields=["state"])
    return HttpResponse()
