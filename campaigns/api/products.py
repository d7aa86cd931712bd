from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import ingest, serializers
from campaigns.api.base import ApiView, ListView, document, refusal
from campaigns.config.gate import Problem
from campaigns.models import Product
from tenants.accounts.models import Scope
from tenants.idempotency import once


class Products(ListView):
    """The retailer's catalog."""

    serializer_class = serializers.ProductSerializer
    filters = {
        "sku": "The whole sku.",
        "category": "The whole category.",
        "availability": "in_stock, out_of_stock, preorder or discontinued.",
        "search": "Part of a name or sku.",
    }

    def get_queryset(self) -> QuerySet[Product]:
        exact = ("sku", "category", "availability")
        found = Product.objects.filter(**{name: value for name in exact if (value := self.given(name))})
        if part := self.given("search"):
            found = found.filter(Q(name__icontains=part) | Q(sku__icontains=part))
        return found


class ProductsInBulk(ApiView):
    scopes = {"POST": Scope.INGEST}

    @extend_schema(request=serializers.ProductRows, responses=serializers.RowsSerializer)
    @once
    def post(self, request: Request) -> Response:
        """Create or update up to 1000 products by `sku`. Bad rows are named, good ones kept."""
        given = serializers.rows(request.data, "products")
        return Response(serializers.row_results(ingest.upsert_products(given, now=timezone.now())))


class ProductDetail(ApiView):
    queryset = Product.objects.all()
    serializer_class = serializers.ProductSerializer
    lookup_field = "sku"
    scopes = {"PATCH": Scope.INGEST, "DELETE": Scope.WRITE}

    def get(self, request: Request, sku: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    def patch(self, request: Request, sku: str) -> Response:
        """Change the fields given; null clears."""
        product = self.get_object()
        changes = document(request)
        if changes.get("sku", sku) != sku:
            raise refusal([Problem("sku", f"a product keeps it: {sku!r}", "immutable")])
        [result] = ingest.upsert_products([{**changes, "sku": sku}], now=timezone.now())
        if result.problems:
            raise refusal([Problem(p.field, p.message) for p in result.problems])
        product.refresh_from_db()
        return Response(self.get_serializer(product).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, sku: str) -> Response:
        """Take the product out of the catalog."""
        self.get_object().delete()
        return Response(status=204)
