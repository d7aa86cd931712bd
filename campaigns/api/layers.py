"""What the retailer itself says for all its campaigns: policy, which it may only tighten, and defaults."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import policies, resolution, serializers
from campaigns.api import etags
from campaigns.api.base import ApiView, document
from campaigns.config import layers
from campaigns.config.gate import dump
from campaigns.config.layers import Defaults
from campaigns.config.policy import Policy
from tenants import context
from tenants.accounts.models import Scope


class PolicyView(ApiView):
    scopes = {"PUT": Scope.FULL}

    @extend_schema(operation_id="policy_retrieve", responses=serializers.PolicySerializer)
    def get(self, request: Request) -> Response:
        """What bounds every campaign now, and who says so."""
        retailer = context.current()
        own = policies.layer_of(retailer)
        told = {
            "effective": dump(policies.effective(retailer)),
            "sources": serializers.bounds(policies.sources(retailer)),
            "own": own.policy,
            "number": own.number,
        }
        return Response(told, headers=etags.headers(own.number))

    @extend_schema(operation_id="policy_update", request=Policy, responses=serializers.PolicySerializer)
    def put(self, request: Request) -> Response:
        """Replace what the retailer itself says. It can only tighten what stands above it."""
        retailer = context.current()
        number = policies.layer_of(retailer).number
        etags.check(request, number)
        policies.save(retailer, policy=document(request), number=number)
        return self.get(request)


class DefaultsView(ApiView):
    scopes = {"PUT": Scope.FULL}

    @extend_schema(operation_id="defaults_retrieve", responses=serializers.DefaultsSerializer)
    def get(self, request: Request) -> Response:
        """What fills in the fields that a campaign leaves out, and who says so. Blueprints come in between."""
        own = policies.layer_of(context.current())
        merged = layers.merge(resolution.below({}))
        told = {
            "effective": layers.unflatten(merged.values),
            "sources": dict(merged.sources),
            "own": own.defaults,
            "number": own.number,
        }
        return Response(told, headers=etags.headers(own.number))

    @extend_schema(operation_id="defaults_update", request=Defaults, responses=serializers.DefaultsSerializer)
    def put(self, request: Request) -> Response:
        """Replace what the retailer itself says. Published versions stay as they are."""
        retailer = context.current()
        number = policies.layer_of(retailer).number
        etags.check(request, number)
        policies.save(retailer, defaults=document(request), number=number)
        return self.get(request)
