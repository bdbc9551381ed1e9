"""Exit statuses, what is refused before anything is read, and pairs that fail on their own."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pab_bench.compare import command
from pab_bench.compare.command import main
from pab_bench.compare.pairs import Pairs
from pab_bench.metrics import Ssim

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folders(tmp_path):
    sides = tmp_path / "reference", tmp_path / "test"
    for number, side in enumerate(sides):
        side.mkdir()
        for name in ("a", "b"):
            pixels = np.random.default_rng(number).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
            np.save(side / f"{name}.npy", pixels)
    return sides


def compare(folders, *options, output="out", metrics=("psnr",)):
    place = ["--output", str(folders[0].parent / output)]
    return main([*map(str, folders), "--metrics", *metrics, *place, *options])


def nothing_is_read(monkeypatch):
    monkeypatch.setattr(Pairs, "clips", lambda self: pytest.fail("a video was read"))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("reference/out", "lies in "),
        ("test", "lies in "),
        ("test/../test/a/b", "lies in "),
        ("afile", "nothing can be written there: "),
    ],
)
def test_outputs_are_refused_before_anything_is_read(output, message, folders, capsys, monkeypatch):
    nothing_is_read(monkeypatch)
    (folders[0].parent / "afile").touch()
    assert compare(folders, output=output) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: --output {folders[0].parent / output}: ")
    assert message in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("which", [0, 1])
def test_an_empty_name_is_no_folder(which, folders, capsys, monkeypatch):
    nothing_is_read(monkeypatch)
    sides = [*map(str, folders)]
    sides[which] = ""
    assert main(sides) == 2
    key = ("REF_DIR", "TEST_DIR")[which]
    assert capsys.readouterr().err == f"error: {key} '': expected a folder, got nothing\n"


class Failing(Ssim):
    """Fails on dark videos."""

    def values(self, video, reference=None, about=None):
        if video.max() == 0:
            raise RuntimeError("out of memory\nand much more")
        return super().values(video, reference)


@pytest.mark.parametrize("failing", ["a", "b"])
def test_what_fails_on_one_pair_refuses_that_pair(failing, folders, capsys, monkeypatch):
    monkeypatch.setitem(command.METRICS, "ssim", Failing)
    np.save(folders[1] / f"{failing}.npy", np.zeros((3, 16, 16, 3), np.uint8))
    assert compare(folders, metrics=("psnr", "ssim", "temporal_flickering")) == 1
    other = {"a": "b", "b": "a"}[failing]
    videos = pd.read_csv(folders[0].parent / "out" / "videos.csv")
    assert set(videos["pair"]) == {other}
    assert videos["value"].notna().all()
    reason = "could not be measured: RuntimeError: out of memory"
    assert f"refused: {failing}: {reason}\n" in capsys.readouterr().err
    record = json.loads((folders[0].parent / "out" / "comparison.json").read_text("utf-8"))
    assert record["refused"] == {failing: reason}
    assert record["pairs"] == [other]


def test_counts_of_both_and_what_was_done_are_told(folders, capsys):
    frames = np.random.default_rng(0).integers(0, 2, (3, 16, 16, 3), dtype=np.uint8) * 255
    for folder, name, durations in (
        (folders[0], "c", [100, 100, 200]),
        (folders[1], "c", [100, 100, 100]),
        (folders[0], "d", [100, 100, 200]),
        (folders[1], "d", [100, 200, 100]),
    ):
        images = [Image.fromarray(frame) for frame in frames]
        more = {"save_all": True, "append_images": images[1:], "duration": durations}
        images[0].save(folder / f"{name}.gif", **more)
    assert compare(folders) == 1
    printed = capsys.readouterr()
    repeated = "3 frames repeated by their durations to 4, 10 a second"
    assert (
        f"refused: c: expected as many frames of one size, got {folders[1] / 'c.gif'}: 3 frames of "
        f"16 x 16 (height x width), and {folders[0] / 'c.gif'}: 4 frames of 16 x 16 (height x "
        f"width) ({repeated})\n"
    ) in printed.err
    out = folders[0].parent / "out"
    table = (out / "tables" / "summary.md").read_text("utf-8")
    for side in ("reference", "test"):
        note = f"Note: d: {side}: {repeated}"
        assert note in printed.out
        assert note in table
    record = json.loads((out / "comparison.json").read_text("utf-8"))
    assert record["notes"] == {"d": [f"reference: {repeated}", f"test: {repeated}"]}


def test_frames_numbered_in_other_steps_are_other_moments(folders, capsys):
    for side, step in zip(folders, (1, 2), strict=True):
        (side / "c").mkdir()
        for number in range(3):
            Image.new("RGB", (16, 16)).save(side / "c" / f"{number * step}.png")
    assert compare(folders) == 1
    assert "their frames are numbered in steps of 2 and 1" in capsys.readouterr().err


def test_steps_against_a_video_without_numbers_are_told(folders, capsys):
    np.save(folders[0] / "c.npy", np.zeros((3, 16, 16, 3), np.uint8))
    (folders[1] / "c").mkdir()
    for number in (0, 5, 10):
        Image.new("RGB", (16, 16)).save(folders[1] / "c" / f"{number}.png")
    assert compare(folders) == 0
    assert "Note: c: test: its frames are numbered in steps of 5" in capsys.readouterr().out


def test_results_that_cannot_be_written_are_shown_and_end_with_3(folders, capsys, monkeypatch):
    # Between the trial and the writing somebody else makes a file of that name.
    original = Pairs.clips

    def clips(self):
        (folders[0].parent / "out").touch()
        return original(self)

    monkeypatch.setattr(Pairs, "clips", clips)
    assert compare(folders) == 3
    printed = capsys.readouterr()
    assert "PSNR" in printed.out
    assert "out: cannot be written: " in printed.err
    assert "Traceback" not in printed.err


def test_a_crash_is_neither_refused_pairs_nor_bad_usage(folders):
    # Found before the library of that name.
    (folders[0].parent / "torchvision.py").write_text("raise ValueError('broken')")
    done = subprocess.run(
        [sys.executable, "-m", "pab_bench.compare", *map(str, folders)],
        cwd=folders[0].parent,
        env={"PYTHONPATH": f"{folders[0].parent}:{ROOT}", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "ValueError: broken" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: this is a fault of pab_bench")
