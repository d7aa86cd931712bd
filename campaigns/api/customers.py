from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import ingest, serializers
from campaigns.api.base import ApiView, ListView, document, refusal
from campaigns.config.gate import Problem
from campaigns.models import Customer
from tenants import context
from tenants.accounts.models import Scope
from tenants.idempotency import once


class Customers(ListView):
    """Everybody this retailer knows."""

    serializer_class = serializers.CustomerSerializer
    filters = {"email": "The whole address.", "search": "Part of a name, an e-mail address or an external id."}

    def get_queryset(self) -> QuerySet[Customer]:
        found = Customer.objects.all()
        if email := self.given("email"):
            found = found.filter(email=email.strip().lower())
        if part := self.given("search"):
            fields = ("external_id", "email", "first_name", "last_name")
            found = found.filter(Q.create([(f"{field}__icontains", part) for field in fields], connector=Q.OR))
        return found


class CustomersInBulk(ApiView):
    scopes = {"POST": Scope.INGEST}

    @extend_schema(request=serializers.CustomerRows, responses=serializers.RowsSerializer)
    @once
    def post(self, request: Request) -> Response:
        """Create or update up to 1000 customers by `external_id`. Bad rows are named, good ones kept."""
        given = serializers.rows(request.data, "customers")
        return Response(serializers.row_results(_upsert(given)))


class CustomerDetail(ApiView):
    """One customer. Stages 3 and 4 know of the person too: `delivery.api` adds what erases one."""

    queryset = Customer.objects.all()
    serializer_class = serializers.CustomerSerializer
    lookup_field = "external_id"
    scopes = {"PATCH": Scope.INGEST}

    def get(self, request: Request, external_id: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    def patch(self, request: Request, external_id: str) -> Response:
        """Change the fields given. Attributes merge; null clears."""
        customer = self.get_object()
        changes = document(request)
        if changes.get("external_id", external_id) != external_id:
            raise refusal([Problem("external_id", f"a customer keeps it: {external_id!r}", "immutable")])
        [result] = _upsert([{**changes, "external_id": external_id}])
        if result.problems:
            raise refusal([Problem(p.field, p.message) for p in result.problems])
        customer.refresh_from_db()
        return Response(self.get_serializer(customer).data)


def _upsert(given: Sequence[Any]) -> list[ingest.RowResult]:
    return ingest.upsert_customers(given, now=timezone.now(), zone=context.current().tzinfo)
