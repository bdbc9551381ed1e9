"""Two folders compared: every kind of source, every kind of bad input, the tables."""

import json
import subprocess
import sys
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from pab_bench.compare.command import main, metric_names
from pab_bench.compare.sources import read_video
from pab_bench.compare.video import UnreadableVideo
from pab_bench.errors import ConfigError
from pab_bench.metrics import Psnr, Ssim, TemporalFlickering

QUICK = ["--metrics", "psnr", "ssim", "temporal_flickering"]


def random_video(seed, shape=(3, 32, 48)):
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


@pytest.fixture
def folders(tmp_path):
    """Two folders with the pairs `a cat-0`, `a cat-1` and `a dog-0` as npy files."""
    sides = tmp_path / "reference", tmp_path / "test"
    for number, side in enumerate(sides):
        side.mkdir()
        for place, name in enumerate(("a cat-0", "a cat-1", "a dog-0")):
            np.save(side / f"{name}.npy", random_video(10 * number + place))
    return sides


def compare(folders, *options):
    output = folders[0].parent / "out"
    status = main([*map(str, folders), "--output", str(output), *(options or QUICK)])
    return status, output


def write_mp4(path, frames, rate=10):
    imageio.imwrite(path, frames, fps=rate, codec="libx264", macro_block_size=2)


WRITERS = {
    "npy": lambda path, frames: np.save(path.with_suffix(".npy"), frames),
    "npz": lambda path, frames: np.savez(path.with_suffix(".npz"), frames=frames, other=[1]),
    "safetensors": lambda path, frames: save_file({"x": frames}, path.with_suffix(".safetensors")),
    "mp4": lambda path, frames: write_mp4(path.with_suffix(".mp4"), frames),
    "gif": lambda path, frames: imageio.imwrite(path.with_suffix(".gif"), frames, duration=100),
}


@pytest.mark.parametrize("kind", [*WRITERS, "images"])
def test_every_kind_of_source(kind, tmp_path):
    shades = np.arange(0, 240, 60, dtype=np.uint8)
    frames = np.broadcast_to(shades[:, None, None, None], (4, 32, 48, 3)).copy()
    path = tmp_path / "video.1"
    if kind == "images":
        path.mkdir()
        for number, frame in enumerate(frames):
            imageio.imwrite(path / f"{number:03d}.png", frame)
        (path / "notes.txt").touch()
    else:
        WRITERS[kind](path, frames)
        (path,) = tmp_path.iterdir()
    video = read_video(path)
    # Arrays and images do not say at what rate they are played.
    assert video.frames_per_second == pytest.approx(10 if kind in ("mp4", "gif") else 8)
    assert video.frames.dtype == np.uint8
    limit = 3 if kind in ("mp4", "gif") else 0
    assert np.abs(video.frames.astype(int) - frames).max() <= limit


def test_values_tables_and_record(folders):
    status, output = compare(folders)
    assert status == 0
    videos = pd.read_csv(output / "videos.csv").set_index(["pair", "metric"])
    frames = pd.read_parquet(output / "metrics.parquet")
    summary = pd.read_csv(output / "summary.csv").set_index("metric")
    for name in ("a cat-0", "a dog-0"):
        reference, test = (np.load(side / f"{name}.npy") for side in folders)
        for metric in (Psnr(), Ssim(), TemporalFlickering()):
            expected = metric.values(test, reference)
            row = videos.loc[name, metric.column]
            assert row["value"] == pytest.approx(expected.mean())
            own = frames[(frames["pair"] == name) & (frames["metric"] == metric.column)]
            np.testing.assert_allclose(own[own["frame"] >= 0]["value"], expected)
    assert videos.loc["a cat-1", "mse"]["prompt"] == "a cat"
    assert videos.loc["a cat-1", "mse"]["seed"] == 1
    psnr = summary.loc["psnr_db"]
    assert psnr["value"] == pytest.approx(videos.xs("psnr_db", level="metric")["value"].mean())
    assert psnr["low"] <= psnr["value"] <= psnr["high"]
    assert (psnr["videos"], psnr["unit"], bool(psnr["higher_is_better"])) == (3, "dB", True)
    assert "only 2 prompts" in psnr["note"]
    text = (output / "tables" / "summary.md").read_text("utf-8")
    assert "PSNR (dB) ↑" in text
    assert "3 of 3 pairs measured" in text
    assert f"{psnr['low']:.2f} to {psnr['high']:.2f}" in text
    assert r"\begin{tabular}" in (output / "tables" / "summary.tex").read_text("utf-8")
    record = json.loads((output / "comparison.json").read_text("utf-8"))
    assert record["pairs"] == ["a cat-0", "a cat-1", "a dog-0"]
    assert record["metrics"]["ssim"]["definition"] == Ssim.definition
    assert record["versions"]["numpy"] == np.__version__


def damage(folders, kind):
    reference, test = folders
    match kind:
        case "unpaired":
            np.save(test / "alone.npy", random_video(1))
            return "alone", f"only in {test}: expected one called alone in {reference}"
        case "twice":
            np.savez(test / "a dog-0.npz", random_video(1))
            return "a dog-0", "several videos of one name: "
        case "length":
            np.save(test / "a dog-0.npy", random_video(1, (2, 32, 48)))
            return "a dog-0", "2 frames of 32 x 48 (height x width), and "
        case "size":
            np.save(test / "a dog-0.npy", random_video(1, (3, 48, 32)))
            return "a dog-0", "3 frames of 48 x 32 (height x width), and "
        case "dtype":
            np.save(test / "a dog-0.npy", random_video(1) / 255)
            return "a dog-0", "a dog-0.npy: expected dtype uint8 (decoded frames, 0..255)"
        case "channels":
            np.save(test / "a dog-0.npy", random_video(1)[..., :2])
            return "a dog-0", "expected shape (frames, height, width, 3) without empty axes"
        case "empty":
            np.save(test / "a dog-0.npy", random_video(1)[:0])
            return "a dog-0", "without empty axes, got (0, 32, 48, 3)"
        case "unreadable":
            (test / "a dog-0.npy").write_bytes(b"no array")
            return "a dog-0", "a dog-0.npy: cannot be read: "
        case "pickle":
            np.save(test / "a dog-0.npy", np.array([{}], dtype=object), allow_pickle=True)
            return "a dog-0", "a dog-0.npy: cannot be read: ValueError"
        case "no video":
            (test / "a dog-0.npy").unlink()
            (test / "a dog-0.mp4").write_bytes(b"no video")
            return "a dog-0", "a dog-0.mp4: cannot be read: "
        case "mixed sizes":
            (test / "a dog-0.npy").unlink()
            (test / "a dog-0").mkdir()
            for number, side in enumerate((16, 24)):
                imageio.imwrite(
                    test / "a dog-0" / f"{number}.png", random_video(1, (1, side, 16))[0]
                )
            return (
                "a dog-0",
                "1.png: expected frames of one size: it has 24 x 16 (height x width), 0.p",
            )
    raise KeyError(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "unpaired",
        "twice",
        "length",
        "size",
        "dtype",
        "channels",
        "empty",
        "unreadable",
        "pickle",
        "no video",
        "mixed sizes",
    ],
)
def test_bad_pairs_are_refused_and_the_others_measured(kind, folders, capsys):
    name, reason = damage(folders, kind)
    status, output = compare(folders)
    assert status == 1
    errors = capsys.readouterr().err
    assert f"refused: {name}: " in errors
    assert reason in errors
    videos = pd.read_csv(output / "videos.csv")
    measured = set(videos[videos["value"].notna()]["pair"])
    assert measured == {"a cat-0", "a cat-1", "a dog-0"} - {name}
    text = (output / "tables" / "summary.md").read_text("utf-8")
    assert f"Refused: {name}: " in text
    assert f"{len(measured)} of {len(measured) + 1} pairs measured" in text


def test_what_a_metric_cannot_measure_is_missing_with_its_reason(folders, capsys):
    for number, side in enumerate(folders):
        np.save(side / "tiny.npy", random_video(number, (1, 16, 16)))
    status, output = compare(folders, "--metrics", "psnr", "lpips", "temporal_flickering")
    assert status == 0
    videos = pd.read_csv(output / "videos.csv").set_index(["pair", "metric"])
    assert videos.loc["tiny", "psnr_db"]["value"] > 0
    assert pd.isna(videos.loc["tiny", "lpips"]["value"])
    text = (output / "tables" / "summary.md").read_text("utf-8")
    assert "Missing: tiny: lpips: expected frames of at least 31x31, got 16x16" in text
    assert "Missing: tiny: temporal_flickering: expected at least 2 frames, got 1" in text
    assert "3 of 4" in text
    assert "Missing: tiny: lpips" in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["absent", "file", "empty", "only other files", "no common name"])
def test_nothing_to_compare(kind, folders, tmp_path, capsys):
    folder = tmp_path / "other"
    if kind == "file":
        folder.touch()
    elif kind != "absent":
        folder.mkdir()
    if kind == "only other files":
        (folder / "notes.txt").touch()
    if kind == "no common name":
        np.save(folder / "else.npy", random_video(1))
    status, output = compare((folders[0], folder))
    assert status == 2
    assert not output.exists()
    errors = capsys.readouterr().err
    expected = {
        "absent": "expected a folder, it does not exist",
        "file": "expected a folder, it is a file",
        "no common name": "else: only in",
    }
    assert expected.get(kind, "no videos in it or below it; expected video files (.mp4") in errors


def test_no_pair_is_left(folders, capsys):
    for path in folders[1].iterdir():
        path.write_bytes(b"broken")
    status, output = compare(folders)
    assert status == 2
    assert not output.exists()
    assert capsys.readouterr().err.count("refused: ") == 3


def test_other_files_are_named(folders, capsys):
    (folders[0] / "notes.txt").touch()
    (folders[0] / ".hidden.mp4").touch()
    assert compare(folders)[0] == 0
    assert f"ignored: {folders[0] / '.hidden.mp4'}, {folders[0] / 'notes.txt'}" in (
        capsys.readouterr().err
    )


def test_through_mp4_is_labelled_and_another_number(folders):
    status, output = compare(folders, "--through", "mp4", "--metrics", "psnr")
    assert status == 0
    text = (output / "tables" / "summary.md").read_text("utf-8")
    assert "PSNR (through mp4) (dB) ↑" in text
    summary = pd.read_csv(output / "summary.csv")
    assert list(summary["metric"]) == ["psnr_db_through_mp4", "mse_through_mp4"]
    raw = compare(folders)[1]
    other = pd.read_csv(raw / "summary.csv").set_index("metric").loc["psnr_db"]["value"]
    assert abs(summary["value"][0] - other) > 0.5


def test_options_reach_the_metrics(folders):
    for side in folders:
        np.save(side / "a dog-0.npy", random_video(0))
    status, output = compare(folders, "--metrics", "psnr", "--psnr-cap-db", "60")
    assert status == 0
    videos = pd.read_csv(output / "videos.csv").set_index(["pair", "metric"])
    assert videos.loc["a dog-0", "psnr_db"]["value"] == 60
    assert videos.loc["a dog-0", "mse"]["value"] == 0
    assert json.loads((output / "comparison.json").read_text("utf-8"))["psnr_cap_db"] == 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["--metrics", "ssim", "pnsr"],
            "--metrics pnsr: Unknown metric 'pnsr'. Did you mean 'psnr'",
        ),
        (["--metrics", "psnr", "ssim", "psnr"], "--metrics psnr ssim psnr: has psnr twice"),
        (["--metrics", "full", "psnr"], "--metrics full psnr: full stands for all"),
        (["--weights", ""], "--weights '': expected a folder, got nothing"),
        (["--metrics", "fvd", "--through", "mp4"], "fvd is not one of psnr, mse, ssim, lpips"),
        (["--psnr-cap-db", "-1"], "--psnr-cap-db -1.0: must be a finite number above 0"),
        (["--device", "cuda:99"], "--device cuda:99: "),
    ],
)
def test_refused_options(options, message, folders, capsys):
    assert compare(folders, *options)[0] == 2
    assert message in capsys.readouterr().err


def test_names():
    full = metric_names(["full"], None)
    assert {"lpips_vgg", "fvd", "dis_flow"} <= set(full)
    assert not any("through" in name for name in full)
    assert metric_names(None, "mp4") == [f"{n}_through_mp4" for n in ("psnr", "ssim", "lpips")]
    with pytest.raises(ConfigError):
        metric_names(["ssim", "colour_shift"], "mp4")


def test_the_error_of_a_source_names_it(tmp_path):
    np.savez(tmp_path / "two.npz", a=[1], b=[2])
    with pytest.raises(UnreadableVideo, match=r"two\.npz: expected one array, .* got a, b"):
        read_video(tmp_path / "two.npz")


def test_the_command_itself_and_its_table_where_its_signs_are_not_known(folders):
    done = subprocess.run(
        [sys.executable, "-m", "pab_bench.compare", *map(str, folders), "--metrics", "psnr"],
        cwd=folders[0].parent,
        env={
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "OMP_NUM_THREADS": "1",
            "PYTHONIOENCODING": "cp1252",
        },
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode("cp1252")
    assert b"PSNR (dB)" in done.stdout
    (written,) = (folders[0].parent / "results" / "compare").iterdir()
    assert (written / "tables" / "summary.md").is_file()
    assert written.name in done.stdout.decode("cp1252")


def test_of_a_video_and_its_own_lossless_frames_the_frames_are_compared(folders):
    for number, side in enumerate(folders):
        frames = random_video(number, (4, 32, 48))
        save_file({"frames": frames}, side / "000-0.safetensors")
        write_mp4(side / "000-0.mp4", np.zeros_like(frames))
    status, output = compare(folders)
    assert status == 0
    values = pd.read_csv(output / "videos.csv").query("pair == '000-0' and metric == 'psnr_db'")
    exact = Psnr().values(random_video(1, (4, 32, 48)), random_video(0, (4, 32, 48))).mean()
    assert values["value"].item() == pytest.approx(exact)


def test_a_folder_of_weights_that_is_not_there(folders, capsys):
    assert compare(folders, "--weights", "/not/here")[0] == 2
    assert "--weights /not/here: expected a folder, it does not exist" in capsys.readouterr().err
