from __future__ import annotations

import argparse
from pathlib import Path

from marketing.inbox import server

parser = argparse.ArgumentParser(prog="python -m marketing.inbox", description="Keep every mail sent to it.")
parser.add_argument("--home", type=Path, required=True, help="where inbox.sqlite3 and inbox.json stand")
parser.add_argument("--port", type=int, default=0, help="0 (default): the port used last time, or a free one")
options = parser.parse_args()
server.run(options.home, options.port)
