from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import content
from campaigns.api.base import ApiView, refusal
from campaigns.config.gate import Problem
from campaigns.models import Customer, Template
from delivery import previews
from delivery.previews import Preview
from delivery.serializers import PreviewSerializer, RenderedSerializer
from delivery.showing import panes, people, templates
from tenants.accounts.models import Scope
from tenants.idempotency import once


class TemplatePreview(ApiView):
    queryset = Template.objects.all()
    lookup_field = "key"
    scopes = {"POST": Scope.READ}

    @extend_schema(request=PreviewSerializer, responses=RenderedSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """The draft as a customer would read it, or as `data` says; without either, as a made-up person would."""
        template = self.get_object()
        given = PreviewSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        data = given.validated_data.get("data", {})
        if problems := content.check(template):
            raise refusal(problems)
        if external_id := given.validated_data.get("external_id"):
            customer = _customer(external_id)
        else:
            customer = people.made_up(data.get("customer", people.SAMPLE))
        customer = people.reading(customer, given.validated_data.get("locale", ""))
        preview = previews.of_template(template, customer, data.get("content", {}))
        if preview.problem:
            raise refusal([Problem("", preview.problem, "render")])
        told = {"locale": customer.locale, "differences": templates.differences(template, customer.locale)}
        return Response(RenderedSerializer(_parts(preview) | told).data)


def _parts(preview: Preview) -> dict[str, Any]:
    """Of any channel: what it has no part for is blank."""
    if preview.rendered:
        return {name: getattr(preview.rendered, name) for name in ("subject", "html", "text")}
    return {"subject": "", "html": "", "text": ""} | (panes.parts_of(preview.said) if preview.said else {})


def _customer(external_id: str) -> Customer:
    found = Customer.objects.filter(external_id=external_id).first()
    if found is None:
        raise refusal([Problem("external_id", f"customer {external_id!r} is unknown", "unknown")])
    return found
