"""Who may bring a file, and how large: decided before anything of it is read. For the console and the API."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler

from campaigns.importing import uploads
from tenants.accounts.models import Role
from tenants.console import may

PAGE = "/admin/campaigns/import/add/"
FORM_BYTES = 1 << 20  # what the form may take beside the file


class Reception(TemporaryFileUploadHandler):
    """Lets an editor's file in on the page made for it, onto the disk. Any other is not read at all.

    A view of the API that has let its caller in says so by `may_bring_a_file`. The reason is left on the request as
    `upload_refusal`.
    """

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        _, _, content_length, *_ = args
        self._is_too_large = content_length > uploads.most_bytes() + FORM_BYTES

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        request: Any = self.request
        by_api = getattr(request, "may_bring_a_file", False)
        if not by_api and (request.path != PAGE or not may(request, Role.EDITOR)):
            raise StopUpload(connection_reset=True)
        if self._is_too_large:
            request.upload_refusal = f"The file is larger than {uploads.limit()}. Gzip it, or split it into several."
            raise StopUpload(connection_reset=True)
        super().new_file(*args, **kwargs)
