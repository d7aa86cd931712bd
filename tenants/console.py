"""The two consoles: a retailer's own and the platform's. Both are named `admin`; the host decides which is served."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from unfold.sites import UnfoldAdminSite

from tenants import context


class RetailerConsole(UnfoldAdminSite):
    """Where marketers work. Knows only the tables of a retailer's schema."""

    index_title = "Overview"

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        retailer = context.current()
        return super().each_context(request) | {"retailer": retailer, "site_header": retailer.name}


class PlatformConsole(UnfoldAdminSite):
    """Where staff work: retailers, the agenda, schedules, the built-in inbox."""

    index_title = "Fleet"
    site_header = "Bannerline platform"


retailer_console = RetailerConsole(name="admin")
platform_console = PlatformConsole(name="admin")
