"""Checkpoints that are not what they say: one line with setting, part and file, and status 2.

Every kind of `damage.py` is done to every system's pipeline; the default suite has a sample.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from systems.damage import OF_SHARDS, OF_VAE, all_damages, copied, shards, weights, written
from systems.tiny_pipelines import tiny_cogvideox
from transformers import T5Config, T5EncoderModel, T5ForConditionalGeneration

from pab_bench.cli import main
from pab_bench.errors import ConfigError
from pab_bench.minis.registry import find_mini
from pab_bench.systems.checkpoints.agreement import check_agreement
from pab_bench.systems.checkpoints.construct import TEXT_ENCODER
from pab_bench.systems.checkpoints.network import check_network
from pab_bench.systems.checkpoints.part import CheckpointRefused, Part
from pab_bench.systems.checkpoints.tensor_files import StoredTensor
from pab_bench.systems.latte.blueprint import RELEASED as LATTE_RELEASED
from pab_bench.systems.latte.checkpoint import KIND as LATTE
from pab_bench.systems.latte.sampler import EMBEDDED as LATTE_FOLDER
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.open_sora.checkpoint import KIND as OPEN_SORA
from pab_bench.systems.open_sora.sampler import EMBEDDED as OPEN_SORA_FOLDER
from pab_bench.systems.open_sora_plan.sampler import EMBEDDED as OPEN_SORA_PLAN_FOLDER
from pab_bench.systems.registry import load_sampler

FIXTURES = Path(__file__).parents[1] / "fixtures"
DAMAGES = all_damages()
FOLDERS = {
    "latte": LATTE_FOLDER,
    "open_sora": OPEN_SORA_FOLDER,
    "open_sora_plan": OPEN_SORA_PLAN_FOLDER,
}
SYSTEMS = (*FOLDERS, "cogvideox")
EVERY = [(system, damage) for damage in DAMAGES for system in SYSTEMS]
SAMPLE = [(SYSTEMS[n % len(SYSTEMS)], damage) for n, damage in enumerate(DAMAGES[::7])]
LONGEST = 800
QUICK = ["steps=4", "metrics=none", "record.videos=false", "prompts.texts=[a red circle]"]


@pytest.fixture(scope="module")
def cogvideox_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cogvideox")
    tiny_cogvideox().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def latte_weights():
    return weights_of(load_sampler(find_mini("latte").settings, "cpu", "float32"))


@pytest.fixture
def copy(tmp_path, cogvideox_folder):
    """A model of a system whose folder may be damaged, and that folder."""

    def make(system):
        source = FOLDERS.get(system, cogvideox_folder)
        folder = copied(source, tmp_path / "checkpoint")
        if system in FOLDERS:
            return replace(find_mini(system).settings, path=str(folder)), folder
        return ModelSettings("tiny", "cogvideox", str(folder), None, None, 2, 9, 32, 32), folder

    return make


def check_refusal(text, folder, damage):
    assert len(text) < LONGEST
    (line,) = text.splitlines()
    assert line.startswith(f"model.path={folder}: ")
    said = line.removeprefix(f"model.path={folder}: ")
    # The index of a whole pipeline is of no part.
    assert damage.part in said or damage.file == "model_index.json"
    assert damage.file.removeprefix("*") in said
    for word in damage.words:
        assert word in said, said


def name_of(case):
    return "-".join((case[0], case[1].name))


@pytest.mark.parametrize("case", SAMPLE, ids=name_of)
def test_a_damaged_checkpoint_is_refused(case, copy):
    refuses(case, copy)


@pytest.mark.slow
@pytest.mark.parametrize("case", EVERY, ids=name_of)
def test_every_damaged_checkpoint_is_refused(case, copy):
    refuses(case, copy)


def refuses(case, copy):
    system, damage = case
    model, folder = copy(system)
    damage.apply(folder)
    with pytest.raises(ConfigError) as caught:
        load_sampler(model, "cpu", "float32")
    check_refusal(str(caught.value), folder, damage)


ON_THE_COMMAND_LINE = [
    damage
    for damage in DAMAGES
    if damage.name
    in {
        "transformer/extra_tensor",
        "vae/nan",
    }
]


@pytest.mark.parametrize("damage", ON_THE_COMMAND_LINE, ids=lambda damage: damage.name)
def test_the_command_line_refuses_before_anything_is_sampled(damage, copy, capsys, tmp_path):
    _, folder = copy("latte")
    damage.apply(folder)
    results = tmp_path / "results"
    assert main([*QUICK, f"model.path={folder}", f"results_dir={results}"]) == 2
    told = capsys.readouterr().err
    assert "Traceback" not in told
    line = next(line for line in told.splitlines() if line.startswith("  model.path="))
    check_refusal(line.strip(), folder, damage)
    assert not (results / "points").exists() or not list((results / "points").iterdir())


def test_a_sweep_is_refused_before_its_first_point(copy, capsys, tmp_path):
    """The second folder has a tensor too many: nothing is sampled from the first, either."""
    _, folder = copy("latte")
    by_name = {damage.name: damage for damage in DAMAGES}
    by_name["transformer/extra_tensor"].apply(folder)
    grid = f"model.path={LATTE_FOLDER},{folder}"
    assert main(["-m", *QUICK, grid, f"results_dir={tmp_path / 'results'}"]) == 2
    assert "tensor extra is none of the LatteTransformer3DModel's" in capsys.readouterr().err
    assert not (tmp_path / "results" / "points").exists()


@pytest.mark.parametrize("task", ["plan", "cost"])
def test_tasks_without_weights_refuse_damaged_configurations(task, copy, capsys, tmp_path):
    _, folder = copy("latte")
    weights(folder / "transformer").unlink()
    command = [f"task={task}", "steps=4", f"model.path={folder}", f"results_dir={tmp_path / 'r'}"]
    assert main(command) == 0
    written("[]")(folder / "vae" / "config.json")
    written("5")(folder / "transformer" / "config.json")
    moved = folder.rename(tmp_path / "moved")  # What was found out about a folder is kept.
    command[2] = f"model.path={moved}"
    assert main(command) == 2
    told = capsys.readouterr().err
    assert f"model.path={moved}: transformer, config.json: must hold an object" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("other", SYSTEMS)
def test_a_pipeline_of_another_system_is_refused(system, other, copy, cogvideox_folder):
    if system == other:
        return
    model, _ = copy(system)
    model = replace(model, path=str(FOLDERS.get(other, cogvideox_folder)))
    with pytest.raises(
        CheckpointRefused, match=r"model_index\.json: _class_name='\w+': this model"
    ):
        load_sampler(model, "cpu", "float32")


@pytest.mark.parametrize("part", ["vae", "text_encoder"])
def test_parts_that_do_not_belong_together_are_refused(part, copy, cogvideox_folder):
    model, folder = copy("cogvideox")
    pipeline = tiny_cogvideox(
        **{"vae": {"in_channels": 8}, "text_encoder": {"text_embed_dim": 8}}[part]
    )
    pipeline.transformer.save_pretrained(folder / "new")
    for file in (folder / "new").iterdir():
        (folder / "transformer" / file.name).unlink()
        file.rename(folder / "transformer" / file.name)
    with pytest.raises(
        CheckpointRefused, match=r"transformer, config\.json: .* the (vae|text enc)"
    ):
        load_sampler(model, "cpu", "float32")


@pytest.mark.parametrize(
    ("system", "key", "value"),
    [
        ("latte", "timestep_spacing", "trailing"),
        ("latte", "steps_offset", 1),
        ("open_sora_plan", "skip_prk_steps", True),
    ],
)
def test_a_scheduler_with_other_timesteps_than_the_configured_is_refused(system, key, value, copy):
    model, folder = copy(system)
    schedules = {"latte": "ddim_leading", "open_sora_plan": "pndm"}
    model = replace(model, schedule=schedules[system])
    file = folder / "scheduler" / "scheduler_config.json"
    written(json.dumps(json.loads(file.read_text()) | {key: value}))(file)
    with pytest.raises(CheckpointRefused, match=r"other timesteps than model\.schedule=|does not"):
        load_sampler(model, "cpu", "float32")


@pytest.mark.parametrize("kind", OF_VAE)
def test_values_that_cannot_be_meant_are_refused(kind, copy):
    model, folder = copy("latte")
    change, words = OF_VAE[kind]
    change(folder / "vae" / "config.json")
    with pytest.raises(CheckpointRefused) as caught:
        load_sampler(model, "cpu", "float32")
    assert f"vae, config.json: {words[0]}: must be" in str(caught.value)


def test_a_video_of_another_length_is_refused(copy):
    model, _ = copy("latte")
    with pytest.raises(CheckpointRefused, match="does not sample 8 frames of 64 x 64: "):
        load_sampler(replace(model, frames=8), "cpu", "float32")


def test_numbers_that_overflow_in_the_dtype_are_refused(copy):
    model, folder = copy("latte")
    file = weights(folder / "vae")
    tensors = load_file(file)
    tensors["decoder.conv_in.bias"] = torch.full_like(tensors["decoder.conv_in.bias"].float(), 1e5)
    file.unlink()
    save_file(tensors, file, metadata={"format": "pt"})
    load_sampler(model, "cpu", "float32")
    with pytest.raises(
        CheckpointRefused, match=r"decoder\.conv_in\.bias has NaN or infinity in float16"
    ):
        load_sampler(model, "cpu", "float16")


# What is odd but right.


def weights_of(sampler):
    parts = ("transformer", "vae", "text_encoder")
    return {part: getattr(sampler.pipeline, part).state_dict() for part in parts}


def stored_otherwise(folder, part, change):
    file = weights(folder / part)
    tensors = change(load_file(file))
    file.unlink()
    save_file(tensors, file, metadata={"format": "pt"})


def in_double(tensors):
    return {name: tensor.double() for name, tensor in tensors.items()}


def with_embedding_by_its_other_name(tensors):
    shared = tensors.pop("shared.weight")
    return {**tensors, "encoder.embed_tokens.weight": shared}


def with_both_names(tensors):
    shared = tensors["shared.weight"]
    return {**tensors, "encoder.embed_tokens.weight": shared.clone()}


def with_decoder(tensors):
    more = {
        "decoder.block.0.layer.0.layer_norm.weight": torch.ones(4),
        "lm_head.weight": torch.ones(4),
    }
    return {**tensors, **more}


def with_names_of_2022(tensors):
    names = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    renamed = {}
    for name, tensor in tensors.items():
        for new, old in names.items():
            if ".attentions." in name:
                name = name.replace(f".{new}.", f".{old}.")
        renamed[name] = tensor
    assert renamed.keys() != tensors.keys()
    return renamed


def with_the_original_programs_embedding(tensors):
    return {**tensors, "caption_projection.y_embedding": torch.zeros(120, 64)}


def with_a_table_that_is_computed(tensors):
    return {**tensors, "pos_embed.pos_embed": torch.zeros(1, 16, 192)}


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("vae", in_double),
        ("text_encoder", with_embedding_by_its_other_name),
        ("text_encoder", with_both_names),
        ("text_encoder", with_decoder),
        ("vae", with_names_of_2022),
        ("transformer", with_the_original_programs_embedding),
        ("transformer", with_a_table_that_is_computed),
    ],
)
def test_what_published_files_have_is_accepted(part, change, copy, latte_weights):
    model, folder = copy("latte")
    stored_otherwise(folder, part, change)
    ours = weights_of(load_sampler(model, "cpu", "float32"))
    for name, state in latte_weights.items():
        assert state.keys() == ours[name].keys()
        for key, value in state.items():
            assert torch.equal(value, ours[name][key]), key


def test_two_values_of_one_tensor_are_refused(copy):
    model, folder = copy("latte")
    stored_otherwise(
        folder,
        "text_encoder",
        lambda t: {**t, "encoder.embed_tokens.weight": t["shared.weight"] + 1},
    )
    with pytest.raises(CheckpointRefused, match="must be equal, and are not"):
        load_sampler(model, "cpu", "float32")


def test_weights_in_several_files_are_accepted(copy):
    model, folder = copy("latte")
    shards(folder / "text_encoder")
    load_sampler(model, "cpu", "float32")
    assert OF_SHARDS  # Their damages are among the others.


def test_pickled_weights_are_read_without_running_their_code(tmp_path):
    """As T5 lies in DeepFloyd's repository."""
    model = T5EncoderModel(T5Config(d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=1)).eval()
    model.save_pretrained(tmp_path)
    weights(tmp_path).unlink()
    part = Part("model.text_encoder.path=x", "text_encoder", tmp_path, "transformers")
    file = tmp_path / "pytorch_model.bin"
    torch.save(model.state_dict(), file)
    loaded = check_network(part, TEXT_ENCODER).load(torch.float32)
    for name, value in model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])
    torch.save({"a": Evil()}, file)
    with pytest.raises(
        CheckpointRefused, match=r"text_encoder, pytorch_model\.bin: cannot be read"
    ):
        check_network(part, TEXT_ENCODER)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(
        CheckpointRefused, match=r"text_encoder, pytorch_model\.bin: cannot be read"
    ):
        check_network(part, TEXT_ENCODER)


class Evil:
    def __reduce__(self):
        return exec, ("raise SystemExit('code of a checkpoint was run')",)


@pytest.mark.parametrize("tied", [True, False])
def test_a_whole_t5_is_accepted_as_its_encoder(tmp_path, tied):
    arguments = {"d_model": 8, "d_kv": 4, "d_ff": 8, "num_layers": 1, "num_heads": 1}
    whole = T5ForConditionalGeneration(T5Config(**arguments, tie_word_embeddings=tied)).eval()
    whole.save_pretrained(tmp_path)
    part = Part("model.text_encoder.path=x", "text_encoder", tmp_path, "transformers")
    loaded = check_network(part, TEXT_ENCODER).load(torch.float32)
    for name, value in loaded.state_dict().items():
        assert torch.equal(value, whole.state_dict()[name])


RELEASED_KEYS = {
    "latte/keys_full": ("transformer", LATTE.transformer, LATTE_RELEASED["transformer"]),
    "open_sora/keys_full": ("transformer", OPEN_SORA.transformer, {}),
    "open_sora/vae_keys_full": ("vae", OPEN_SORA.vae, {}),
}


@pytest.mark.parametrize("recorded", RELEASED_KEYS)
def test_the_keys_recorded_upstream_agree(recorded):
    name, network, arguments = RELEASED_KEYS[recorded]
    part = Part("model.path=x", name, LATTE_FOLDER, configured=False)
    with torch.device("meta"):
        made = network.kind(**arguments)
    keys = json.loads((FIXTURES / f"{recorded}.json").read_text())["keys"]
    stored = {
        key: StoredTensor(tuple(shape), "F16", "a.safetensors") for key, shape in keys.items()
    }
    check_agreement(part, network, made, stored)
    lost = list(stored)[-1]
    del stored[lost]
    with pytest.raises(CheckpointRefused, match=r"of the model is missing") as caught:
        check_agreement(part, network, made, stored)
    assert lost in str(caught.value)
