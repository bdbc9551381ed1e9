"""What is packed, and what is left out."""

import json
import shutil
import subprocess

import pytest
from archive.building import BASELINE, RECORD, VARIANT, entries_of

from pab_bench.archive.commands import commands_of
from pab_bench.files import write_sealed_json
from pab_bench.pack.command import main


def test_equal_content_is_equal_bytes(archive, results, tmp_path):
    again = tmp_path / "again.pab.tar"
    shutil.copytree(results, tmp_path / "elsewhere")
    assert main([str(tmp_path / "elsewhere"), "-o", str(again)]) == 0
    assert again.read_bytes() == archive.read_bytes()


def test_any_tar_reads_it_and_its_checksums_fit(with_videos, tmp_path):
    subprocess.run(["tar", "-xf", with_videos, "-C", tmp_path], check=True)
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=tmp_path, check=True)
    point = tmp_path / "points" / BASELINE
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=point, check=True)


def test_videos_travel_only_if_asked_for(archive, with_videos):
    video = f"points/{VARIANT}/videos/000-0.safetensors"
    assert video in entries_of(with_videos)
    assert video not in entries_of(archive)
    assert (
        video.rpartition(f"{VARIANT}/")[2]
        in entries_of(archive)[f"points/{VARIANT}/SHA256SUMS"].decode()
    )


def test_the_manifest_says_what_made_it(archive):
    manifest = json.loads(entries_of(archive)["manifest.json"])
    assert manifest["format"] == "pab_bench archive"
    assert manifest["versions"]["diffusers"] == ["0.42.1"]
    assert manifest["date"] == json.loads(entries_of(archive)[RECORD])["provenance"]["created"]
    assert manifest["machines"][0].startswith("cpu, AMD EPYC, Linux")


def test_a_damaged_point_is_left_out_by_name(results, tmp_path, capsys):
    folder = tmp_path / "results"
    shutil.copytree(results, folder)
    video = folder / "points" / VARIANT / "videos" / "000-0.safetensors"
    video.write_bytes(video.read_bytes() + b"x")
    out = tmp_path / "out.tar"
    assert main([str(folder), "--videos", "-o", str(out)]) == 1
    assert f"left out: point {VARIANT}: videos/000-0.safetensors" in capsys.readouterr().err
    assert f"points/{BASELINE}/record.json" in entries_of(out)
    assert not [name for name in entries_of(out) if VARIANT in name]


def test_what_nobody_would_read_is_left_out(results, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("pab_bench.pack.gather.MOST_JSON_BYTES", 6500)
    out = tmp_path / "out.tar"
    assert main([str(results), "-o", str(out)]) == 1
    assert f"left out: point {VARIANT}: record.json: 6762 bytes" in capsys.readouterr().err
    monkeypatch.setattr("pab_bench.archive.writing.MOST_FILES", 3)
    assert main([str(results), "-o", str(out)]) == 2
    assert "too many for one archive" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "nowhere: no such folder"),
        (["."], "no sweep"),
        (["results", "-o", "."], "cannot be written: it is a folder"),
        (["results", "-o", "file/out.tar"], "file is a file"),
    ],
)
def test_what_cannot_be_packed(results, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").symlink_to(results)
    (tmp_path / "file").touch()
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_commands_are_those_of_the_jobs(tmp_path):
    def job(place, point, *overrides):
        write_sealed_json(tmp_path / place / "point.json", {"id": point, "overrides": overrides})

    job("sweep/2026-01-01_00-00-00/0", "v1", "spatial_gap=2", "prompts.texts=[a b]")
    job("sweep/2026-01-01_00-00-00/1", "other")
    job("single/2026-01-02_00-00-00", "v1", "preset=pab236")
    (tmp_path / "single/2026-01-03_00-00-00").mkdir()
    (tmp_path / "single/2026-01-03_00-00-00/point.json").write_text("{")
    lines = (
        "python -m pab_bench preset=pab236",
        "python -m pab_bench spatial_gap=2 'prompts.texts=[a b]'",
    )
    assert commands_of(tmp_path, {"v1": "b", "b": None, "advised": "b"}) == {
        "v1": lines,
        "b": lines,
    }
