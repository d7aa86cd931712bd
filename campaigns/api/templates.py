from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import content, converting, editing, serializers
from campaigns.api import etags
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
        headers = {"Location": f"{request.path}{template.key}/"} | etags.headers(template.draft_number)
        return Response(serializers.TemplateSerializer(template).data, status=201, headers=headers)


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
        source, problems = converting.convert(given.validated_data["source"])
        return Response(serializers.ConvertedTemplateSerializer({"source": source, "problems": problems}).data)


class TemplateView(ApiView):
    queryset = TEMPLATES
    serializer_class = serializers.TemplateSerializer
    lookup_field = "key"


class TemplateDetail(TemplateView):
    scopes = dict.fromkeys(["PUT", "PATCH", "DELETE"], Scope.WRITE)

    def get(self, request: Request, key: str) -> Response:
        """The draft, and what lies beneath it: the base's slots and blocks, and whose word stands there without it."""
        return self._told(self.get_object())

    def put(self, request: Request, key: str) -> Response:
        """Replace the draft. With If-Match: only the draft that was read."""
        return self._save(request, partial=False)

    def patch(self, request: Request, key: str) -> Response:
        """What is left out stays as it is, a slot, block or translation too; one that is null is removed."""
        return self._save(request, partial=True)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, key: str) -> Response:
        with self._unmoved(request) as template:
            editing.remove_template(template)
        return Response(status=204)

    def _save(self, request: Request, *, partial: bool) -> Response:
        with self._unmoved(request) as template:
            given = self.get_serializer(template, data=keyed(request, template.key), partial=partial)
            given.is_valid(raise_exception=True)
            _fill(template, given.validated_data, is_patch=partial)
            editing.save_template(template)
        return self._told(template)

    @contextmanager
    def _unmoved(self, request: Request) -> Iterator[Template]:
        """The template, kept at the draft that If-Match names, if it names one: a patch is of what is there now.

        Raises PreconditionFailed.
        """
        with transaction.atomic():
            locked = TEMPLATES.select_for_update(of=("self",), no_key=True)
            template = get_object_or_404(locked, key=self.kwargs["key"])
            etags.check(request, template.draft_number)
            yield template

    def _told(self, template: Template) -> Response:
        return Response(self.get_serializer(template).data, headers=etags.headers(template.draft_number))


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
