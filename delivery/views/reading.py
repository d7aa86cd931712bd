"""A message in a browser: the same once more, in a page that can do nothing."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from campaigns import content, inspection
from delivery import identity, previews
from delivery.models import Message
from delivery.views.preferences import bad_link, words_for
from tenants import addresses, context

# A copy without rights: no script, no form, and links open in a page of their own.
POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation; default-src 'none'; "
    "img-src https: data:; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"
)


@never_cache
@require_safe
def read(request: HttpRequest, token: str) -> HttpResponse:
    if token == inspection.TEST:
        return render(request, "public/test_link.html", {"brand": content.brand()})
    try:
        number = identity.Signer(context.current(), "view").read(token)
    except identity.BadToken:
        return bad_link(request)
    message = Message.objects.select_related("run__campaign", "run__version", "version").filter(pk=number).first()
    shown = _shown(message) if message else None
    if shown is None or shown.rendered is None:
        words = words_for(request, content.brand(), "")
        return render(request, "public/gone.html", {"brand": content.brand(), "words": words}, status=410)
    response = HttpResponse(shown.rendered.html)
    response["Content-Security-Policy"] = POLICY
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    return response


def _shown(message: Message) -> previews.Preview:
    retailer = context.current()
    tokens, base_url = identity.Signer(retailer).tokens(message.pk), addresses.links_url(retailer)
    ours = {
        "unsubscribe_url": f"{base_url}/u/{tokens.message}",
        "preferences_url": f"{base_url}/p/{tokens.message}",
        "view_url": f"{base_url}/v/{tokens.view}",
    }
    return previews.of_message(message, ours=ours, tokens=tokens)
