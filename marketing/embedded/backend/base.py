"""The backend of tenants, pointed at the embedded server at the moment of the first connection.

Starting the server here, and not when settings are read, keeps `--help`, linters and type checkers free of it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings

from marketing.embedded import postgres
from tenants.backend import base


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        return params | postgres.connection_params(settings.BANNERLINE_HOME)
