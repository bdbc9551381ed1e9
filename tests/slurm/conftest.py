import shutil
import tempfile
from pathlib import Path

import pytest
from slurm.cluster import Cluster, why_not
from slurm.sweep import Sweep


@pytest.fixture(scope="session")
def running_cluster():
    """A SLURM for all tests; its sockets need a folder that other users may enter."""
    reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="pab_bench-slurm-"))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster(running_cluster):
    """The SLURM, with an empty queue before and after."""
    yield running_cluster
    running_cluster.forget()


@pytest.fixture
def sweep(cluster, tmp_path):
    """Starts sweeps on the cluster; all of a test's share a results folder."""
    started = []

    def start(*arguments, name="sweep"):
        started.append(Sweep(cluster, tmp_path, arguments, name))
        return started[-1]

    yield start
    for one in started:
        one.kill()
