"""The texts that a template leaves to each campaign: `content.headline`, `content.offer` and the like."""

from __future__ import annotations

import re
from typing import Any

from campaigns import channelled
from campaigns.models import Campaign, Template

_TEXT = re.compile(r"\bcontent\.([A-Za-z_]\w*)")


def names(*sources: str) -> list[str]:
    """Names after `content.`, each once, in the order in which the sources use them."""
    return list(dict.fromkeys(match[1] for source in sources for match in _TEXT.finditer(source)))


def of_template(template: Template) -> list[str]:
    payload = (text for _, text in channelled.leaves(template.payload))
    return names(template.subject, template.preheader, template.html, template.text, *payload)


def samples(template: Template) -> dict[str, Any]:
    """A value for each text: of the newest campaign that uses the template, else the text's own name."""
    using = Campaign.objects.filter(draft__steps__contains=[{"template": template.key}]).order_by("-pk")
    draft = using.values_list("draft", flat=True).first() if template.key else None
    steps = [step for step in (draft or {}).get("steps", []) if step.get("template") == template.key]
    given = steps[0].get("variants", [{}])[0].get("content", {}) if steps else {}
    return {name: f"[{name.replace('_', ' ')}]" for name in of_template(template)} | given
