import json
import shutil
from pathlib import Path

import pytest
from golden.library_methods import LibraryMethodsVerifier
from golden.methods import MethodsVerifier
from golden.scenes import Used
from safetensors.torch import load_file, save_file

from pab_bench.verify.base import run_checks
from pab_bench.verify.command import main

FIXTURES = Path(__file__).parents[1] / "fixtures"
RUNS = {
    "methods_a/tgate": 4,
    "methods_a/delta_dit": 3,
    "methods_a/fastercache": 3,
    "methods_a/teacache": 6,
    "methods_a/adacache": 3,
    "methods_b/taylorseer": 5,
    "methods_b/magcache": 3,
    "methods_b/fastercache": 1,
    "methods_b/seacache": 2,
    "methods_b/cache_dit": 4,
    "methods_b/first_block_cache": 1,
}
OTHERS = {
    "methods_a/fastercache": {"s50: outputs of the transformer"},
    "methods_a/teacache": {"s20_t0.1_default_slow: gates", "s30_t1.05: gates"},
    "methods_a/adacache": {"t_attn_loc0_2: gates", "t_attn_loc1_moreg: gates"},
    "methods_b/seacache": {
        "picked_order0_unlimited: gates",
        "default: gates",
        "default: refused",
        "default: upstream skips nothing",
    },
    "methods_b/magcache": {"picked: gates", "too_few_steps: gates", "calibration: ratios"},
    "methods_b/fastercache": {
        "is_guidance_distilled: refused, "
        "not imitated: upstream, the two calls of a step share one state"
    },
    "methods_b/cache_dit": {
        "default: refused, as upstream",
        "F1B0: gates",
        "F2B1_limit: gates",
        "F1B0_taylorseer: gates",
    },
    "methods_b/first_block_cache": {"picked: gates"},
}
"""What is checked beside decisions and latents."""


FEWER = {
    "open_sora_pab_variant": ["published_30"],
    "latte_original": ["defaults_20"],
    "delta_dit/open_sora": ["paper_N3_30"],
    "methods_a/fastercache/latte": ["s50"],
    "teacache/latte": ["s20_t0.1_default_slow"],
    "teacache/open_sora": ["s20_integer_timesteps_t1.0"],
    "adacache/open_sora": ["t_attn_loc0_2", "ca_mlp_loc1"],
    "taylorseer/wan": ["default_patterns", "attention_order1", "lite"],
    "cache_dit/wan": ["default", "F2B1_limit", "static_mask"],
}
"""File -> the golden runs of it that every test run repeats; of the others, all are."""


def verifier_of(folder):
    return MethodsVerifier() if folder.startswith("methods_a") else LibraryMethodsVerifier()


def with_fewer_runs(folder, tmp_path):
    """A copy of a folder of which some runs were taken away, beside all that it refers to."""
    group = (FIXTURES / folder).parent
    (tmp_path / group.name).mkdir()
    for path in FIXTURES.iterdir():
        if path != group:
            (tmp_path / path.name).symlink_to(path)
    for path in group.iterdir():
        if path != FIXTURES / folder:
            (tmp_path / group.name / path.name).symlink_to(path)
    copy = shutil.copytree(FIXTURES / folder, tmp_path / folder)
    for path in copy.glob("*.json"):
        for name, runs in FEWER.items():
            if f"{folder}/{path.stem}".endswith(name):
                content = json.loads(path.read_text())
                content["runs"] = {run: content["runs"][run] for run in runs}
                path.write_text(json.dumps(content))
    return copy


@pytest.mark.parametrize("folder", RUNS)
def test_golden_data_of_every_method_is_reproduced(folder, tmp_path):
    verifier, copy = verifier_of(folder), with_fewer_runs(folder, tmp_path)
    assert verifier.recognises(copy)
    checks = run_checks(verifier, copy)
    assert [check for check in checks if not check.passed] == []
    for path in copy.glob("*.json"):
        for run in json.loads(path.read_text())["runs"]:
            assert any(check.case.startswith(run) for check in checks), run
    made = {check.case for check in checks if "latents" in check.case}
    decided = {check.case for check in checks if check.case.endswith("decisions")}
    assert len(made) >= len(decided) > 0


@pytest.mark.slow
@pytest.mark.parametrize("folder", RUNS)
def test_all_golden_data_is_reproduced(folder):
    checks = run_checks(verifier_of(folder), FIXTURES / folder)
    assert [check for check in checks if not check.passed] == []
    assert sum(check.case.endswith("decisions") for check in checks) == RUNS[folder]
    assert sum("latents" in check.case for check in checks) >= RUNS[folder]
    assert OTHERS.get(folder, set()) <= {check.case for check in checks}


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(FIXTURES / "latte", tmp_path / "latte")
    copy = tmp_path / "methods_a" / "tgate"
    copy.mkdir(parents=True)
    for path in (FIXTURES / "methods_a" / "tgate").glob("latte_original.*"):
        shutil.copy(path, copy)
    path = copy / "latte_original.json"
    content = json.loads(path.read_text())
    del content["runs"]["gate8_sp3_fi3_24"]
    path.write_text(json.dumps(content))
    return copy


def changed(folder, change):
    path = folder / "latte_original.json"
    content = json.loads(path.read_text())
    change(content["runs"]["defaults_20"])
    path.write_text(json.dumps(content))
    return {c.case: c.error for c in run_checks(MethodsVerifier(), folder) if not c.passed}


def test_the_wrong_half_is_found(tmp_path):
    shutil.copytree(FIXTURES / "latte", tmp_path / "latte")
    copy = tmp_path / "methods_a" / "fastercache"
    shutil.copytree(FIXTURES / "methods_a" / "fastercache", copy)
    (copy / "open_sora.json").unlink()
    path = copy / "latte.json"
    content = json.loads(path.read_text())
    tensors = load_file(path.with_suffix(".safetensors"))
    del content["runs"]["s50"]
    name = "outputs/s50_right_half/model_output"
    tensors[name] = tensors["outputs/s50/model_output"][:1].clone()
    save_file(tensors, path.with_suffix(".safetensors"))
    path.write_text(json.dumps(content))
    found = [c.case for c in run_checks(MethodsVerifier(), copy) if not c.passed]
    assert found == ["s50_right_half: outputs of the transformer"]


@pytest.mark.parametrize(
    ("change", "failing"),
    [
        ({"cache_loc": [0]}, {"latents", "decisions", "gates"}),
        ({"skipped": "000101101101110111101111011101"}, {"decisions"}),
    ],
)
def test_what_decides_while_sampling_is_held_against_every_decision(tmp_path, change, failing):
    shutil.copytree(FIXTURES / "open_sora", tmp_path / "open_sora")
    for name in ("adacache", "noise"):
        shutil.copytree(FIXTURES / "methods_a" / name, tmp_path / "methods_a" / name)
    path = tmp_path / "methods_a" / "adacache" / "open_sora.json"
    content = json.loads(path.read_text())
    run = content["runs"]["t_attn_loc0_2"]
    content["runs"] = {"t_attn_loc0_2": run | change}
    path.write_text(json.dumps(content))
    found = [c.case for c in run_checks(MethodsVerifier(), path.parent) if not c.passed]
    assert set(found) == {f"t_attn_loc0_2: {name}" for name in failing}


@pytest.fixture
def cached(tmp_path):
    """Runs of DBCache on the small CogVideoX, to be changed."""

    def changed(change):
        for name in ("cache_dit", "models"):
            shutil.copytree(FIXTURES / "methods_b" / name, tmp_path / name, dirs_exist_ok=True)
        (tmp_path / "cache_dit" / "wan.json").unlink()
        path = tmp_path / "cache_dit" / "cogvideox.json"
        content = json.loads(path.read_text())
        change(content["runs"]["F1B0"])
        path.write_text(json.dumps(content))
        checks = run_checks(LibraryMethodsVerifier(), tmp_path / "cache_dit")
        return {check.case: (check.passed, check.error) for check in checks}

    return changed


def test_another_gate_is_found(cached):
    def change(run):
        number = next(gate for gate in run["gates"] if gate["quantity"])
        number["quantity"] *= 1.001
        none = next(gate for gate in run["gates"] if gate["quantity"] is None)
        assert none["computed"]

    found = cached(change)
    assert [case for case, (passed, _) in found.items() if not passed] == ["F1B0: gates"]


def test_faults_of_upstream_are_no_goldens(cached):
    def more_blocks_than_there_are(run):
        run["config"].update(Fn_compute_blocks=3, Bn_compute_blocks=3)
        run["decisions"]["mlp"]["both"][1]["calls"] = "4" * 16

    def all_blocks(run):
        run["config"]["Fn_compute_blocks"] = 5
        for lanes in run["decisions"].values():
            lanes["both"] = [{"blocks": [0, 1, 2, 3, 4], "calls": "2" * 16}]

    said = "F1B0: refused, not imitated: upstream, "
    more = f"{said}blocks compute more than once in a call"
    none = f"{said}calls count as cached at which everything computes"
    assert cached(more_blocks_than_there_are) == {more: (True, "")}
    assert cached(all_blocks) == {none: (True, "")}

    def only_said(run):
        more_blocks_than_there_are(run)
        run["config"].update(Fn_compute_blocks=1, Bn_compute_blocks=0)

    assert cached(only_said)[more][0] is False  # A video was made.


def test_what_dbcache_has_not_is_not_passed_over(cached):
    found = cached(lambda run: run["config"].update(force_refresh_step_hint=4))
    assert all(not passed for passed, _ in found.values())
    assert "nothing like cache-dit's force_refresh_step_hint" in found["F1B0: decisions"][1]


def test_a_changed_setting_is_found(folder):
    found = changed(folder, lambda run: run.update(warm_up=3))
    assert set(found) == {"defaults_20: latents", "defaults_20: decisions"}


def test_one_changed_decision_is_found(folder):
    def change(run):
        digits = run["decisions"]["rows"]
        run["decisions"]["rows"] = f"{digits[:9]}1{digits[10:]}"

    assert set(changed(folder, change)) == {"defaults_20: decisions"}


def test_a_run_of_no_known_method_is_a_failure(folder):
    path = folder / "latte_original.json"
    content = json.loads(path.read_text())
    content["runs"]["other"] = {"num_inference_steps": 3}
    path.write_text(json.dumps(content))
    failed = [c for c in run_checks(MethodsVerifier(), folder) if not c.passed]
    assert [(c.case, c.error) for c in failed] == [
        ("other", "no method is known that has such runs")
    ]


def test_weights_are_looked_up_beside_the_folder(folder, capsys):
    (folder.parents[1] / "latte" / "latte_tiny_pab.json").unlink()
    assert main([str(folder)]) == 1
    assert "FileNotFoundError" in capsys.readouterr().out


def test_what_a_file_uses(tmp_path):
    used = Used("a/b: weights, c; d/e run_1: noise (paths relative to x)", tmp_path)
    assert used.files == [(tmp_path / "a/b", ""), (tmp_path / "d/e", "run_1")]
    with pytest.raises(ValueError, match="uses: expected 'PATH: names'"):
        Used("weights of somebody", tmp_path)


def test_other_folders_are_not_recognised(tmp_path):
    (tmp_path / "a.json").write_text('{"model": "wan", "runs": {"x": {"config": {"y": 1}}}}')
    (tmp_path / "b.json").write_text("{broken")
    assert not MethodsVerifier().recognises(tmp_path)
    assert not LibraryMethodsVerifier().recognises(tmp_path)
    assert not LibraryMethodsVerifier().recognises(FIXTURES / "latte")


@pytest.fixture
def parts(tmp_path):
    """A copy of a folder with the models that its methods share, elsewhere."""
    shutil.copytree(FIXTURES / "diffusers_pab", tmp_path / "methods_b")
    (tmp_path / "methods_b" / "pab_diffusers" / "wan.json").unlink()
    return tmp_path / "methods_b"


def test_golden_runs_that_nobody_reads_are_not_passed(parts, tmp_path, capsys):
    other = parts / "other_cache"
    other.mkdir()
    (other / "wan.json").write_text('{"model": "wan", "runs": {"x": {"config": {"y": 1}}}}')
    written = tmp_path / "checks.json"
    assert main([str(parts), "--json", str(written)]) == 2
    output = capsys.readouterr().out
    assert f"{other} NOT CHECKED: has golden runs" in output
    assert "by method and model" in output
    summary = json.loads(written.read_text())["summary"]
    assert summary["golden_runs_not_checked"] == [str(other)]
    assert (summary["failed"], summary["left_out"]) == (0, 0)


def test_one_method_of_a_copy_from_within_it(parts, capsys, monkeypatch):
    monkeypatch.chdir(parts)
    assert main(["pab_diffusers"]) == 0
    assert "pass: pab_diffusers (library methods): 10 of 10" in capsys.readouterr().out
