"""A channel that writes each message to a file, for development: .eml for e-mail, .json for everything else."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from delivery.channels.base import ChannelUnavailable, Envelope, Mute, Outbound, Outcome, Result
from delivery.channels.email.mime import Skeleton
from delivery.channels.kinds import EVERY, Account, Credentials, Kind, Settings

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]")


class FileChannel(Mute):
    """Files are named by the message's key: one that comes twice is there once."""

    key_window = float("inf")

    def __init__(self, folder: Path, provider: str) -> None:
        self.provider = provider
        self.folder = folder

    def check(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ChannelUnavailable(f"{self.folder} cannot be made: {error}", permanent=True) from error

    def send(self, envelope: Envelope, batch: Sequence[Outbound], *, seconds: float) -> Sequence[Outcome]:
        self.check()
        skeleton = Skeleton(envelope, date=datetime.now(UTC), eight_bit=True) if envelope.from_email else None
        return [self._written(skeleton, message) for message in batch]

    def close(self) -> None:
        """Nothing to let go of."""

    def _written(self, skeleton: Skeleton | None, message: Outbound) -> Outcome:
        try:
            name, data = self._file(skeleton, message)
        except ValueError as error:
            return Outcome(message.key, Result.REJECTED, str(error))
        try:
            (self.folder / name).write_bytes(data)
        except OSError as error:
            return Outcome(message.key, Result.DEFERRED, f"cannot be written: {error}")
        return Outcome(message.key, Result.ACCEPTED, "written to a file", name)

    def _file(self, skeleton: Skeleton | None, message: Outbound) -> tuple[str, bytes]:
        key = _UNSAFE.sub("_", message.key)[:100]
        if message.content is None:
            if skeleton is None:
                raise ValueError("an e-mail needs a sender: set it in Brand")
            return f"{key}.eml", skeleton.fill(message)
        told = {"key": message.key, "recipient": message.recipient, "content": asdict(message.content)}
        return f"{key}.json", json.dumps(told, ensure_ascii=False, indent=2).encode()


def _channel(account: Account) -> FileChannel:
    return FileChannel(account.folder / account.key, account.key)


KIND = Kind("file", "Files (development)", EVERY, Settings, Credentials, _channel, for_development=True)
