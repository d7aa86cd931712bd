"""Dovecot itself, from Debian's package, with a configuration of its own: one mailbox, over IMAP, on this machine."""

from __future__ import annotations

import imaplib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.channels.postfix import NOBODY, certificate, free_ports

CURE = "Dovecot is not installed: apt-get install dovecot-imapd, and run this as root."
BEGINS_WITHIN = 30.0  # seconds
USER, PASSWORD = "returned", "sesame-words"
_SETTINGS = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
mail_location = maildir:{mailbox}:INDEX={folder}/index:CONTROL={folder}/control
first_valid_uid = {nobody}
last_valid_uid = {nobody}
first_valid_gid = {nobody}
last_valid_gid = {nobody}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={nobody} gid={nobody} home={folder}/home
}}
service imap-login {{
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {tls}
    ssl = yes
  }}
}}
"""


def is_here() -> bool:
    return os.geteuid() == 0 and shutil.which("dovecot", path=_path()) is not None


class Dovecot:
    """Runs for a `with` block: `tls` is its port for TLS at once, `plain` the one that offers STARTTLS."""

    def __init__(self, mailbox: Path) -> None:
        self._mailbox = mailbox
        self.plain, self.tls = free_ports(2)

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="bl-dovecot-", dir="/tmp"))
        self.folder.chmod(0o755)
        try:
            self._configure()
            command = ["dovecot", "-F", "-c", str(self.folder / "dovecot.conf")]
            self._process = subprocess.Popen(command, env={**os.environ, "PATH": _path()})
            self._await()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if hasattr(self, "_process"):
            self._process.terminate()
            self._process.wait(timeout=BEGINS_WITHIN)
        shutil.rmtree(self.folder, ignore_errors=True)

    def flags(self) -> list[str]:
        """Of each mail in the box, in order."""
        with imaplib.IMAP4("127.0.0.1", self.plain, timeout=10) as client:
            client.login(USER, PASSWORD)
            _, (number,) = client.select(readonly=True)
            _, found = client.fetch("1:*", "(FLAGS)") if number != b"0" else ("", [])
            flags = [imaplib.ParseFlags(line) for line in found if isinstance(line, bytes)]
        return [" ".join(sorted(flag.decode() for flag in each if flag != rb"\Recent")) for each in flags]

    def _configure(self) -> None:
        made = certificate(self.folder)
        self.authority = made.certificate
        for name in ("index", "control", "home"):
            (self.folder / name).mkdir()
            os.chown(self.folder / name, NOBODY, NOBODY)
        (self.folder / "state").mkdir()
        said = _SETTINGS.format(
            folder=self.folder,
            certificate=made.certificate,
            key=made.key,
            mailbox=self._mailbox,
            nobody=NOBODY,
            password=PASSWORD,
            plain=self.plain,
            tls=self.tls,
        )
        (self.folder / "dovecot.conf").write_text(said)

    def _await(self) -> None:
        deadline, pause = time.monotonic() + BEGINS_WITHIN, threading.Event()
        while not self._greets():
            log = self.folder / "log"
            said = log.read_text()[-2000:] if log.exists() else ""
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise TimeoutError(f"Dovecot does not greet: {said}")
            pause.wait(0.05)

    def _greets(self) -> bool:
        try:
            with imaplib.IMAP4("127.0.0.1", self.plain, timeout=5) as client:
                return client.login(USER, PASSWORD)[0] == "OK"
        except (OSError, imaplib.IMAP4.error):
            return False


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
