"""Who may bring a file, and how large: decided before anything of it is read. For the console and the API."""

from __future__ import annotations

import re
from typing import Any

from django.core.files.uploadhandler import SkipFile, StopUpload, TemporaryFileUploadHandler

from campaigns.config import attached
from campaigns.importing import uploads
from tenants.accounts.models import Role
from tenants.console import may

PAGE = "/admin/campaigns/import/add/"
TEMPLATE_PAGE = re.compile(r"/admin/campaigns/template/(?:add|\d{1,18}/change)/")
FORM_BYTES = 1 << 20  # what the form may take beside the file


class Reception(TemporaryFileUploadHandler):
    """Lets an editor's file in on the pages made for it, onto the disk. Any other is not read at all.

    A view of the API that has let its caller in says so by `may_bring_a_file`. The reason is left on the request as
    `upload_refusal`.
    """

    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        _, _, content_length, *_ = args
        self._length = content_length

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        request: Any = self.request
        if TEMPLATE_PAGE.fullmatch(request.path) and may(request, Role.EDITOR):
            self._new_attachment()
            super().new_file(*args, **kwargs)
            return
        by_api = getattr(request, "may_bring_a_file", False)
        if not by_api and (request.path != PAGE or not may(request, Role.EDITOR)):
            raise StopUpload(connection_reset=True)
        if self._length > uploads.most_bytes() + FORM_BYTES:
            request.upload_refusal = f"The file is larger than {uploads.limit()}. Gzip it, or split it into several."
            raise StopUpload(connection_reset=True)
        super().new_file(*args, **kwargs)

    def _new_attachment(self) -> None:
        """What else was written is kept, for its author to try again with a smaller file."""
        request: Any = self.request
        if self._length > attached.MOST_BYTES + FORM_BYTES:
            request.upload_refusal = f"The file is larger than {attached.in_words(attached.MOST_BYTES)}."
            raise SkipFile
