"""A SLURM of one machine, in a folder of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
CONFIGURATION = """\
ClusterName=pab_bench
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued task waits for the end of its first credential.
AuthInfo=socket={folder}/munge/socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,sched_min_interval=0,bf_interval=2
ReturnToService=2
KillWait=2
SlurmdTimeout=9
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=tests Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str | None:
    """Why no SLURM can be started here; None if it can."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
    missing = [name for name in DAEMONS if shutil.which(name, path=path) is None]
    if missing:
        return f"{', '.join(missing)} not installed; see tests/slurm/README.md"
    return None if os.geteuid() == 0 else "SLURM's daemons need root"


def wait_until(true: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {true}"
        time.sleep(0.1)


def processes(variable: str) -> list[int]:
    """The numbers of the processes whose environment has a line."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                if variable.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return found


class Cluster:
    """A SLURM that runs until `stop`, in a folder that everybody may enter."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = folder / "slurm.conf"
        self.host = socket.gethostname().split(".")[0]
        self._path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"])
        self._daemons: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environment(self) -> dict[str, str]:
        others = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH"))}
        return {**others, "PATH": self._path, "SLURM_CONF": str(self.configuration)}

    def start(self) -> None:
        for name in ("munge", "state", "spool"):
            (self.folder / name).mkdir(mode=0o755)
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        controller_port, node_port = _free_ports(2)
        self.configuration.write_text(
            CONFIGURATION.format(
                host=self.host,
                folder=self.folder,
                controller_port=controller_port,
                node_port=node_port,
            )
        )
        at = {name: self.folder / "munge" / name for name in ("socket", "pid", "log", "seed")}
        self._start(
            *("munged", "--foreground", f"--key-file={key}", f"--socket={at['socket']}"),
            *(f"--pid-file={at['pid']}", f"--log-file={at['log']}", f"--seed-file={at['seed']}"),
        )
        wait_until(at["socket"].exists, 30)
        self._start("slurmctld", "-D")
        self.start_node()

    def start_node(self) -> None:
        self._start("slurmd", "-D")
        wait_until(lambda: self.node_state() in ("idle", "mixed", "allocated"), 60)

    def node_state(self) -> str:
        shown = subprocess.run(
            ["sinfo", "--noheader", "--format=%T"],
            env=self.environment,
            capture_output=True,
            text=True,
        )
        return shown.stdout.strip()

    def lose_node(self) -> None:
        """End the node's daemon and all that runs on it at once, as a power failure does."""
        self._daemons.pop("slurmd").kill()
        self._kill_tasks()
        wait_until(lambda: self.node_state().startswith("down"), 60)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tasks(self) -> dict[str, str]:
        """The state of every task that has not ended, by its number."""
        shown = self.run("squeue", "--array", "--noheader", "--format=%i %T")
        return dict(line.split() for line in shown.splitlines())

    def forget(self) -> None:
        """Cancel what is left, so that the next test begins with an empty queue."""
        self.run("scancel", "--user=root")
        wait_until(lambda: not self.tasks(), 60)

    def stop(self) -> None:
        # The node first: a controller without it waits for its tasks.
        for name in ("slurmd", "slurmctld", "munged"):
            daemon = self._daemons.pop(name, None)
            if daemon is not None:
                daemon.terminate()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    daemon.wait(10)
                daemon.kill()
                daemon.wait()
        self._kill_tasks()

    def _kill_tasks(self) -> None:
        for number in processes(f"SLURM_CONF={self.configuration}"):
            environment = Path(f"/proc/{number}/environ")
            with contextlib.suppress(OSError):
                if b"SLURM_JOB_ID=" in environment.read_bytes() or _is_step_daemon(number):
                    os.kill(number, signal.SIGKILL)

    def _start(self, *command: str) -> None:
        log = (self.folder / f"{command[0]}.out").open("ab")
        self._daemons[command[0]] = subprocess.Popen(
            command, env=self.environment, stdout=log, stderr=log, start_new_session=True
        )
        log.close()


def _is_step_daemon(number: int) -> bool:
    return b"slurmstepd" in Path(f"/proc/{number}/cmdline").read_bytes()


def _free_ports(count: int) -> Iterator[int]:
    with contextlib.ExitStack() as open_until_all_are_known:
        found = []
        for _ in range(count):
            place = open_until_all_are_known.enter_context(socket.socket())
            place.bind(("127.0.0.1", 0))
            found.append(place.getsockname()[1])
    return iter(found)
