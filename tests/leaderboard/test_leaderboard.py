"""Points of several places in one table: who is ranked with whom, and who cannot be told apart."""

import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.metrics import MetricFacts
from pab_bench.files import read_json, write_digests, write_json
from pab_bench.leaderboard.budgets import budget_class
from pab_bench.leaderboard.command import main
from pab_bench.leaderboard.entries import Entry
from pab_bench.leaderboard.ranking import rank, top

# Beside the tests of the analysis, which are no package.
sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))
import synthetic

LPIPS = MetricFacts("lpips", "LPIPS", higher_is_better=False)
PSNR = MetricFacts("psnr_db", "PSNR", "dB", higher_is_better=True)


def entry(values, method="pab, output", metric="lpips"):
    """An entry with these values of videos of as many prompts."""
    samples = {metric: {(prompt, 0): float(value) for prompt, value in enumerate(values)}}
    return Entry("same", "title", method, None, 1.5, None, samples, {}, "machine", [1])


HARD = np.linspace(0.1, 0.5, 12)
"""How hard prompts are, which is most of the spread between videos."""


def test_paired_differences_tell_apart_what_intervals_of_means_cannot():
    better, worse = entry(HARD), entry(HARD + 0.01 + 0.001 * np.sin(range(12)))
    first, second = rank([worse, better], LPIPS)
    assert (first.entry, first.mark) == (better, "1")
    assert (second.entry, second.mark) == (worse, "2")
    assert second.difference.interval.low > -0.02


def test_what_cannot_be_told_apart_from_the_best_shares_its_rank():
    noise = np.random.default_rng(0).normal(0, 0.05, 12)
    marks = [one.mark for one in rank([entry(HARD), entry(HARD + noise), entry(HARD + 1)], LPIPS)]
    assert marks == ["1=", "1=", "3"]


def test_the_direction_is_the_metrics():
    low, high = entry([20.0] * 3, metric="psnr_db"), entry([30.0] * 3, metric="psnr_db")
    assert [one.entry for one in rank([low, high], PSNR)] == [high, low]


def test_one_video_is_too_few_and_none_has_no_rank():
    nothing = entry([])
    found = rank([nothing, entry([0.1]), entry([0.5])], LPIPS)
    assert [one.mark for one in found] == ["1=", "1=", ""]
    assert found[-1].entry is nothing


def test_the_best_of_every_method_are_kept():
    ranked = rank([entry(HARD + 0.1 * n, method) for n in range(3) for method in "ab"], LPIPS)
    assert [one.entry.method for one in top(ranked, 1)] == ["a", "b"]
    assert len(top(ranked, 2)) == 4
    assert top(ranked, 0) == ranked


def test_classes_have_no_gaps():
    names = [budget_class(ratio) for ratio in (0.5, 1.0999, 1.1, 1.2499, 1.25, 1.5, 2.0, 9.0)]
    assert names == [
        *("below 1.1x", "below 1.1x", "1.1x to 1.25x", "1.1x to 1.25x"),
        *("1.25x to 1.5x", "1.5x to 2x", "2x and more", "2x and more"),
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A results folder with a baseline and two points, with speeds and operations."""
    root = tmp_path_factory.mktemp("leaders") / "first"
    synthetic.write_store(root)
    edit(root, lambda record: record.update(cost={"flops_ratio": 0.75}))
    return root


def edit(root, change):
    for path in root.glob("points/*/record.json"):
        record = read_json(path)
        change(record)
        write_json(path, record)
        write_digests(path.parent)


def table(capsys, *arguments):
    assert main([str(argument) for argument in arguments]) == 0
    return capsys.readouterr().out


def rows(text):
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[1:]]


def test_a_row_has_method_budget_speed_quality_and_place(store, capsys):
    text = table(capsys, store)
    found = rows(text)
    assert [row["budget"] for row in found] == ["1.25x to 1.5x"] * 2
    assert found[0]["operations"] == "1.333x"
    assert re.fullmatch(r"1\.250 \[1\.\d+, 1\.\d+\]", found[0]["speedup [95 %]"])
    assert {row["from"] for row in found} == {"[1]"}
    assert "## tiny, 20 steps, guidance 7.5, float32, 2 prompts x 2 seeds" in text
    assert "[1] first: a folder, 2026-01-01T00:00:00Z, made on cpu, Test CPU, Linux" in text
    assert "fewer than 10 prompts" in text


def test_budgets_can_be_of_measured_speedups(store, tmp_path, capsys):
    shutil.copytree(store, tmp_path / "timed")
    synthetic.time_points(tmp_path / "timed", {2: 8.5, 4: 4.0})
    found = rows(table(capsys, tmp_path / "timed", "--budget", "speedup", "--metric", "psnr_db"))
    assert [row["budget"] for row in found] == ["1.1x to 1.25x", "2x and more"]


def test_the_same_configuration_of_two_places_is_one_row(store, tmp_path, capsys):
    again = tmp_path / "second"
    shutil.copytree(store, again)
    found = rows(table(capsys, store, again))
    assert {row["from"] for row in found} == {"[1] [2]"}


def test_another_value_of_the_same_configuration_is_told(store, tmp_path, capsys):
    again = tmp_path / "second"
    shutil.copytree(store, again)
    path = again / "points" / synthetic.point_id(2) / "metrics.parquet"
    metrics = pd.read_parquet(path)
    metrics.loc[metrics["metric"] == "ssim", "value"] *= 0.9
    metrics.to_parquet(path, index=False)
    write_digests(path.parent)
    text = table(capsys, store, again)
    assert "[2] has another SSIM than [1], which is shown" in text
    assert "another PSNR" not in text


def test_other_conditions_are_another_table(store, tmp_path, capsys):
    other = tmp_path / "second"
    shutil.copytree(store, other)
    edit(other, lambda record: record["config"].update(steps=10))
    text = table(capsys, store, other)
    assert text.count("\n## ") == 2
    assert {row["from"] for row in rows(text)[:2]} == {"[2]"}


EVIL = "<script>alert('x')</script> \\input{x} | `a`"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = set()

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        assert not {"src", "href", "onclick"} & {name for name, _ in attrs}


@pytest.mark.parametrize("form", ["html", "markdown", "latex"])
def test_texts_of_strangers_stay_texts(store, tmp_path, form):
    evil = tmp_path / "evil"
    shutil.copytree(store, evil)

    def rename(record):
        record["model"]["name"] = EVIL
        record["config"]["method"] = EVIL
        record["provenance"]["cpu"] = EVIL

    edit(evil, rename)
    out = tmp_path / "out"
    assert main([str(evil), "--format", form, "-o", str(out)]) == 0
    text = out.read_text()
    if form == "latex":
        assert r"\input" not in text
        assert r"\textbackslash{}input\{x\}" in text
        return
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    if form == "html":
        tags = Tags()
        tags.feed(text)
        assert "table" in tags.found
        assert not tags.found & {"script", "img", "link", "iframe"}
        assert "default-src 'none'" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: is not there"),
        (["--top", "-1"], "--top -1"),
        (["--metric", "speed"], "--metric speed: no point can be ranked by it; there are"),
        (["-o", "."], "-o .: cannot be written: it is a folder"),
    ],
)
def test_what_cannot_be_made(store, capsys, arguments, said):
    sources = [] if arguments[0] == "nowhere" else [str(store)]
    assert main([*sources, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_speeds_of_several_machines_are_not_compared(store, tmp_path, capsys):
    other = tmp_path / "second"
    shutil.copytree(store, other)
    (other / "points" / synthetic.point_id(2)).rename(tmp_path / "gone")
    first = tmp_path / "first"
    shutil.copytree(store, first)
    (first / "points" / synthetic.point_id(4)).rename(tmp_path / "gone too")
    edit(other, lambda record: record["provenance"].update(cpu="Other CPU"))
    records = [read_json(p) for p in sorted(other.glob("points/*/record.json"), reverse=True)]
    seconds = {record["id"]: 10.0 if record["is_baseline"] else 5.0 for record in records}
    synthetic.made_timings.write_timings(other, records, seconds)
    text = table(capsys, first, other)
    assert "Speedups are of several machines" in text
    assert "Speedups are of several machines" not in table(capsys, first)
