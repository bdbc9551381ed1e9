"""`task=sample`: just the videos of a prompt list, in a folder, with or without broadcasting."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from pab_bench import progress
from pab_bench.config.grid import Grid
from pab_bench.config.sections import RecordSettings
from pab_bench.config.settings import Settings
from pab_bench.experiment.calibrated import check_weights
from pab_bench.experiment.device import take_gpu
from pab_bench.experiment.external import attached
from pab_bench.experiment.failures import describe
from pab_bench.experiment.identity import digest_weights, identity, sampled_identity
from pab_bench.experiment.ranks import on_all, share
from pab_bench.experiment.sampling import denoiser_of, places
from pab_bench.experiment.session import open_session
from pab_bench.experiment.tape import Tapes, open_tapes
from pab_bench.experiment.video import Denoiser, VideoPlace, sample_video
from pab_bench.files import write_bytes, write_json
from pab_bench.methods.base import plan_of
from pab_bench.store.mp4 import write_mp4
from pab_bench.store.points import point_id
from pab_bench.tasks.flat_windows import with_windows
from pab_bench.tasks.job import Job

_log = logging.getLogger(__name__)


def sample_videos(settings: Settings, job: Job) -> None:
    """Write the videos of all prompts and seeds, shared out among the ranks.

    A video is `PPP-SEED.mp4` beside a `PPP-SEED.json` that says what it is. One that is there
    already, of the same settings, stays as it is. One that fails is noted, and the others go on.
    """
    if job.parallel:
        take_gpu(job.number)
    settings = with_windows(settings, job.sweep_directory)
    folder = settings.sample.folder or job.directory
    if settings.sample.folder is not None and job.multirun:
        folder /= str(job.number)  # Each point has its own videos.
    # A list of prompts is no measurement: nothing is recorded, and every video is sampled once.
    settings = replace(
        settings,
        metrics=(),
        measure=replace(settings.measure, repeats=1, warmups=0),
        record=RecordSettings(curves=False, videos=True),
    )
    results = on_all(write_share, settings, folder)
    videos = sorted((v for one in results for v in one), key=lambda v: (v["prompt"], v["seed"]))
    write_json(job.directory / "samples.json", {"folder": str(folder), "videos": videos})
    failed = any(video["error"] for video in videos)
    progress.current().point("failed" if failed else "ok", cached=False)


def finish_samples(directory: Path, grid: Grid, interrupted: bool) -> int:
    """Say where the videos are; 0 if all are there, otherwise 1."""
    lists = [directory / "samples.json", *sorted(directory.glob("*/samples.json"))]
    failed = 0
    found = [json.loads(path.read_text()) for path in lists if path.exists()]
    for content in found:
        errors = [video for video in content["videos"] if video["error"]]
        failed += len(errors)
        count = len(content["videos"]) - len(errors)
        print(f"{count} video{'' if count == 1 else 's'} in {content['folder']}")
        for video in errors:
            error = video["error"]
            print(
                f"prompt {video['prompt']}, seed {video['seed']} failed: {error['type']}: "
                f"{error['message']}"
            )
    return int(failed > 0 or len(found) < len(grid.points))


def write_share(rank: int, ranks: int, settings: Settings, folder: Path) -> list[dict[str, Any]]:
    """The part of `sample_videos` that one rank does: a line for every video."""
    session = open_session(settings)
    session.tell(settings)
    digest = digest_weights(settings, session.sampler.weights)
    check_weights(settings, digest)
    determined_by = identity(settings, digest)
    plan = plan_of(settings.method, session.sampler, settings.steps, settings.guidance)
    tapes = open_tapes(settings, determined_by, plan, session.device)
    lines = []
    with attached(settings, session, plan) as foreign:
        denoiser = denoiser_of(settings, session, plan, foreign)
        for place in share(places(settings), rank, ranks):
            line: dict[str, Any] = {"prompt": place.index, "seed": place.seed, "error": None}
            stem = folder / f"{place.index:03d}-{place.seed}"
            content = sampled_identity(determined_by, place.prompt, place.seed)
            about = {"id": point_id(content), **content}
            try:
                if not _is_there(stem, about, settings):
                    _write(stem, about, settings, denoiser, place, tapes)
            except Exception as error:  # The others are wanted nevertheless.
                _log.exception("%s failed", place)
                line["error"] = describe(error)
            lines.append(line)
    return lines


def _is_there(stem: Path, about: dict[str, Any], settings: Settings) -> bool:
    kinds = [".mp4", *([".safetensors"] if settings.sample.lossless else [])]
    if settings.fresh or not all(stem.with_suffix(kind).exists() for kind in kinds):
        return False
    try:
        known = json.loads(stem.with_suffix(".json").read_text())
    except (OSError, ValueError):
        return False
    return bool(known == about)


def _write(
    stem: Path,
    about: dict[str, Any],
    settings: Settings,
    denoiser: Denoiser,
    place: VideoPlace,
    tapes: Tapes | None,
) -> None:
    tape = None if tapes is None else tapes.open(place.prompt, place.seed)
    video = sample_video(denoiser, place, settings.measure, tape=tape)
    _log.info("%s: %.2f s", place, video.timing["denoise_s"][0])
    stem.parent.mkdir(parents=True, exist_ok=True)
    # What says that the video is there goes first and comes back last.
    stem.with_suffix(".json").unlink(missing_ok=True)
    if settings.sample.lossless:
        from safetensors.numpy import save

        data = save({"frames": np.ascontiguousarray(video.frames)})
        write_bytes(stem.with_suffix(".safetensors"), data)
    write_mp4(stem.with_suffix(".mp4"), video.frames)
    write_json(stem.with_suffix(".json"), about)
