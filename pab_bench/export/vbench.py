"""Videos of a sweep as files that the official VBench evaluates, and its results read back.

The layout of an export:
    <to>/export.json               which folder is which point, which file which prompt and seed
    <to>/<job>/<prompt>-<i>.mp4    videos of a job; nothing else lies there, as VBench wants it
    <to>/<job>/PPP-SEED.mp4        those of prompts that cannot be a file's name
    <to>/baseline-<point>/...      the baseline of the jobs, likewise
    <to>/prompts-<folder>.json     file name -> prompt: what VBench's `--prompt_file` takes
    <to>/vbench.csv, tables/       what VBench found, once it is read back
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pab_bench.errors import MetricUnavailable, PabBenchError
from pab_bench.files import write_json, write_text
from pab_bench.metrics.vbench.official import UnusableResults, read_results, video_name
from pab_bench.metrics.vbench.scores import DIMENSIONS, scores
from pab_bench.store.mp4 import FRAMES_PER_SECOND
from pab_bench.text.missing import MISSING

if TYPE_CHECKING:
    import pandas as pd

    from analysis.points import Point

SCHEMA = 1
MANIFEST = "export.json"
QUALITY = 5
"""imageio's default, with which PAB's authors wrote their videos; 10 is the best."""


class ExportRefused(PabBenchError):
    """Nothing that can be exported, or no export to read results for."""


def export(run: Path, to: Path, quality: int = QUALITY) -> dict[str, int]:
    """Write the videos of a sweep's (or single run's) finished points and of their baselines.

    Args:
        run: the folder of the run.
        to: where to write; files that are there are replaced.
        quality: of the mp4 files, 0..10.

    Returns:
        Folder name -> number of videos.

    Raises:
        ExportRefused: if no job is finished.
    """
    from analysis.errors import AnalysisError
    from analysis.load import load_sweep
    from analysis.same_prompts import same_prompts

    try:
        sweep = load_sweep(run)
    except AnalysisError as error:
        raise ExportRefused(str(error)) from error
    points = {str(job.number): point for job, point in sweep.finished}
    points |= {f"baseline-{point.id}": point for point in sweep.baselines}
    if not points:
        raise ExportRefused(f"{run}: no finished job")
    folders = {name: dict(_files(point)) for name, point in points.items()}
    for name, point in points.items():
        (to / name).mkdir(parents=True, exist_ok=True)
        for file, place in folders[name].items():
            _write(to / name / file, point.frames(place["prompt"], place["seed"]), quality)
        texts = {file: place["text"] for file, place in folders[name].items()}
        write_json(to / prompt_file(name), texts)
    write_json(
        to / MANIFEST,
        {
            "schema": SCHEMA,
            "frames_per_second": FRAMES_PER_SECOND,
            "quality": quality,
            "folders": {
                name: {
                    "point": point.id,
                    "videos": folders[name],
                    "same_prompts": {str(k): v for k, v in same_prompts(point).items()},
                }
                for name, point in points.items()
            },
        },
    )
    return {name: len(files) for name, files in folders.items()}


def prompt_file(folder: str) -> str:
    """Name of the file with the prompts of a folder's videos."""
    return f"prompts-{folder}.json"


def _files(point: Point) -> Iterator[tuple[str, dict[str, Any]]]:
    """File name -> prompt, seed and text; videos of a prompt are counted from 0, as VBench does."""
    videos = point.videos()
    taken = {_short_name(prompt, seed) for prompt, seed in videos}
    for prompt, text in enumerate(point.value("prompts")):
        seeds = [seed for own, seed in videos if own == prompt]
        names = [_standard_name(text, index) for index in range(len(seeds))]
        stored = {_as_stored(name) for name in names if name is not None}
        if len(stored) < len(seeds) or stored & taken:
            names = [_short_name(prompt, seed) for seed in seeds]
        taken |= stored
        for name, seed in zip(names, seeds, strict=True):
            assert name is not None
            yield name, {"prompt": prompt, "seed": seed, "text": text}


def _short_name(prompt: int, seed: int) -> str:
    return f"{prompt:03d}-{seed}.mp4"


def _standard_name(prompt: str, index: int) -> str | None:
    """The name that VBench looks for; None where no file can have it."""
    try:
        name = video_name(prompt, index)
    except ValueError:
        return None
    return name if name.isprintable() else None


def _as_stored(name: str) -> str:
    """A name as file systems compare it, of which some keep letters and their accents apart."""
    return unicodedata.normalize("NFC", name)


def _write(path: Path, frames: Any, quality: int) -> None:
    import imageio

    imageio.mimwrite(path, list(frames), fps=FRAMES_PER_SECOND, quality=quality, macro_block_size=2)


@dataclass(frozen=True)
class ReadBack:
    """What VBench found for an export.

    Attributes:
        videos: columns folder, prompt, seed, metric, value: one row per video and dimension.
        sets: columns folder, metric, score: as VBench computed it.
        same: by folder, the prompts that are the same video as an earlier one.
    """

    videos: pd.DataFrame
    sets: pd.DataFrame
    same: Mapping[str, Mapping[int, int]] = field(default_factory=dict)


def read_back(to: Path, results: Sequence[Path]) -> ReadBack:
    """Match VBench's results with the videos of an export.

    Args:
        to: the export.
        results: files `*_eval_results.json`, each of one folder of the export.

    Raises:
        ExportRefused: if `to` is no export.
        UnusableResults: if a file holds no results, or those of other videos.
    """
    import pandas as pd

    try:
        folders = json.loads((to / MANIFEST).read_text(encoding="utf-8"))["folders"]
    except (OSError, ValueError, KeyError) as error:
        raise ExportRefused(f"{to}: no export: {MANIFEST} cannot be read: {error}") from error
    videos: list[dict[str, Any]] = []
    sets: list[dict[str, Any]] = []
    named = {
        folder: {_as_stored(file): place for file, place in content["videos"].items()}
        for folder, content in folders.items()
    }
    for path in results:
        for dimension, result in read_results(path).items():
            names = {Path(video).parent.name for video in result.videos}
            if len(names) != 1 or not names <= set(folders):
                raise UnusableResults(
                    f"{path}: {dimension}: expected videos of one folder of {to} "
                    f"({', '.join(folders)}), got {', '.join(sorted(names)) or 'none'}"
                )
            (folder,) = names
            place = {"folder": folder, "metric": dimension}
            sets.append({**place, "score": result.score})
            for video, value in result.videos.items():
                known = named[folder].get(_as_stored(Path(video).name))
                if known is None:
                    raise UnusableResults(f"{path}: {video} is not a video of the export")
                own = {"prompt": known["prompt"], "seed": known["seed"], "value": value}
                videos.append({**place, **own})
    frame = pd.DataFrame(sets, columns=["folder", "metric", "score"])
    twice = frame[frame.duplicated(["folder", "metric"])]
    if len(twice):
        first = twice.iloc[0]
        raise UnusableResults(f"{first['metric']} of folder {first['folder']} is there twice")
    columns = ["folder", "prompt", "seed", "metric", "value"]
    same = {
        name: {int(prompt): first for prompt, first in content.get("same_prompts", {}).items()}
        for name, content in folders.items()
    }
    return ReadBack(pd.DataFrame(videos, columns=columns), frame, same)


def write_tables(found: ReadBack, to: Path) -> list[Path]:
    """Write vbench.csv, vbench_videos.csv, tables/vbench.md and tables/vbench.tex."""
    from pab_bench.text.latex import latex_table
    from pab_bench.text.markdown import markdown_table
    from pab_bench.text.spreadsheet import csv_text

    summary = summary_frame(found)
    headings = ["folder", "dimension", "score", "mean of videos", "95 % interval", "videos", "note"]
    rows = [_cells(row) for row in summary.to_dict("records")]
    numeric = [False, False, True, True, True, True, False]
    notes = [
        "Computed by the official VBench. Score: as it weighs videos; mean and interval: every "
        "video weighs the same (BCa bootstrap over prompts, 9999 resamples, seed 0).",
        *_totals(found),
    ]
    tables = to / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    write_text(to / "vbench_videos.csv", csv_text(found.videos))
    write_text(to / "vbench.csv", csv_text(summary))
    text = markdown_table(headings, rows, numeric) + "\n" + "".join(f"- {n}\n" for n in notes)
    (tables / "vbench.md").write_text(text, encoding="utf-8")
    latex = latex_table(headings, rows, numeric, notes)
    (tables / "vbench.tex").write_text(latex, encoding="utf-8")
    return [
        to / "vbench.csv",
        to / "vbench_videos.csv",
        tables / "vbench.md",
        tables / "vbench.tex",
    ]


def summary_frame(found: ReadBack) -> pd.DataFrame:
    """One row per folder and dimension: score, normalised score, mean of videos with interval."""
    import pandas as pd

    from pab_bench.statistics import samples_by_metric, summarise

    rows = []
    for (folder, metric), score in found.sets.set_index(["folder", "metric"])["score"].items():
        own = found.videos[(found.videos["folder"] == folder) & (found.videos["metric"] == metric)]
        same = found.same.get(str(folder), {})
        summary = summarise(samples_by_metric(own)[metric], same=same)
        ends = summary.mean_interval
        rows.append(
            {
                "folder": folder,
                "metric": metric,
                "score": score,
                "normalised": DIMENSIONS[metric].normalised(score),
                "mean": summary.mean,
                "low": ends.low if ends else None,
                "high": ends.high if ends else None,
                "videos": summary.count,
                "note": summary.note,
            }
        )
    return pd.DataFrame(rows)


def _cells(row: dict[str, Any]) -> list[str]:
    missing = row["low"] is None or row["low"] != row["low"]  # NaN is how a table says missing.
    interval = MISSING if missing else f"{row['low']:.4f} to {row['high']:.4f}"
    numbers = [f"{row['score']:.4f}", f"{row['mean']:.4f}", interval, str(row["videos"])]
    return [row["folder"], row["metric"], *numbers, row["note"]]


def _totals(found: ReadBack) -> Iterator[str]:
    """Quality, semantic and total score of every folder, or what is missing for them."""
    for folder, own in found.sets.groupby("folder"):
        try:
            total = scores(dict(zip(own["metric"], own["score"], strict=True)))
        except MetricUnavailable as reason:
            yield f"{folder}: no total score: {reason}"
        else:
            yield (
                f"{folder}: quality {total.quality:.4f}, semantic {total.semantic:.4f}, "
                f"total {total.total:.4f}"
            )
