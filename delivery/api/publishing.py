"""A campaign's draft on its way out, by the doors of stage 1, with the addresses in its messages called before."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request

from campaigns.api.campaigns import CampaignView
from campaigns.api.reviews import CampaignSubmit
from campaigns.api.versions import CampaignPublish
from delivery import provided
from tenants import context


class Calling(CampaignView):
    """Before the draft is locked: what is called may be slow to answer."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method == "POST":
            provided.call(self.get_object(), context.current())


class Submit(Calling, CampaignSubmit):
    pass


class Publish(Calling, CampaignPublish):
    pass
