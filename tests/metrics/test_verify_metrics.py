"""The verifier passes on true goldens and fails on each kind of false or missing one."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from golden.metric_clips import split_names, video_of_pair
from golden.metrics import MetricsVerifier, stated_tolerances

from pab_bench.verify.base import (
    Check,
    Verifier,
    failed_check,
    max_absolute_difference,
    relative_l2,
    run_checks,
)
from pab_bench.verify.command import main
from pab_bench.verify.registry import load_verifiers

CLIP = "bunny_128x128"


@pytest.fixture
def folder(tmp_path, fixture_folder):
    """A writable copy of the clip's part without LPIPS, which is what takes time."""
    copy = tmp_path / "goldens"
    copy.mkdir()
    for name in ("metrics.json", f"{CLIP}.npz"):
        shutil.copy(fixture_folder / name, copy)

    def drop_lpips(clip):
        for pair in clip["pairs"].values():
            del pair["upstream"]["lpips"]
            pair.get("cross_check", {}).pop("lpips_alex_nonspatial", None)
        for key in clip:
            if key.startswith("dataset_of"):
                del clip[key]["lpips"]

    edit(copy, drop_lpips)
    return copy


def edit(folder, change):
    goldens = json.loads((folder / "metrics.json").read_text("utf-8"))
    change(goldens["clips"][CLIP])
    (folder / "metrics.json").write_text(json.dumps(goldens), "utf-8")


def failures(folder):
    return [check for check in run_checks(MetricsVerifier(), folder) if not check.passed]


@pytest.mark.slow
def test_command_passes_on_the_whole_fixture(fixture_folder, tmp_path):
    report = tmp_path / "report.json"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pab_bench.verify",
            str(fixture_folder),
            "--json",
            str(report),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    written = json.loads(report.read_text("utf-8"))
    assert written["summary"]["failed"] == 0
    assert written["summary"]["checks"] == len(written["checks"])
    assert f"{len(written['checks'])} of {len(written['checks'])} checks passed" in done.stdout
    cases = {check["case"] for check in written["checks"]}
    for pair in ("noise", "blur", "jpeg", "shift", "identical", "half_identical", "one_lsb"):
        for metric in ("psnr", "ssim", "lpips"):
            assert f"{CLIP} {pair} {metric} per frame" in cases
    assert f"{CLIP} noise_blur_jpeg_shift lpips mean_of_videos" in cases
    # The stated requirement is tighter than the tolerance that the file suggests for PSNR.
    published = [check for check in written["checks"] if check["case"].startswith("published")]
    assert all(check["value"] <= 1e-5 for check in written["checks"] if check not in published)
    assert len(published) == 2


@pytest.mark.parametrize(
    ("path", "case"),
    [
        (("pairs", "blur", "upstream", "psnr", "per_frame", 2), "blur psnr per frame"),
        (("pairs", "blur", "upstream", "ssim", "video"), "blur ssim video"),
        (("pairs", "noise", "cross_check", "mse_float64", 0), "noise mse per frame"),
        (
            ("temporal_flickering_of_ref", "mae_per_pair_0_255", 1),
            "ref temporal_flickering per frame pair",
        ),
        (
            ("dataset_of_4_pairs_noise_blur_jpeg_shift", "psnr", "upstream_eval_batch3"),
            "noise_blur_jpeg_shift psnr upstream_eval_batch3",
        ),
    ],
)
def test_false_golden_value_fails_alone(folder, path, case):
    def falsify(clip):
        *parents, last = path
        for key in parents:
            clip = clip[key]
        clip[last] += 1e-3

    edit(folder, falsify)
    (failure,) = failures(folder)
    assert failure.case == f"{CLIP} {case}"
    assert 0 < failure.value < 2e-3
    assert not failure.error


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda clip: clip["pairs"]["blur"]["upstream"]["psnr"]["per_frame"].pop(), "shape"),
        (lambda clip: clip["pairs"].update(warp=clip["pairs"]["blur"]), "neither stored"),
        (
            lambda clip: clip["pairs"]["blur"]["upstream"].update(fvvd={"video": 1}),
            "Unknown metric",
        ),
        (lambda clip: clip["pairs"].update(empty={}), "no known golden value"),
        (lambda clip: clip.update(file="absent.npz"), "FileNotFoundError"),
        (
            lambda clip: clip.update(dataset_of_2_pairs_blur_gone={"psnr": {"mean_of_videos": 1}}),
            "gone",
        ),
        (lambda clip: clip["pairs"].clear(), "names no pairs"),
    ],
)
def test_what_cannot_be_checked_fails(folder, change, error):
    edit(folder, change)
    found = failures(folder)
    assert any(error in check.error for check in found), found


def test_swapped_arrays_are_noticed(folder, arrays):
    np.savez(folder / f"{CLIP}.npz", **(arrays | {"blur": arrays["jpeg"]}))
    cases = {check.case: check.value for check in failures(folder)}
    assert cases[f"{CLIP} inputs"] == 1
    assert f"{CLIP} blur psnr per frame" in cases


def test_other_clip_without_optional_parts(tmp_path):
    generator = np.random.default_rng(0)
    ref, warp = generator.integers(0, 256, (2, 3, 20, 33, 3), dtype=np.uint8)
    np.savez(tmp_path / "other.npz", ref=ref, warp=warp)
    error = ((ref.astype(float) - warp) ** 2).mean(axis=(1, 2, 3)) / 255**2
    golden = {"psnr": {"per_frame": (-10 * np.log10(error)).tolist()}}
    goldens = {"clips": {"other": {"pairs": {"warp": {"upstream": golden}}}}}
    (tmp_path / "metrics.json").write_text(json.dumps(goldens), "utf-8")
    (check,) = MetricsVerifier().run(tmp_path)
    assert check.passed, check
    assert (check.file, check.tolerance) == ("other.npz", 1e-5)


def test_example_images(tmp_path, arrays):
    from PIL import Image

    example = tmp_path / "lpips_example"
    example.mkdir()
    for name, frame in (("a", arrays["ref"][0]), ("b", arrays["noise"][0])):
        Image.fromarray(frame).save(example / f"{name}.png")
    # The golden LPIPS of this frame, rounded as such files are.
    values = {"order": "[d(a, b)]", "measured": {"alex_v0.1_spatial_mean": [0.030986]}}
    (example / "values.json").write_text(json.dumps(values), "utf-8")
    assert not failures(tmp_path)
    values["measured"]["alex_v0.1_spatial_mean"] = [0.0325]
    (example / "values.json").write_text(json.dumps(values), "utf-8")
    (failure,) = failures(tmp_path)
    assert failure.case == "measured lpips(a, b)"


@pytest.mark.parametrize("content", ["{}", '{"clips": {}}', "not JSON"])
def test_nothing_to_check_is_a_failure(tmp_path, content, capsys):
    (tmp_path / "metrics.json").write_text(content, "utf-8")
    assert main([str(tmp_path)]) == 1
    assert "FAIL" in capsys.readouterr().out


def test_parent_folder_and_exit_codes(folder, tmp_path, capsys):
    (tmp_path / "unrelated").mkdir()
    report = tmp_path / "report.json"
    edit(folder, lambda clip: clip.update(file="absent.npz"))
    assert main([str(tmp_path), "--json", str(report)]) == 1
    output = capsys.readouterr().out
    assert "unrelated was not recognised" in output
    assert "absent.npz" in output
    written = json.loads(report.read_text("utf-8"))
    assert written["summary"]["passed"] == 0
    assert written["checks"][0]["value"] is None


@pytest.mark.parametrize("name", ["absent", "unrelated", "file"])
def test_refused_folders(tmp_path, name, capsys):
    (tmp_path / "unrelated").mkdir()
    (tmp_path / "file").touch()
    assert main([str(tmp_path / name)]) == 2
    captured = capsys.readouterr()
    assert str(tmp_path / name) in captured.err
    assert not captured.out


def test_verifiers_load_independently():
    loaded = load_verifiers(("pab_bench.no_such_module:X", "golden.metrics:MetricsVerifier"))
    assert [verifier.name for verifier in loaded.available] == ["metrics"]
    assert "no_such_module" in loaded.unavailable[0]
    assert isinstance(loaded.available[0], Verifier)


@pytest.mark.parametrize(
    ("value", "passed"), [(0.0, True), (1e-5, True), (1.1e-5, False), (float("nan"), False)]
)
def test_passed(value, passed):
    assert Check("file", "case", "max abs difference", value, 1e-5).passed is passed
    assert not failed_check("file", "case", "why").passed


def test_differences():
    assert max_absolute_difference([1, 2, 3], [1, 2.5, 3]) == 0.5
    assert relative_l2([3, 5], [3, 4]) == pytest.approx(0.2)
    assert relative_l2([0, 0], [0, 0]) == 0
    assert relative_l2([1, 0], [0, 0]) == float("inf")
    for difference in (max_absolute_difference, relative_l2):
        with pytest.raises(ValueError, match="shape"):
            difference([1.0], 1.0)
        with pytest.raises(ValueError, match="at least one"):
            difference([], [])


def test_derived_pairs():
    ref = np.arange(5 * 2 * 2 * 3, dtype=np.uint8).reshape(5, 2, 2, 3)
    ref[3, 0, 0, 0] = 255
    stored = {"ref": ref, "noise": ref + np.uint8(100)}
    one_lsb = video_of_pair("one_lsb", stored).astype(int) - ref
    assert one_lsb[:, 0, 0, 0].tolist() == [1, 1, 1, -1, 1]
    assert np.count_nonzero(one_lsb) == 5
    half = video_of_pair("half_identical", stored)
    assert (half[:2] == ref[:2]).all()
    assert (half[2:] == stored["noise"][2:]).all()
    static = video_of_pair("static", stored)
    assert static.shape == ref.shape
    assert (static == ref[0]).all()


def test_joined_names():
    names = {"one", "one_lsb", "lsb", "blur"}
    assert split_names("one_lsb_blur", names, 2) == ["one_lsb", "blur"]
    assert split_names("one_lsb_blur", names, 3) == ["one", "lsb", "blur"]
    with pytest.raises(ValueError, match=r"expected 2 of.*got 'blur_gone'"):
        split_names("blur_gone", names, 2)


def test_stated_tolerances():
    nested = {"notes": {"suggested tolerances": {"psnr": 1, "note": "text"}}, "clips": {"a": {}}}
    assert stated_tolerances(nested) == {"psnr": 1.0}
