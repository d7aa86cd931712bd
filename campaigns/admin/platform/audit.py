"""What staff changed, and by which door."""

from __future__ import annotations

from campaigns.admin.audit import AuditAdmin
from tenants.accounts.models import AuditEntry
from tenants.console import platform_console

platform_console.register(AuditEntry, AuditAdmin)
