"""A platform's own blueprints beside those that ship."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from django.utils import timezone

from campaigns import (
    blueprints,
)
from campaigns.apps import check_blueprints
from delivery.previews import Preview
from delivery.rendering import Rendered

NOW = timezone.now()


EIGHT = [
    "abandoned-cart", "birthday", "onboarding", "post-purchase", "price-drop", "promotion", "replenishment", "winback"
]  # fmt: skip


TEMPLATES = [(each.key, seed.key) for each in blueprints.catalogue() for seed in each.templates]


def shipped(key: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((blueprints.FOLDER / key / "1.yaml").read_text())
    return document


def deploy(folder: Path, key: str, number: int, document: Any) -> None:
    (folder / key).mkdir(exist_ok=True)
    text = document if isinstance(document, str) else yaml.safe_dump(document)
    (folder / key / f"{number}.yaml").write_text(text)


def deploy_second_winback(folder: Path) -> None:
    """Holds back more, writes again after a fortnight, and needs one segment and one template more."""
    document = shipped("winback")
    campaign = document["campaign"]
    campaign["audience"] |= {"holdout": 0.1, "exclude": {"segment": "winback-staff"}}
    again = {"key": "again", "channel": "email", "template": "we-miss-you-again", "after": {"step": "letter"}}
    again["after"]["delay"] = "14d"  # type: ignore[index]
    again["variants"] = campaign["steps"][0]["variants"]
    campaign["steps"].append(again)
    document["segments"].append({"key": "winback-staff", "name": "Staff", "rule": {"attribute": "staff", "eq": True}})
    document["templates"].append(document["templates"][0] | {"key": "we-miss-you-again"})
    deploy(folder, "winback", 2, document | {"improvement": "Writes a second time to whoever stays quiet."})


def read(preview: Preview) -> Rendered:
    assert preview.rendered, preview.problem
    return preview.rendered


def faults_of(file: Path) -> list[str]:
    return [error.msg for error in check_blueprints() if str(file) in error.msg]
