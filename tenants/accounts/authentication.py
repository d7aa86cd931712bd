"""Who calls the API: a key of this retailer, and what its scope allows. No sessions, no anonymous reads."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from tenants.accounts.models import ApiKey, Scope

if TYPE_CHECKING:  # importing it would go in a circle: it asks the settings for the classes below
    from rest_framework.views import APIView

KEYWORD = "Api-Key"
USE_NOTED_EVERY = timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key <key>`, looked up in the schema that the host selected."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey]:
        keyword, _, key = request.headers.get("Authorization", "").partition(" ")
        if keyword.lower() != KEYWORD.lower() or not key:
            raise AuthenticationFailed(
                f"Send the header 'Authorization: {KEYWORD} <key>'. Platform staff make keys with create_api_key."
            )
        try:
            found: ApiKey = ApiKey.objects.get_from_key(key.strip())  # type: ignore[assignment]
        except ApiKey.DoesNotExist:
            raise AuthenticationFailed("This key is unknown to this retailer or revoked: check key and host.") from None
        if found.has_expired:
            raise AuthenticationFailed("This key has expired: ask for a new one.")
        _note_use(found)
        return AnonymousUser(), found

    def authenticate_header(self, request: Request) -> str:
        return KEYWORD


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - USE_NOTED_EVERY)
    ApiKey.objects.filter(stale, pk=key.pk).update(last_used_at=now)


class HasScope(BasePermission):
    """A view names the scope its writes need (`required_scope`), or is refused them; reads need `read`, or more."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        key = request.auth
        if not isinstance(key, ApiKey):
            return False
        needed = getattr(view, "required_scope", None) or (Scope.READ if request.method in SAFE_METHODS else None)
        if needed is None or not Scope(key.scope).allows(needed):
            self.message = f"This key's scope is '{key.scope}'; this call needs '{needed or 'none offered'}'."
            return False
        return True


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": f"`{KEYWORD} <key>`"}
