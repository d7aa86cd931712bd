from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import editing, reach, serializers
from campaigns.api.base import ApiView, ListView, document, keyed
from campaigns.config.gate import Invalid, parse_rule
from campaigns.config.rules import Rule
from campaigns.models import Segment
from tenants.accounts.models import Scope
from tenants.idempotency import once


class Segments(ListView):
    """Named audience rules."""

    queryset = Segment.objects.all()
    serializer_class = serializers.SegmentSerializer
    scopes = {"POST": Scope.WRITE}

    @extend_schema(responses={201: serializers.SegmentSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Make a segment. Its rule must lead to segments that exist, and not back to itself."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        segment = Segment(**given.validated_data)
        editing.save_segment(segment, now=timezone.now())
        location = {"Location": f"{request.path}{segment.key}/"}
        return Response(self.get_serializer(segment).data, status=201, headers=location)


class SegmentDetail(ApiView):
    queryset = Segment.objects.all()
    serializer_class = serializers.SegmentSerializer
    lookup_field = "key"
    scopes = dict.fromkeys(["PUT", "PATCH", "DELETE"], Scope.WRITE)

    def get(self, request: Request, key: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)

    def put(self, request: Request, key: str) -> Response:
        return self._save(request, partial=False)

    def patch(self, request: Request, key: str) -> Response:
        return self._save(request, partial=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        editing.remove_segment(self.get_object())
        return Response(status=204)

    def _save(self, request: Request, *, partial: bool) -> Response:
        segment = self.get_object()
        given = self.get_serializer(segment, data=keyed(request, segment.key), partial=partial)
        given.is_valid(raise_exception=True)
        for name, value in given.validated_data.items():
            setattr(segment, name, value)
        editing.save_segment(segment, now=timezone.now())
        return Response(self.get_serializer(segment).data)


class RulePreview(ApiView):
    serializer_class = serializers.RuleSerializer
    scopes = {"POST": Scope.READ}

    @extend_schema(
        operation_id="segments_preview", request=serializers.RuleBody, responses=serializers.RulePreviewSerializer
    )
    @once
    def post(self, request: Request) -> Response:
        """Whom a rule matches now, whom of them an e-mail would reach, and a few of them."""
        return Response(_audience(_rule(document(request).get("rule"))))


class SegmentPreview(ApiView):
    queryset = Segment.objects.all()
    lookup_field = "key"
    scopes = {"POST": Scope.READ}

    @extend_schema(operation_id="segments_preview_saved", request=None, responses=serializers.RulePreviewSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """The same for the rule that is saved, or for the one sent to replace it."""
        segment = self.get_object()
        return Response(_audience(_rule(document(request).get("rule", segment.rule))))


def _rule(data: Any) -> Rule:
    try:
        return parse_rule(data)
    except Invalid as invalid:
        raise Invalid(editing.within("rule", invalid.problems)) from None


def _audience(rule: Rule) -> dict[str, Any]:
    try:
        found = reach.look(rule, as_of=timezone.now())
    except Invalid as invalid:
        raise Invalid(editing.within("rule", invalid.problems)) from None
    return dict(serializers.RulePreviewSerializer(found).data)
