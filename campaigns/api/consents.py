from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import consents, serializers
from campaigns.api.base import ListView, document
from campaigns.ingest import statements
from campaigns.models import Consent, Customer
from tenants import context
from tenants.accounts.models import Scope
from tenants.idempotency import once

_ONE_OR_MANY = PolymorphicProxySerializer(
    "ConsentOrConsents", [serializers.StatementSerializer, serializers.StatementRows], resource_type_field_name=None
)


class CustomerConsents(ListView):
    """What a customer agreed to and withdrew, each with its proof; `is_current` marks what holds."""

    serializer_class = serializers.ConsentSerializer
    filters = {"channel": "email, sms or push.", "topic": "A campaign's topic; proof of whole channels has none."}
    scopes = {"POST": Scope.INGEST}
    newest_first = True

    def get_queryset(self) -> QuerySet[Consent]:
        wanted = {name: value for name in self.filters if (value := self.given(name))}
        return self._customer().consents.filter(**wanted)

    @extend_schema(request=_ONE_OR_MANY, responses={201: serializers.ConsentsSerializer})
    @once
    def post(self, request: Request, external_id: str) -> Response:
        """Record one statement, or up to 100. One that is known already changes nothing."""
        given = document(request)
        now, zone = timezone.now(), context.current().tzinfo
        rows = serializers.statements(given) if "consents" in given else [given]
        said = consents.say(self._customer(), statements.read(rows, now=now, zone=zone), by=self.caller)
        return Response({"results": self.get_serializer(said, many=True).data}, status=201)

    def _customer(self) -> Customer:
        found: Any = get_object_or_404(Customer, external_id=self.kwargs["external_id"])
        return found
