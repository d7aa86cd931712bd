from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import content, editing, liquid, serializers
from campaigns.api.base import ApiView, ListView, keyed
from campaigns.config.template import STRUCTURED
from campaigns.models import Template, TemplateVersion
from tenants.accounts.models import Scope
from tenants.idempotency import once

TEMPLATES = Template.objects.select_related("live")


class Templates(ListView):
    """Drafts of message content. Publishing is a step of its own."""

    queryset = TEMPLATES
    serializer_class = serializers.TemplateSummary
    scopes = {"POST": Scope.WRITE}

    @extend_schema(request=serializers.TemplateSerializer, responses={201: serializers.TemplateSerializer})
    @once
    def post(self, request: Request) -> Response:
        """Make a draft. It goes out once it is published."""
        given = serializers.TemplateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        template = Template()
        _fill(template, given.validated_data)
        editing.save_template(template)
        location = {"Location": f"{request.path}{template.key}/"}
        return Response(serializers.TemplateSerializer(template).data, status=201, headers=location)


class TemplateConversion(ApiView):
    queryset = TEMPLATES
    scopes = {"POST": Scope.READ}

    @extend_schema(request=serializers.ForeignTemplateSerializer, responses=serializers.ConvertedTemplateSerializer)
    @once
    def post(self, request: Request) -> Response:
        """Liquid, or another platform's dialect of it, in our language. What cannot be converted is named and stays.

        Nothing is saved.
        """
        given = serializers.ForeignTemplateSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        source, problems = liquid.convert(given.validated_data["source"])
        return Response(serializers.ConvertedTemplateSerializer({"source": source, "problems": problems}).data)


class TemplateView(ApiView):
    queryset = TEMPLATES
    serializer_class = serializers.TemplateSerializer
    lookup_field = "key"


class TemplateDetail(TemplateView):
    scopes = dict.fromkeys(["PUT", "PATCH", "DELETE"], Scope.WRITE)

    def get(self, request: Request, key: str) -> Response:
        """The draft, and what lies beneath it: the base's slots and blocks, and whose word stands there without it."""
        return Response(self.get_serializer(self.get_object()).data)

    def put(self, request: Request, key: str) -> Response:
        return self._save(request, partial=False)

    def patch(self, request: Request, key: str) -> Response:
        """What is left out stays as it is, a slot, block or translation too; one that is null is removed."""
        return self._save(request, partial=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        editing.remove_template(self.get_object())
        return Response(status=204)

    def _save(self, request: Request, *, partial: bool) -> Response:
        template = self.get_object()
        given = self.get_serializer(template, data=keyed(request, template.key), partial=partial)
        given.is_valid(raise_exception=True)
        _fill(template, given.validated_data, is_patch=partial)
        editing.save_template(template)
        return Response(self.get_serializer(template).data)


def _fill(template: Template, given: Mapping[str, Any], *, is_patch: bool = False) -> None:
    for name, value in given.items():
        if name in STRUCTURED:
            setattr(template, name, editing.merged(getattr(template, name) if is_patch else {}, value))
        else:
            setattr(template, name, value)


class TemplatePublish(TemplateView):
    scopes = {"POST": Scope.WRITE}

    @extend_schema(request=None, responses=serializers.TemplateVersionSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Make the draft live: it is what the next batch of every run is rendered from."""
        return Response(serializers.TemplateVersionSerializer(content.publish(self.get_object())).data)


class TemplateVersions(ListView):
    serializer_class = serializers.TemplateVersionSerializer
    newest_first = True

    def get_queryset(self) -> QuerySet[TemplateVersion]:
        return get_object_or_404(Template, key=self.kwargs["key"]).versions.all()


class TemplateRollback(TemplateView):
    scopes = {"POST": Scope.WRITE}

    @extend_schema(request=serializers.RollbackSerializer, responses=serializers.TemplateVersionSerializer)
    @once
    def post(self, request: Request, key: str) -> Response:
        """Make an earlier version live again. The draft stays as it is."""
        template = self.get_object()
        given = serializers.RollbackSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        version = editing.roll_back_template(template, given.validated_data["version"])
        return Response(serializers.TemplateVersionSerializer(version).data)
