"""The host decides the retailer; an unknown host gets nothing."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseBase
from django.http.request import split_domain_port
from django.template.loader import render_to_string

from tenants import addresses, context
from tenants.models import Domain, Retailer


class RetailerMiddleware:
    """Puts the connection and the request into the retailer's schema, or into the platform's on BASE_DOMAIN itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with context.on_platform():
            return self._answer(request)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        try:
            host = split_domain_port(request.get_host())[0].lower().rstrip(".")
        except DisallowedHost:
            return HttpResponseBadRequest("The Host header is not a valid host name.", content_type="text/plain")
        if host == settings.BASE_DOMAIN:
            request.urlconf = settings.PUBLIC_SCHEMA_URLCONF
            return self.get_response(request)
        domain = Domain.objects.select_related("tenant").filter(domain=host).first()
        if domain is None or not addresses.serves(domain, request.path):
            return _refusal(404, "unknown_host", {"host": host, "base_domain": settings.BASE_DOMAIN})
        retailer: Retailer = domain.tenant
        if not retailer.is_active:
            return _refusal(503, "suspended", {"retailer": retailer})
        with context.in_retailer(retailer):
            return self.get_response(request)


def _refusal(status: int, page: str, context: dict[str, object]) -> HttpResponse:
    return HttpResponse(render_to_string(f"public/{page}.html", context), status=status)
