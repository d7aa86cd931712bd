"""Where embedded services keep their state."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import tempfile
from pathlib import Path

# A Unix socket path is at most 107 bytes long on Linux (sun_path); the broker's file name takes some.
LONGEST_SOCKET_FOLDER = 90


def secret_key(home: Path) -> str:
    """A random key, made once per installation, so that development needs no configuration."""
    home.mkdir(parents=True, exist_ok=True)
    file = home / "secret_key"
    if not file.exists():
        draft = home / f"secret_key.{secrets.token_hex(4)}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):  # the first of several starting processes wins
            file.hardlink_to(draft)
        draft.unlink()
    return file.read_text().strip()


def socket_folder(home: Path) -> Path:
    """`home`, or a short folder named after it where `home` is too deep for a Unix socket."""
    if len(str(home)) <= LONGEST_SOCKET_FOLDER:
        return home
    return Path(tempfile.gettempdir()) / f"bannerline-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
