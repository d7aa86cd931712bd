"""A large retailer."""

from __future__ import annotations

import time
from pathlib import Path

from campaigns.ascode import documents, folder, kinds
from campaigns.models import Campaign, Segment, Template
from tenants.models import Retailer
from tests import factories
from tests.campaigns.ascode.shops import config, edit, exported, rows


def test_large_retailer_is_planned_and_changed_in_seconds(at_acme: Retailer, tmp_path: Path) -> None:
    folder.write(tmp_path, large_configuration(campaigns=200, segments=100, templates=50))
    began = time.monotonic()
    assert "350 created, 2 changed, 0 deleted" in config("apply", "acme", tmp_path)[1]
    first = exported("acme", tmp_path)
    assert len(first) == 3 + 200 + 100 + 3 * 50
    assert config("plan", "acme", tmp_path)[0] == 0
    before = rows()
    assert "nothing to change" in config("apply", "acme", tmp_path)[1]
    assert rows() == before
    for number in range(20):
        edit(tmp_path / f"campaigns/campaign-{number}.yaml", "holdout: 0.05", "holdout: 0.1")
    assert "20 changed" in config("apply", "acme", tmp_path)[1]
    assert config("rollback", "acme")[0] == 0
    assert exported("acme", tmp_path) == first
    assert config("rollback", "acme", "--to", 1)[0] == 0
    assert (Campaign.objects.count(), Segment.objects.count(), Template.objects.count()) == (0, 0, 0)
    assert time.monotonic() - began < 15


def large_configuration(*, campaigns: int, segments: int, templates: int) -> documents.Configuration:
    body = "".join(
        f"<p>Line {number} for {{{{ customer.first_name | default(brand.name) }}}}</p>\n" for number in range(200)
    )
    return {
        "policy": {"policy": {"quiet_hours": [["21:00", "08:00"]], "min_holdout": 0.02, "footer": ["brand.name"]}},
        "defaults": {"defaults": {"timing": {"expire_after": "3d"}, "topic": "news"}},
        "brand": kinds.read()["brand"],
        "segments": {
            f"segment-{n}": {
                "key": f"segment-{n}",
                "name": f"Segment {n}",
                "rule": {"all": [{"attribute": "city", "eq": f"City {n}"}, {"event": "order", "within": "30d"}]},
            }
            for n in range(segments)
        },
        "templates": {
            f"template-{n}": {
                "key": f"template-{n}",
                "name": f"Template {n}",
                "channel": "email",
                "subject": f"Number {n}",
                "html": f"<h1>{n} {{{{ brand.name }}}}</h1>\n{body}",
                "text": f"Number {n}\n",
            }
            for n in range(templates)
        },
        "campaigns": {
            f"campaign-{n}": factories.config(
                f"campaign-{n}",
                audience={"include": {"segment": f"segment-{n % segments}"}, "holdout": 0.05},
                steps=[{"key": "first", "channel": "email", "template": f"template-{n % templates}"}],
            )
            for n in range(campaigns)
        },
    }
