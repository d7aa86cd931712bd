"""Which Python `make` takes for the environment, among those of the PATH: here all are this one, each disguised."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import PROJECT

MAKE = shutil.which("make") or "make"
SYSTEM = ("awk", "ln", "mkdir", "sh", "touch", "wc")
CLOCK = "import itertools, time; time.process_time = itertools.count(step={}).__next__"  # what each loop takes
USUAL, FAST, HARDLY_FASTER = CLOCK.format(0.007), CLOCK.format(0.0045), CLOCK.format(0.006)
OLD = "import sys; sys.version_info = (3, 9, 18)"
NEWER = "import sys; sys.version_info = (3, 99, 0); " + CLOCK.format(0.003)
BARE = "import sys; sys.modules['ensurepip'] = None"
BROKEN = "raise SystemExit(1)"

PYTHON = """#!/bin/sh
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin"; [ -e "$3/bin/python" ] || ln -s "$0" "$3/bin/python"; echo "made with $0";;
  "-m pip" | "-c ") ;;
  *) exec "{python}" "$1" -c "import sys; sys.executable = '$0'
{disguise}
$3" "$4" "$5";;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    (tmp_path / "requirements.lock").touch()
    for name in ("Makefile", "deploy/choose_python.sh"):
        shutil.copy(PROJECT / name, tmp_path / name)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in SYSTEM:
        (tools / name).symlink_to(str(shutil.which(name)))
    return tmp_path


def make(checkout: Path, *folders: dict[str, str], **variables: str) -> subprocess.CompletedProcess[str]:
    """`make .venv/.ready` with a PATH of `folders`, each the Pythons in it and what disguises them."""
    path = []
    for number, pythons in enumerate(folders):
        folder = checkout / f"bin{number}"
        folder.mkdir()
        path.append(str(folder))
        for name, disguise in pythons.items():
            (folder / name).write_text(PYTHON.format(python=os.path.realpath(sys.executable), disguise=disguise))
            (folder / name).chmod(0o755)
    return subprocess.run(
        [MAKE, ".venv/.ready", *(f"{name}={value}" for name, value in variables.items())],
        cwd=checkout,
        env={"PATH": ":".join([*path, str(checkout / "tools")])},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("folders", "chosen", "why"),
    [
        ([{"python3": USUAL}], "bin0/python3", None),
        ([{"python3": USUAL, "python3.12": HARDLY_FASTER}, {"python3": USUAL}], "bin0/python3", None),
        ([{"python3": USUAL, "python3.12": USUAL}, {"python3": FAST}], "bin1/python3", "1.6 times as fast as"),
        ([{"python3": USUAL, "python3.12": NEWER}, {"python3.13": FAST}], "bin1/python3.13", "1.6 times as fast as"),
        ([{"python3": USUAL, "python3.12": NEWER}], "bin0/python3.12", "2.3 times as fast as"),
        ([{"python3": OLD, "python3.13": USUAL}], "bin0/python3.13", "no python3 of the PATH is able to"),
        ([{"python3": BARE, "python3.12": BROKEN}, {"python3.12": USUAL}], "bin1/python3.12", "no python3 of the PATH"),
    ],
)
def test_python3_is_taken_unless_another_is_faster(
    checkout: Path, folders: list[dict[str, str]], chosen: str, why: str | None
) -> None:
    made = make(checkout, *folders)
    assert (made.returncode, made.stdout) == (0, f"made with {checkout}/{chosen}\n")
    if why is None:
        assert made.stderr == ""
    else:
        assert made.stderr.startswith(f"Making the environment with {checkout}/{chosen}: ")
        assert why in made.stderr


@pytest.mark.parametrize("pythons", [{}, {"python3": OLD}, {"python3": BARE, "python3.12": BROKEN}])
def test_where_none_is_able_to_the_cure_is_told(checkout: Path, pythons: dict[str, str]) -> None:
    made = make(checkout, pythons)
    assert made.returncode
    assert "No Python 3.11 or newer" in made.stderr
    assert "make PYTHON=" in made.stderr
    assert not (checkout / ".venv").exists()


def test_the_one_that_is_named_is_taken_however_slow(checkout: Path) -> None:
    made = make(checkout, {"python3": FAST, "python3.12": USUAL}, PYTHON=str(checkout / "bin0/python3.12"))
    assert (made.stdout, made.stderr) == (f"made with {checkout}/bin0/python3.12\n", "")


def test_an_environment_that_is_there_keeps_its_python(checkout: Path) -> None:
    assert make(checkout, {"python3": USUAL}).returncode == 0
    os.utime(checkout / ".venv/.ready", (1, 1))  # as if the lock had changed since
    again = make(checkout)
    assert (again.returncode, again.stdout, again.stderr) == (0, "made with .venv/bin/python\n", "")
