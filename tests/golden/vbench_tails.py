"""Our VBench formulas and frame preparation against values of VBench's own code."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pab_bench.metrics.aggregate import mean_of_frames, mean_of_videos
from pab_bench.metrics.base import Frames
from pab_bench.metrics.mean import Mean
from pab_bench.metrics.stand_ins.blend_smoothness import BlendSmoothness
from pab_bench.metrics.temporal_flickering import TemporalFlickering
from pab_bench.metrics.vbench import formulas
from pab_bench.metrics.vbench.scores import DIMENSIONS, scores
from pab_bench.metrics.vbench.transforms import clip_input, dino_input
from pab_bench.verify.base import Check, check, failed_check, max_absolute_difference

GOLDENS = "vbench_goldens.json"
FLOAT32 = 1e-6
"""VBench sums in float32."""
DOUBLE = 1e-12
_Golden = Mapping[str, Any]


def vbench_checks(folder: Path) -> Iterator[Check]:
    """Check every section of the file; one that is not known is a failed check."""
    goldens = json.loads((folder / GOLDENS).read_text(encoding="utf-8"))
    for section, golden in goldens.items():
        if section in SECTIONS:
            yield from SECTIONS[section](folder, golden)
        else:
            yield failed_check(GOLDENS, section, f"unknown section; known: {', '.join(SECTIONS)}")


def _check(case: str, tolerance: float, difference: Callable[[], float]) -> Check:
    return check(GOLDENS, case, tolerance, difference)


def _exact(case: str, ours: Callable[[], Any], golden: Any) -> Check:
    return check(GOLDENS, case, 0, lambda: float(ours() != golden), "exact")


def _consistency(folder: Path, golden: _Golden) -> Iterator[Check]:
    del folder
    terms = [formulas.consistency(features) for features in golden["features"]]
    yield _check(
        "consistency per video",
        FLOAT32,
        lambda: max_absolute_difference([t.mean() for t in terms], golden["per_video"]),
    )
    yield _check(
        "consistency of all frames",
        FLOAT32,
        lambda: abs(np.concatenate(terms).mean() - golden["overall_sum_over_terms"]),
    )


def _smoothness(folder: Path, golden: _Golden) -> Iterator[Check]:
    for clip, videos in golden["clips"].items():
        for name, value in videos.items():
            yield _check(
                f"motion smoothness of a blend, {clip} {name}",
                FLOAT32,
                partial(_smoothness_difference, folder, clip, name, value),
            )


def _smoothness_difference(folder: Path, clip: str, name: str, golden: float) -> float:
    arrays = _arrays(folder, clip)
    video = arrays["ref"][:-1] if name == "ref_first_T_minus_1_frames" else arrays[name]
    return abs(float(BlendSmoothness().values(video).mean()) - golden)


def _dynamic_degree(folder: Path, golden: _Golden) -> Iterator[Check]:
    del folder
    for case in golden["params"]:
        name = f"{case['h']}x{case['w']}, {case['sampled_frames']} frames"
        yield _exact(
            f"dynamic degree limits, {name}",
            partial(_motion_limits, case),
            [case["thres"], case["count_num"]],
        )
    for case in golden["get_score"]:
        yield _check(
            f"dynamic degree speed, {case['h']}x{case['w']}",
            FLOAT32 * case["score"],
            partial(_speed_difference, case),
        )
    for case in golden["check_move"]:
        yield _exact(
            f"dynamic degree decision, {case['sampled_frames']} frames, {case['scores']}",
            partial(formulas.moves, case["scores"], case["sampled_frames"], case["min_side"]),
            case["moves"],
        )
    for rate, interval in golden["frame_interval_by_fps"].items():
        yield _exact(
            f"dynamic degree interval at {rate} fps",
            partial(formulas.frame_interval, float(rate)),
            interval,
        )


def _motion_limits(case: _Golden) -> list[float]:
    return [
        formulas.motion_threshold(min(case["h"], case["w"])),
        formulas.moving_pairs_needed(case["sampled_frames"]),
    ]


def _imaging_pixels(height: int, width: int) -> list[int]:
    return list(formulas.imaging_size(height, width))


def _speed_difference(case: _Golden) -> float:
    y, x = np.mgrid[: case["h"], : case["w"]].astype(np.float32)
    flow = np.stack([0.25 * x - 1.5, 0.1 * y + 0.05 * x], axis=-1)
    return abs(formulas.fast_motion(flow) - case["score"])


def _middle_frames(folder: Path, golden: _Golden) -> Iterator[Check]:
    del folder
    for frames, chosen in golden.items():
        yield _exact(
            f"middle frames of {frames}",
            partial(formulas.middle_frames, int(frames)),
            chosen,
        )


def _prompts(folder: Path, golden: _Golden) -> Iterator[Check]:
    del folder
    for name, prompt in golden.items():
        yield _exact(f"prompt of {name}", partial(formulas.prompt_of_file, name), prompt)


def _transforms(folder: Path, golden: _Golden) -> Iterator[Check]:
    prepare = {"dino_transform_224": dino_input, "clip_transform_224": clip_input}
    for clip, transforms in golden.items():
        if clip == "note":
            continue
        for name, values in transforms.items():
            yield _check(
                f"{name}, {clip}",
                FLOAT32,
                partial(_transform_difference, folder, clip, prepare[name], values),
            )


def _transform_difference(
    folder: Path, clip: str, prepare: Callable[[Frames, str], Any], golden: _Golden
) -> float:
    images = prepare(_arrays(folder, clip)["ref"][:2], "cpu").numpy()
    if list(images.shape) != golden["shape"]:
        raise ValueError(f"expected shape {golden['shape']}, got {images.shape}")
    ours = [images.mean(), images.std(ddof=1), images.min(), images.max()]
    theirs = [golden[key] for key in ("mean", "std", "min", "max")]
    pixels = [*images[0, :, 0, 0], *images[1, :, 57, 97]]
    return max_absolute_difference(
        [*ours, *pixels], [*theirs, *golden["px[0,:,0,0]"], *golden["px[1,:,57,97]"]]
    )


def _imaging_size(folder: Path, golden: _Golden) -> Iterator[Check]:
    del folder
    for size, result in golden["longer"].items():
        height, width = map(int, size.split("x"))
        yield _exact(
            f"imaging quality size of {size}",
            partial(_imaging_pixels, height, width),
            result,
        )


def _scores(folder: Path, golden: _Golden) -> Iterator[Check]:
    del folder
    for case in golden["cases"]:
        raw = {_underscored(name): value for name, value in case["raw"].items()}
        yield _check(f"scores, {case['name']}", DOUBLE, partial(_score_difference, raw, case))
        yield _check(
            f"normalised dimensions, {case['name']}",
            DOUBLE,
            partial(_normalised_difference, raw, case["normalized_times_weight"]),
        )


def _score_difference(raw: Mapping[str, float], case: _Golden) -> float:
    ours = scores(raw)
    return max_absolute_difference(
        [ours.quality, ours.semantic, ours.total],
        [case[name] for name in ("quality", "semantic", "total")],
    )


def _normalised_difference(raw: Mapping[str, float], golden: _Golden) -> float:
    theirs = {_underscored(name): value for name, value in golden.items()}
    ours = [one.weight * one.normalised(raw[name]) for name, one in DIMENSIONS.items()]
    return max_absolute_difference(ours, [theirs[name] for name in DIMENSIONS])


def _underscored(name: str) -> str:
    return name.replace(" ", "_")


def _arrays(folder: Path, clip: str) -> dict[str, Frames]:
    with np.load(folder / f"{clip}.npz", allow_pickle=False) as archive:
        return dict(archive)


def _flickering(folder: Path, golden: _Golden) -> Iterator[Check]:
    def videos() -> list[Mean]:
        metric, found = TemporalFlickering(), []
        for name in golden["videos"]:
            clip, _, array = name.partition("/")
            found.append(mean_of_frames(metric.values(_arrays(folder, clip)[array])))
        return found

    yield _check(
        "temporal flickering per video",
        FLOAT32,
        lambda: max_absolute_difference(
            [float(video.value or 0) for video in videos()], golden["per_video"]
        ),
    )
    yield _check(
        "temporal flickering of all videos",
        FLOAT32,
        lambda: abs(float(mean_of_videos(videos()).value or 0) - golden["dimension_score"]),
    )


def _nothing(folder: Path, golden: _Golden) -> Iterator[Check]:
    """Sections that say where the file comes from."""
    del folder, golden
    yield from ()


SECTIONS: dict[str, Callable[[Path, _Golden], Iterator[Check]]] = {
    "frame_consistency": _consistency,
    "motion_smoothness_linear_blend": _smoothness,
    "dynamic_degree_tail": _dynamic_degree,
    "overall_consistency_frame_indices_8_middle": _middle_frames,
    "prompt_from_filename": _prompts,
    "transforms": _transforms,
    "imaging_quality_input_size_HW": _imaging_size,
    "total_score": _scores,
    "temporal_flickering_dataset": _flickering,
    "source": _nothing,
}
