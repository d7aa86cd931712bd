"""A run's results as a file for a spreadsheet."""

from __future__ import annotations

from django.http import Http404, HttpRequest, StreamingHttpResponse
from django.shortcuts import get_object_or_404

from campaigns.models import Run
from delivery import exports


def export(request: HttpRequest, pk: int, of: str) -> StreamingHttpResponse:
    if of not in exports.CONTENTS:
        raise Http404("There is no such file.")
    return exports.file(get_object_or_404(Run.objects.select_related("campaign"), pk=pk), of)
