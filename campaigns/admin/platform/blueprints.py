"""The blueprints that every retailer may begin from: they come with the installation, as files."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from campaigns import blueprints
from tenants.console import platform_console


@platform_console.page("blueprints/", "platform_blueprints")
def catalogue(request: HttpRequest) -> HttpResponse:
    page = {"title": "Blueprints", "blueprints": blueprints.catalogue()}
    return render(request, "console/platform/blueprints.html", platform_console.each_context(request) | page)
