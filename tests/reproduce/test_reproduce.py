"""Others' points sampled again: what agrees, what differs and why, and what cannot be sampled."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from archive.building import entries_of, sealed
from systems.diffusers.driven import save

from pab_bench.config.compose import compose
from pab_bench.config.paths import ROOT
from pab_bench.experiment.identity import settings_identity
from pab_bench.experiment.point import make_point
from pab_bench.methods.registry import METHODS
from pab_bench.pack.command import main as pack
from pab_bench.reproduce.command import main
from pab_bench.reproduce.numbers import close
from pab_bench.reproduce.settings import METHODS_AGAIN, CannotBeMade, Here, method_of, settings_of
from pab_bench.store.points import point_id
from pab_bench.unpack.command import main as unpack

from .conftest import SMALL


def edited(path, to, change):
    """The archive with every record changed, each below the address of its configuration."""
    entries = entries_of(path)
    records = {n: json.loads(c) for n, c in entries.items() if n.endswith("/record.json")}
    addresses = {}
    for record in records.values():
        change(record)
        addresses[record["id"]] = point_id(record["config"])
    moved = {}
    for name, content in entries.items():
        if name in records:
            record = records[name]
            record["id"] = addresses[record["id"]]
            record["baseline_id"] = addresses.get(record["baseline_id"])
            content = json.dumps(record).encode()
        for old, new in addresses.items():
            name = name.replace(old, new)
        moved[name] = content
    to.write_bytes(sealed(moved))
    return to


def is_baseline(entries, name):
    point = name.split("/videos/")[0]
    return json.loads(entries[f"{point}/record.json"])["is_baseline"]


def points(path):
    return json.loads(path.read_text())["points"]


def test_what_was_made_here_comes_out_to_the_last_bit(made_here, tmp_path, capsys):
    found = tmp_path / "found.json"
    assert main([str(made_here), "--json", str(found)]) == 0
    said = capsys.readouterr().out
    assert "2 of 2 points sampled, 2 of them agree" in said
    assert said.count("frames: 1 of 1 videos are equal to the last bit") == 2
    for point in points(found):
        verdicts = {number["name"]: number["verdict"] for number in point["numbers"]}
        assert verdicts["frames 000-0"] == verdicts["plan"] == "equal"
        assert verdicts["denoise_s"] == "reported"
        assert point["why"] == []


def test_other_numbers_are_told_one_by_one(made_here, tmp_path, capsys):
    def worse(record):
        record["provenance"]["cpu"] = "Another CPU"
        record["config"]["arithmetic"]["processor"] = "Another CPU"
        quality = record["quality"]["psnr_db"]
        if quality["value"] is not None:
            quality["value"] += 1

    archive = edited(made_here, tmp_path / "worse.pab.tar", worse)
    found = tmp_path / "found.json"
    assert main([str(archive), "--json", str(found)]) == 1
    said = capsys.readouterr().out
    assert "psnr_db: DIFFERS: " in said
    assert "perhaps why: processor: Another CPU there, " in said
    assert "2 of 2 points sampled, 1 of them agree" in said
    (wrong,) = [point for point in points(found) if not point["agrees"]]
    assert [n["name"] for n in wrong["numbers"] if n["verdict"] == "differs"] == ["psnr_db"]


@pytest.mark.slow
def test_a_limit_takes_baselines_first_and_frames_may_only_be_reported(made_here, tmp_path, capsys):
    entries = entries_of(made_here)
    (video,) = [n for n in entries if n.endswith(".safetensors") and is_baseline(entries, n)]
    entries[video] = entries[video][:-1] + bytes([entries[video][-1] ^ 1])
    (tmp_path / "other.pab.tar").write_bytes(sealed(entries))
    arguments = [str(tmp_path / "other.pab.tar"), "--limit", "1"]
    assert main(arguments) == 1
    said = capsys.readouterr().out
    assert "frames: 0 of 1 videos are equal" in said
    assert "frames 000-0, apart by up to: 1 of 255" in said
    assert "perhaps why: made in the same way" in said
    assert "--limit 1 leaves it out" in said
    assert main([*arguments, "--frames", "report"]) == 0


def test_other_weights_are_not_sampled(made_here, tmp_path, capsys):
    archive = edited(
        made_here, tmp_path / "other.pab.tar", lambda r: r["config"].update(weights="0" * 64)
    )
    assert main([str(archive)]) == 2
    output = capsys.readouterr()
    assert output.out.count("not sampled: the weights here are others: SHA-256 ") == 2
    assert "0 of 2 points sampled" in output.out
    assert "error: no point could be sampled here" in output.err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["metrics"].update(names=["newer"]), "newer"),
        (lambda c: c.update(newer=1), "other settings of its record: newer"),
        (lambda c: c.update(method="later"), "method later cannot be read"),
        (lambda c: c["rules"].update(spatial=3), "rules: are none of method pab"),
        (lambda c: c["model"].update(height=31), "height"),
        (lambda c: c["model"].update(name="latte"), "--model latte=DIR says where that is here"),
    ],
)
def test_settings_that_there_are_not_are_told(records, tmp_path, change, said):
    record = next(record for record in records if not record.is_baseline)
    change(record.config)
    with pytest.raises(CannotBeMade, match=said):
        settings_of(record, Here(tmp_path))


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_a_gpu_that_is_not_here_is_told(made_here, tmp_path, capsys):
    archive = edited(
        made_here, tmp_path / "gpu.pab.tar", lambda r: r["config"].update(device="NVIDIA H100")
    )
    assert main([str(archive)]) == 2
    assert "torch sees 0 CUDA devices" in capsys.readouterr().out


def test_every_method_can_be_read_from_a_record():
    made = {keys["method"] for keys in METHODS_READ}
    # What a mask says is not in a record, only its digest; and nobody's code runs because of one.
    assert set(METHODS_AGAIN) | made | {"mask", "external"} == set(METHODS)


POINTS = (
    {"preset": "pab236"},
    {"model": "open_sora_mini", "preset": "pab246"},
    {"mlp_skip": True, "mlp_gap": 2, "cache": {"dtype": "float16"}, "seeds": [0, 5]},
    {"steps": 8, "guidance": 1.0, "measure": "latency", "metrics": "none", "compile": True},
)
MORE = (
    {"preset": "pab469", "model": "latte"},
    {"model": "open_sora_plan_mini", "preset": "pab579"},
    {"model": "cogvideox", "spatial_gap": 2},
    {"model": "wan", "spatial_gap": 2, "broadcast_object": "ungated"},
    {"model": "wan", "spatial_gap": 2, "model.flow_shift": None},
    {"model": "latte_mini_random", "spatial_gap": 1},
    {"temporal_gap": 3, "temporal_block": [1, 3], "broadcast_object": "ungated"},
)


@pytest.mark.parametrize(
    "keys", [*POINTS, *(pytest.param(keys, marks=pytest.mark.slow) for keys in MORE)], ids=str
)
def test_settings_are_read_back_from_an_identity(keys, tmp_path, records):
    settings = compose(**keys)
    identity = json.loads(json.dumps(settings_identity(settings)))
    record = records[0]
    object.__setattr__(record, "config", {**record.config, **identity})
    object.__setattr__(record, "prompts", list(settings.prompts))
    object.__setattr__(record, "seeds", list(settings.seeds))
    found = settings_of(record, Here(tmp_path))
    assert json.loads(json.dumps(settings_identity(found))) == identity
    assert found.method.is_baseline() == settings.is_baseline()


METHODS_READ = (
    {"method": "fora", "method.kinds": ["mlp"]},
    {"method": "tgate", "method.gate": 4},
    {"method": "tgate_pab", "steps": 50},
    {"method": "taylorseer", "method.after": 20},
    {"method": "magcache", "method.steps": 50, "method.ratios": [1.0, 0.99, 0.98]},
    {"method": "fastercache", "steps": 50, "method.half": "right"},
    {"method": "fastercache_diffusers", "method.temporal_gap": 3},
    {"method": "adacache", "model": "open_sora", "method.motion": True},
    {"method": "seacache", "model": "wan_mini", "method.order": 0},
    {"method": "delta_dit", "method.blocks": 2, "method.boundary": 9},
    {"method": "delta_dit_pab", "steps": 50},
    {
        "method": "dbcache",
        "steps": 6,
        "method.first_blocks": 2,
        "method.steps_mask": [1, 1, 0, 1, 0, 0],
        "method.most_change": 0.5,
    },
    {"method": "easycache", "method.threshold": 0.1},
    {"method": "fastercache", "steps": 50},
    {"method": "fastercache_diffusers"},
    {"method": "teacache", "steps": 50, "method.last_call": "value"},
    {"method": "magcache", "steps": 50, "method.ratios": [1.0] * 50},
    {"method": "magcache"},
    {"method": "fewer_steps", "method.steps": 4, "method.inside": {"name": "fora"}},
)


@pytest.mark.parametrize("keys", METHODS_READ, ids=lambda keys: keys["method"])
def test_methods_are_read_back_from_an_identity(keys, records):
    settings = compose(**keys)
    identity = json.loads(json.dumps(settings_identity(settings)))
    record = replace(records[0], config={**records[0].config, **identity})
    made = method_of(record)
    assert made.identity(6) == settings.method.identity(6)
    # A record has a calibration's constants and name, not the file.
    assert made == settings.method or settings.method.calibrated is not None


@pytest.mark.parametrize("change", [{"version": 99}, {"name": "flora"}, {"gap": 3}])
def test_what_is_no_method_of_ours_cannot_be_read(change, records):
    method = settings_identity(compose(method="fora"))["method"] | change
    record = replace(records[0], config={**records[0].config, "method": method})
    with pytest.raises(CannotBeMade, match="cannot be read from a record"):
        method_of(record)


def test_unpacked_points_need_not_be_sampled(made_here, tmp_path):
    results = tmp_path / "results"
    assert unpack([str(made_here), "--into", str(results)]) == 0
    settings = compose(spatial_gap=2, record={"videos": False}, results_dir=str(results), **SMALL)
    made = make_point(settings, tmp_path / "run")
    assert made.cached
    assert made.record.archives[0]["archive"] == "here.pab.tar"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--limit", "0"], "--limit 0: must be at least 1"),
        (["--tolerance", "nan"], "--tolerance nan: must be a finite number"),
        (["--model", "latte"], "--model latte: expected NAME=DIR"),
        (["--into", "."], "--into .: is there already"),
        (["--json", "."], "--json .: nothing can be written there: it is a folder"),
    ],
)
def test_what_is_asked_wrongly(made_here, capsys, arguments, said):
    assert main([str(made_here), *arguments]) == 2
    assert said in capsys.readouterr().err


def test_tolerance():
    assert close(0.0, 0.0) == "equal"
    assert close(40.0, 40.04) == "agrees"
    assert close(40.0, 40.05) == "differs"
    assert close(0.0, 9e-5) == "agrees"


@pytest.mark.slow
def test_a_pipeline_in_a_folder_is_sampled_where_it_is_said_to_be(tmp_path, capsys):
    place = save("wan", tmp_path / "wan")
    settings = compose(
        model="diffusers",
        spatial_gap=2,
        steps=4,
        threads=1,
        device="cpu",
        metrics=["psnr"],
        prompts=["a red circle"],
        results_dir=str(tmp_path / "results"),
        **{"model.path": str(place), "model.frames": 5, "model.height": 32, "model.width": 32},
        threshold=[0, 1000],
        record={"videos": False},
    )
    assert make_point(settings, tmp_path / "run").record.status == "ok"
    archive = tmp_path / "wan.pab.tar"
    assert pack([str(tmp_path / "results"), "-o", str(archive)]) == 0
    assert main([str(archive)]) == 2
    assert "--model diffusers=DIR says where that is here" in capsys.readouterr().out
    moved = place.rename(tmp_path / "elsewhere")
    assert main([str(archive), "--model", f"diffusers={moved}"]) == 0
    assert "2 of 2 points sampled, 2 of them agree" in capsys.readouterr().out


@pytest.mark.slow
def test_from_one_folder_to_another_by_the_command_line(tmp_path):
    """Sampled, packed, unpacked and sampled again, each in a process and a folder of its own."""

    def run(folder, *arguments):
        (tmp_path / folder).mkdir(exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=tmp_path / folder,
            env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    run(
        "first",
        *("pab_bench", "-m", "preset=pab236,pab347", "steps=4", "speed.calls=false", "threads=1"),
        "prompts.texts=[a large red circle moves right slowly over a black background]",
    )
    run("first", "pab_bench.pack", "results", "--videos", "-o", "../points.pab.tar")
    said = run("second", "pab_bench.unpack", "../points.pab.tar")
    assert "3 added" in said
    said = run("third", "pab_bench.reproduce", "../points.pab.tar")
    assert "3 of 3 points sampled, 3 of them agree" in said
    table = run("second", "pab_bench.leaderboard", "results", "../points.pab.tar")
    assert table.count("[1] [2]") == 2
    assert "zhao2024pab" in run("second", "pab_bench.cite", "results")
