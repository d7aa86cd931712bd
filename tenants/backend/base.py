"""The schema of a connection is set where the server does not report it set already.

django-tenants sets it for every cursor, a round trip before each statement: half of all of them. PostgreSQL 18 reports
a session's search_path after each statement that changed it, a rollback too, so what the driver was last told is what
holds, and no memory of ours is trusted. Older servers report nothing, and it is set each time.
"""

from __future__ import annotations

from typing import Any

from django_tenants.postgresql_backend import base

_PREPARE_AFTER = 5  # runs of a statement that is bound by the server (tenants.prepared): no other is prepared


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        made = super().get_new_connection(conn_params)
        made.prepare_threshold = _PREPARE_AFTER
        return made

    def _handle_search_path(self, cursor: Any = None) -> None:
        known = self.connection.info.parameter_status("search_path")
        if known is None or known != ", ".join(self._get_cursor_search_paths()):
            super()._handle_search_path(cursor)
