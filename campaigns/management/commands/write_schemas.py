from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from campaigns.serializers import json_schemas


class Command(BaseCommand):
    help = "Write the configuration's JSON Schemas as files, one for each of: " + ", ".join(json_schemas.NAMES) + "."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", nargs="?", default="docs/schema", help="default: %(default)s")

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(options["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        for name in json_schemas.NAMES:
            (folder / f"{name}.json").write_text(json_schemas.text(name))
            self.stdout.write(f"wrote {folder / f'{name}.json'}")
