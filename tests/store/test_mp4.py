"""Videos for people: whole at any size, and one file for the same frames."""

import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import av
import imageio.v3 as imageio
import numpy as np
import pytest
import torch

from pab_bench.store.mp4 import write_mp4

ROOT = Path(__file__).parents[2]


def test_odd_sides_become_even_and_the_picture_stays(tmp_path):
    frames = np.zeros((5, 33, 47, 3), np.uint8)
    frames[:, :, 24:] = 200
    write_mp4(tmp_path / "video.mp4", frames)
    read = imageio.imread(tmp_path / "video.mp4", plugin="FFMPEG")
    assert read.shape == (5, 34, 48, 3)
    assert np.abs(read[:, :33, :20].astype(int)).mean() < 8
    assert np.abs(read[:, :33, 28:47].astype(int) - 200).mean() < 8


def moving(height, width, frames=16):
    """Waves with grain and a disc that moves: the encoder has to decide much."""
    y, x = np.mgrid[:height, :width]
    grain = np.random.default_rng(0).normal(0, 6, (frames, height, width, 1))
    waves = [np.sin(x / 7 + n / 3) * 60 + np.cos(y / 9) * 60 + 128 for n in range(frames)]
    video = np.clip(np.stack(waves)[..., None] + grain, 0, 255).astype(np.uint8).repeat(3, axis=-1)
    for n in range(frames):
        video[n, (x - (10 + 3 * n) % width) ** 2 + (y - height // 2) ** 2 < 60] = 220, 20, 40
    return video


def digest(path, frames):
    write_mp4(path, frames)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_same_frames_are_the_same_file_beside_torch(tmp_path):
    busy = threading.Event()
    busy.set()

    def compute():
        while busy.is_set():
            torch.nn.functional.conv2d(torch.randn(1, 8, 64, 64), torch.randn(8, 8, 3, 3))

    threads = [threading.Thread(target=compute) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        frames = moving(64, 64)
        found = {digest(tmp_path / "video.mp4", frames) for _ in range(20)}
    finally:
        busy.clear()
        for thread in threads:
            thread.join()
    assert len(found) == 1


SIZES = [(64, 64), (48, 64), (33, 47), (96, 176), (240, 426)]
CHILD = """
import hashlib, sys
from pathlib import Path
import numpy as np
from pab_bench.store.mp4 import write_mp4
for frames in sorted(Path(sys.argv[1]).glob("*.npy")):
    write_mp4(Path(sys.argv[1], "there.mp4"), np.load(frames))
    print(hashlib.sha256(Path(sys.argv[1], "there.mp4").read_bytes()).hexdigest())
"""


def digests_of_a_process(folder, memory, cores):
    """The digests of a process that finds its memory filled with a byte.

    glibc does so on demand: what an encoder reads without having written it becomes visible.
    """
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)],
        env={"PYTHONPATH": str(ROOT), "MALLOC_PERTURB_": str(memory), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return done.stdout.split()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc and affinity")
def test_the_same_frames_are_the_same_file_whatever_the_memory_holds(tmp_path):
    videos = [moving(*size, frames=8) for size in SIZES]
    for number, frames in enumerate(videos):
        np.save(tmp_path / f"{number}.npy", frames)
    here = [digest(tmp_path / "here.mp4", frames) for frames in videos]
    every = os.sched_getaffinity(0)
    for memory, cores in ((85, every), (200, {min(every)})):
        assert digests_of_a_process(tmp_path, memory, cores) == here


def test_quality_is_that_of_the_authors(tmp_path):
    frames = moving(64, 64)
    write_mp4(tmp_path / "video.mp4", frames)
    with av.open(str(tmp_path / "video.mp4")) as container:
        read = np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])
    error = np.square(read.astype(float) - frames).mean()
    assert 10 * np.log10(255**2 / error) > 29.4  # What the default settings gave.
    assert (tmp_path / "video.mp4").stat().st_size < 12_000
