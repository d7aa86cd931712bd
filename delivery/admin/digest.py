"""Where somebody says how often they want a mail on what ran."""

from __future__ import annotations

from delivery.views import digest
from tenants.console import retailer_console

retailer_console.page("digest/", "digest")(digest.choose)
