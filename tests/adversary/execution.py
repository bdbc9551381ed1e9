"""Runs one case as a process of its own, and says what came of it.

Most are forked from a process that has imported everything already, so that a case takes a third of
a second and not four; what is read when an interpreter starts needs a fresh one.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from adversary.case_files import Case

ROOT = Path(__file__).parents[2]
_WARM = "adversary.warm"
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1
_MOST_BYTES = 6 * 10**9
"""A bomb must not take the machine with it."""


@dataclass(frozen=True)
class Outcome:
    """What a command did.

    Attributes:
        status: its exit status; None if it was stopped at the limit.
        shown: standard output.
        told: standard error.
        made: relative paths of files and folders that were not there before.
        seconds: how long it took.
    """

    status: int | None
    shown: str
    told: str
    made: tuple[str, ...]
    seconds: float


def run(case: Case, folder: Path) -> Outcome:
    """Run a case in a folder that is empty; what it writes stays there for inspection."""
    work = folder / "work"
    lay_out(work, case.files)
    before = _tree(work)
    began = time.perf_counter()
    status = _fresh(case, folder, work) if case.fresh else _forked(case, folder, work)
    seconds = time.perf_counter() - began
    made = tuple(sorted(_tree(work) - before))
    shown, told = (_read(folder / name) for name in ("stdout", "stderr"))
    return Outcome(status, shown, told, made, seconds)


def lay_out(work: Path, files: Mapping[str, Any]) -> None:
    """Make the working folder of a case.

    A file's content is a text, or a mapping: `repeat` and `times`, `hex`, `copy` (a path in the
    repository), `link` (where to), or `folder: true`; and `mode`, octal.
    """
    work.mkdir(mode=0o777)
    work.chmod(0o777)
    for name, content in files.items():
        path = work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_text(content, encoding="utf-8")
        elif "repeat" in content:
            path.write_text(content["repeat"] * content["times"], encoding="utf-8")
        elif "hex" in content:
            path.write_bytes(bytes.fromhex(content["hex"]))
        elif "copy" in content:
            source = ROOT / content["copy"]
            (shutil.copytree if source.is_dir() else shutil.copy)(source, path)
        elif "link" in content:
            path.symlink_to(content["link"])
        else:
            path.mkdir(exist_ok=True)
    for name, content in files.items():
        if isinstance(content, dict) and "mode" in content:
            (work / name).chmod(int(content["mode"], 8))


def _tree(work: Path) -> set[str]:
    return {path.relative_to(work).as_posix() for path in work.rglob("*")}


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace") if path.exists() else ""


def _forked(case: Case, folder: Path, work: Path) -> int | None:
    # Taken up by the first case; the others find it running.
    multiprocessing.set_forkserver_preload([_WARM])
    process = multiprocessing.get_context("forkserver").Process(
        target=_child, args=(case, folder, work)
    )
    process.start()
    process.join(case.limit_s)
    if process.exitcode is None:
        _stop(process.pid)
        process.join()
        return None
    return process.exitcode


def _stop(group: int | None) -> None:
    assert group is not None
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(group, signal.SIGKILL)


def _child(case: Case, folder: Path, work: Path) -> None:
    """What the forked process does in place of `python -m PROGRAM ARGUMENTS`."""
    _own_surroundings()
    os.chdir(work)
    for number, name in ((1, "stdout"), (2, "stderr")):
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT, 0o644)
        os.dup2(descriptor, number)
        os.close(descriptor)
    _set(os.environ, case.environment)
    sys.argv = [case.program, *case.arguments]
    runpy.run_module(case.program, run_name="__main__", alter_sys=True)


def _own_surroundings() -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_DATA, (_MOST_BYTES, _MOST_BYTES))


def _set(environment: Any, changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value


def _fresh(case: Case, folder: Path, work: Path) -> int | None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    _set(environment, case.environment)
    streams = [_stream(case.output, folder / name) for name in ("stdout", "stderr")]
    process = subprocess.Popen(
        [*_shell(case.output), sys.executable, "-m", case.program, *case.arguments],
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=streams[0],
        stderr=streams[1],
        preexec_fn=partial(_before, case),
    )
    for descriptor in streams:
        os.close(descriptor)
    try:
        return process.wait(case.limit_s)
    except subprocess.TimeoutExpired:
        _stop(process.pid)
        process.wait()
        return None


def _before(case: Case) -> None:
    _own_surroundings()
    if case.uid is not None and os.geteuid() == 0:
        os.setresuid(case.uid, -1, -1)
    if case.obeys_modes and os.geteuid() == 0:
        ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)


def _shell(output: str) -> list[str]:
    """`python` is started without the descriptors that a shell has closed for it."""
    return ["sh", "-c", 'exec "$@" >&- 2>&-', "sh"] if output == "closed" else []


def _stream(output: str, path: Path) -> int:
    if output == "full":
        return os.open("/dev/full", os.O_WRONLY)
    if output == "broken":
        reader, writer = os.pipe()
        os.close(reader)
        return writer
    return os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
