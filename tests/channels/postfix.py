"""Postfix itself, from Debian's package, with a configuration and a queue of its own; what it takes goes to a next hop.

It listens on two ports of this machine: as it comes, taking a bare line feed for a line end; and with STARTTLS only,
hanging up on whoever sends one. Mail to a domain of its own lands in a mailbox, whatever stands before the @.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import smtplib
import socket
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

CURE = "Postfix is not installed: apt-get install postfix (choose 'No configuration'), and run this as root."
BEGINS_WITHIN = 30.0  # seconds
_OTHERS = """
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
maillog_file_prefixes = {folder}
maillog_file = {folder}/log
mynetworks = 127.0.0.0/8
mydestination =
myhostname = relay.example
inet_interfaces = loopback-only
inet_protocols = ipv4
alias_maps =
alias_database =
relayhost = [127.0.0.1]:{next_hop}
disable_dns_lookups = yes
smtp_tls_security_level = none
smtpd_peername_lookup = no
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
smtpd_junk_command_limit = 1000
smtpd_recipient_restrictions = check_recipient_access inline:{{ {refused} }}, permit_mynetworks, reject
smtpd_tls_cert_file = {certificate}
smtpd_tls_key_file = {key}
message_size_limit = 1000000
anvil_rate_time_unit = 1s
virtual_mailbox_domains = {own}
virtual_mailbox_base = {mailbox}
virtual_mailbox_maps = static:/
virtual_uid_maps = static:{nobody}
virtual_gid_maps = static:{nobody}
"""
NOBODY = 65534  # whom mailboxes belong to


def is_here() -> bool:
    return os.geteuid() == 0 and shutil.which("postfix", path=_path()) is not None


@dataclass(frozen=True)
class Certificate:
    """Made by ourselves, for the name `localhost`: PEM files."""

    certificate: Path
    key: Path


def certificate(folder: Path) -> Certificate:
    """Raises FileNotFoundError without the openssl command."""
    made = Certificate(folder / "certificate.pem", folder / "key.pem")
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
    command = ["openssl", *words.split(), "-keyout", str(made.key), "-out", str(made.certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return made


class Postfix:
    """Runs for a `with` block. `refused` says what is answered to which recipient: {"a@b.example": "550 5.1.1 no"}.
    `own` is the domain whose mail lands in its `mailbox`, a Maildir.
    """

    def __init__(self, *, next_hop: int, refused: dict[str, str], own: str = "") -> None:
        self._next_hop, self._refused, self._own = next_hop, refused, own
        self.port, self.starttls = free_ports(2)

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="bl-postfix-", dir="/tmp"))
        self.folder.chmod(0o755)  # its processes are not root's, and walk through it
        try:
            self._configure()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(subprocess.CalledProcessError):
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def mailbox(self) -> Path:
        return self.folder / "mailbox"

    def start(self) -> None:
        """Until it greets at both doors."""
        self._run("start")
        self._await_all()

    def stop(self) -> None:
        """At once, whatever it is doing."""
        self._run("abort")

    def kill(self) -> None:
        """SIGKILL for each of its processes: nothing of it has the time to do anything."""
        master = psutil.Process(int((self.folder / "queue" / "pid" / "master.pid").read_text()))
        family = [master, *master.children(recursive=True)]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=BEGINS_WITHIN)

    def _configure(self) -> None:
        self.tls = certificate(self.folder)
        main = _MAIN.format(
            folder=self.folder,
            next_hop=self._next_hop,
            refused=", ".join(f"{{ {address} = {reply} }}" for address, reply in self._refused.items()),
            certificate=self.tls.certificate,
            key=self.tls.key,
            own=self._own,
            mailbox=self.mailbox,
            nobody=NOBODY,
        )
        forbid = "-o smtpd_forbid_bare_newline=yes -o smtpd_forbid_bare_newline_exclusions="
        doors = {
            self.port: "-o smtpd_forbid_bare_newline=no",
            self.starttls: f"{forbid} -o smtpd_forbid_unauth_pipelining=yes -o smtpd_tls_security_level=encrypt",
        }
        lines = [f"127.0.0.1:{port} inet n - n - - smtpd {options}" for port, options in doors.items()]
        self._settings = self.folder / "etc"
        self._settings.mkdir()
        (self._settings / "main.cf").write_text(main)
        (self._settings / "master.cf").write_text("\n".join([*lines, _OTHERS]))
        for name in ("queue", "data", "mailbox"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "data", "postfix")
        os.chown(self.mailbox, NOBODY, NOBODY)

    def _run(self, what: str) -> None:
        """Raises CalledProcessError, with what Postfix said."""
        command = ["postfix", "-c", str(self._settings), what]
        env = {**os.environ, "PATH": _path()}
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=BEGINS_WITHIN, env=env)

    def _await_all(self) -> None:
        deadline, pause = time.monotonic() + BEGINS_WITHIN, threading.Event()
        for port in (self.port, self.starttls):
            while not _greets(port):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"Postfix does not greet: {(self.folder / 'log').read_text()[-2000:]}")
                pause.wait(0.05)


def _greets(port: int) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", port, local_hostname="localhost", timeout=5) as client:
            return client.noop()[0] == 250
    except (OSError, smtplib.SMTPException):
        return False


def free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        free = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in free]


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
