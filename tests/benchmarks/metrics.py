"""Our PSNR, SSIM and LPIPS against a loop over frames: `python tests/benchmarks/metrics.py`.

The loop does what the PAB evaluation does, one frame at a time: PSNR in numpy, SSIM of each channel
by OpenCV's two-dimensional filter, LPIPS by the `lpips` package with maps of the frame's size. Both
measure the golden clip's pairs at 16 x 128 x 128, and the same enlarged to 16 x 512 x 512, on two
threads; they take turns, and a ratio is taken per turn. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import lpips

from pab_bench.metrics import Lpips, Psnr, Ssim
from pab_bench.metrics.base import Frames
from pab_bench.metrics.networks.perceptual import load_backbone

CLIP = Path(__file__).parents[1] / "fixtures" / "metrics" / "bunny_128x128.npz"
FRAMES, THREADS = 16, 2
TOLERANCES = {"psnr": 1e-5, "ssim": 1e-5, "lpips": 1e-4}
Measure = Callable[[Frames, Frames], dict[str, float]]


def ours(video: Frames, reference: Frames) -> dict[str, float]:
    """Video values by our metrics."""
    return {m.name: float(m.values(video, reference).mean()) for m in (Psnr(), Ssim(), Lpips())}


def loop(network: torch.nn.Module) -> Measure:
    """Video values by a loop as in the PAB evaluation."""
    line = cv2.getGaussianKernel(11, 1.5)
    window = line @ line.T

    def blurred(plane: np.ndarray) -> np.ndarray:
        return cv2.filter2D(plane, -1, window)[5:-5, 5:-5]

    def similarity(x: np.ndarray, y: np.ndarray) -> float:
        x, y = x.astype(np.float64), y.astype(np.float64)
        mean_x, mean_y = blurred(x), blurred(y)
        variance_x = blurred(x**2) - mean_x**2
        variance_y = blurred(y**2) - mean_y**2
        covariance = blurred(x * y) - mean_x * mean_y
        above = (2 * mean_x * mean_y + 0.01**2) * (2 * covariance + 0.03**2)
        below = (mean_x**2 + mean_y**2 + 0.01**2) * (variance_x + variance_y + 0.03**2)
        return float((above / below).mean())

    def decibels(x: np.ndarray, y: np.ndarray) -> float:
        error = np.mean((x - y) ** 2)
        return 100.0 if error < 1e-10 else 20 * math.log10(1 / math.sqrt(error))

    def measure(video: Frames, reference: Frames) -> dict[str, float]:
        found: dict[str, list[float]] = {"psnr": [], "ssim": [], "lpips": []}
        sides = [torch.tensor(side).permute(0, 3, 1, 2) / 255.0 for side in (reference, video)]
        for x, y in zip(*sides, strict=True):
            first, second = x.numpy(), y.numpy()
            found["psnr"].append(decibels(first, second))
            channels = [similarity(*planes) for planes in zip(first, second, strict=True)]
            found["ssim"].append(float(np.mean(channels)))
            # As there: gradients are not switched off.
            distance = network(2 * x[None] - 1, 2 * y[None] - 1)
            found["lpips"].append(float(distance.mean().detach()))
        return {name: statistics.fmean(values) for name, values in found.items()}

    return measure


def lpips_network() -> torch.nn.Module:
    """The `lpips` package's AlexNet, spatial, with the backbone that comes with pab_bench."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = lpips.LPIPS(net="alex", pnet_rand=True, spatial=True, verbose=False)
    backbone = load_backbone("alex", None, "cpu").state_dict()
    trunk = network.net.state_dict()
    network.net.load_state_dict({k: backbone[k.split(".", 1)[1]] for k in trunk})
    return network


def pairs(side: int) -> dict[str, tuple[Frames, Frames]]:
    """The golden pairs with 16 frames of `side` x `side`: the clip there and back, enlarged."""
    with np.load(CLIP, allow_pickle=False) as archive:
        videos = {name: archive[name] for name in ("ref", "noise", "blur", "jpeg", "shift")}

    def grown(video: Frames) -> Frames:
        frames = [*video, *video[::-1]] * (FRAMES // (2 * len(video)))
        return np.stack(
            [cv2.resize(f, (side, side), interpolation=cv2.INTER_CUBIC) for f in frames]
        )

    grown_ref = grown(videos.pop("ref"))
    return {name: (grown(video), grown_ref) for name, video in videos.items()}


def compare(side: int, turns: int, theirs: Measure) -> tuple[list[float], bool]:
    """The ratios of every turn, and whether all values agree."""
    clips = pairs(side)
    equal, ratios = True, []
    for video, reference in clips.values():
        left, right = ours(video, reference), theirs(video, reference)
        equal &= all(abs(left[name] - right[name]) <= TOLERANCES[name] for name in TOLERANCES)
    names = list(clips)
    for turn in range(turns):
        video, reference = clips[names[turn % len(names)]]
        # Ours, theirs, theirs, ours: a drift of the machine within the turn cancels.
        seconds = {ours: 0.0, theirs: 0.0}
        for measure in (ours, theirs, theirs, ours):
            began = time.perf_counter()
            measure(video, reference)
            seconds[measure] += time.perf_counter() - began
        ratios.append(seconds[ours] / seconds[theirs])
        print(
            f"{side} x {side}, turn {turn + 1}: loop {seconds[theirs] / 2:.3f} s, "
            f"ours {seconds[ours] / 2:.3f} s, ratio {ratios[-1]:.3f}"
        )
    return ratios, equal


def peak_memory(frames: int, height: int, width: int) -> float:
    """GiB that measuring a long clip takes beside the frames, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in ("video.npy", "reference.npy")]
        for seed, path in enumerate(paths):
            generator = np.random.default_rng(seed)
            shape = (frames, height, width, 3)
            mapped = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
            for frame in range(frames):
                mapped[frame] = generator.integers(0, 256, shape[1:], dtype=np.uint8)
            mapped.flush()
            del mapped
        command = [sys.executable, __file__, "--child", *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def child(paths: list[str]) -> None:
    """Measure two arrays and print by how many GiB the process grew at most."""
    video, reference = (np.load(path) for path in paths)
    ours(video[:1, :64, :64], reference[:1, :64, :64])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ours(video, reference)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 2**20)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns-128", type=int, default=24)
    parser.add_argument("--turns-512", type=int, default=8)
    parser.add_argument("--long-frames", type=int, default=300, help="of the 720p clip; 0: none")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    cv2.setNumThreads(THREADS)
    if arguments.child:
        child(arguments.child)
        return
    theirs = loop(lpips_network())
    small, small_equal = compare(128, arguments.turns_128, theirs)
    large, large_equal = compare(512, arguments.turns_512, theirs)
    report = {
        "ours_over_loop_128": round(statistics.median(small), 3),
        "ours_over_loop_512": round(statistics.median(large), 3),
        "values_equal": small_equal and large_equal,
        "quartiles_128": [round(q, 3) for q in statistics.quantiles(small, n=4)],
        "quartiles_512": [round(q, 3) for q in statistics.quantiles(large, n=4)],
        "threads": THREADS,
    }
    if arguments.long_frames:
        grown = peak_memory(arguments.long_frames, 720, 1280)
        report["memory_gib_720p"] = round(grown, 2)
        report["frames_720p"] = arguments.long_frames
    print(json.dumps(report))


if __name__ == "__main__":
    main()
