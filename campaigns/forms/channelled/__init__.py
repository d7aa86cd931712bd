"""The forms of templates of every channel but e-mail: one file each, and what they share in `base`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from campaigns.config.gate import Problem
from campaigns.forms.channelled.base import ChannelForm
from campaigns.forms.channelled.push import PushForm
from campaigns.forms.channelled.sms import SmsForm
from campaigns.forms.channelled.webhook import WebhookForm
from campaigns.models import Template

FORMS: dict[str, type[ChannelForm]] = {"sms": SmsForm, "push": PushForm, "webhook": WebhookForm}
CHOICES = (("email", "E-mail"), ("sms", "SMS"), ("push", "Push"), ("webhook", "Webhook"))


def written_in(channel: str, posted: Mapping[str, Any]) -> tuple[Template, list[Problem]]:
    """What such a form says that was not sent for good, as a template, and what of it cannot be read."""
    form = FORMS[channel](posted)
    template = form.instance
    template.channel = channel
    template.key = str(posted.get("key", "") or posted.get("template_key", ""))
    return template, form.read_into(template)


__all__ = ["CHOICES", "FORMS", "ChannelForm", "written_in"]
