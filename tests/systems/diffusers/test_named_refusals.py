"""What models with names of their own refuse, before anything is sampled."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from systems.diffusers.driven import STEPS, drive, model_of

from pab_bench.cli import main
from pab_bench.config.compose import compose
from pab_bench.errors import ConfigError
from pab_bench.systems.diffusers.sampler import DiffusersSampler
from pab_bench.systems.registry import check_checkpoints
from pab_bench.systems.wan.architecture import WanArchitecture


@pytest.mark.parametrize(("name", "system"), [("ltx", "wan"), ("wan", "hunyuan_video")])
def test_a_pipeline_of_another_model(saved, name, system):
    model = replace(model_of(name, saved(name)), system=system)
    for refuse in (
        lambda: check_checkpoints([model]),
        lambda: DiffusersSampler(model, "cpu", "float32"),
    ):
        with pytest.raises(ConfigError) as caught:
            refuse()
        message = str(caught.value)
        assert message.startswith(f"model.path={saved(name)}: its transformer is ")
        assert f"model.system={system} is " in message
        assert message.endswith("model=diffusers samples any")


def test_the_command_line_says_so_at_once(saved, tmp_path, capsys):
    status = main(["model=mochi", f"model.path={saved('wan')}", f"results_dir={tmp_path}"])
    assert status == 2
    assert "its transformer is WanTransformer3DModel" in capsys.readouterr().err
    assert not list(tmp_path.rglob("record.json"))


def test_another_depth_is_refused_before_the_weights_are_loaded(saved, tmp_path):
    folder = shutil.copytree(saved("wan"), tmp_path / "pipeline")
    for file in folder.rglob("*.safetensors"):
        file.write_bytes(b"damaged")
    model = replace(model_of("wan", folder), system="wan", depth=30)
    for refuse in (
        lambda: check_checkpoints([model]),
        lambda: DiffusersSampler(model, "cpu", "float32"),
    ):
        with pytest.raises(ConfigError, match=r"^model\.depth=30: the model has 2 blocks"):
            refuse()


def test_blocks_that_are_not_known():
    class Block(torch.nn.Module):
        """Of some later version."""

    transformer = torch.nn.Module()
    transformer.blocks = torch.nn.ModuleList([Block()])
    with pytest.raises(ConfigError, match=r"blocks of class Block .*; model=diffusers takes"):
        WanArchitecture(transformer)


@pytest.mark.parametrize("model", ["wan", pytest.param("wan_2_2", marks=pytest.mark.slow)])
def test_released_weights_offline_name_what_is_missing(model, monkeypatch, tmp_path, capsys):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    given = ["prompts.texts=[a cat]", "device=cpu", f"results_dir={tmp_path}"]
    assert main([f"model={model}", *given]) == 1
    message = capsys.readouterr().err
    assert compose(model=model, prompts="pab_demo").model.repository in message
    assert "Missing: model_index.json" in message
    assert "model.path=DIR" in message
    assert not list(tmp_path.rglob("record.json"))


def test_the_shift_moves_the_steps_towards_noise(saved):
    three, seven = (
        drive("wan", saved("wan"), system="wan", flow_shift=shift).sampler.timesteps(STEPS)
        for shift in (None, 7.0)
    )
    assert all(ours > theirs for theirs, ours in zip(three[1:], seven[1:], strict=True))
    expected = [1000 * 7 * u / (1 + 6 * u) for u in (1, 0.75, 0.5, 0.25)]
    assert seven == pytest.approx(expected, abs=1)


def test_a_schedule_without_a_shift(saved):
    message = r"^model\.flow_shift=3\.0: FlowMatchEuler\S+ works it out from the size"
    with pytest.raises(ConfigError, match=message):
        drive("ltx", saved("ltx"), flow_shift=3.0)


def test_a_scheduler_without_a_shift(saved, tmp_path):
    folder = shutil.copytree(saved("wan"), tmp_path / "pipeline")
    path = folder / "scheduler" / "scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"use_flow_sigmas": False}))
    with pytest.raises(ConfigError, match=r"^model\.flow_shift=3\.0: UniPC\S+ has none"):
        drive("wan", folder, flow_shift=3.0)
