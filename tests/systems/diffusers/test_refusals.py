"""Every refusal, before anything is sampled, names the setting."""

import json
import shutil

import pytest
from safetensors.torch import load_file, save_file
from systems.diffusers.driven import drive, model_of
from systems.diffusers.tiny import wan, wan_transformer

from pab_bench.config.compose import compose
from pab_bench.errors import ConfigError
from pab_bench.systems.diffusers.sampler import DiffusersSampler
from pab_bench.systems.registry import check_checkpoints

INDEX = "model_index.json"


@pytest.fixture
def folder(saved, tmp_path):
    """A copy of a tiny pipeline, to be spoilt."""
    return shutil.copytree(saved("wan"), tmp_path / "pipeline")


def refused(folder, *parts, **settings):
    """Both the configuration and the sampler refuse it, in the same words."""
    with pytest.raises(ConfigError) as by_configuration:
        compose(model="diffusers", **{"model.path": str(folder), **settings})
    with pytest.raises(ConfigError) as by_check:
        check_checkpoints([model_of("wan", folder)])
    for message in (str(by_configuration.value), str(by_check.value)):
        assert message.startswith(f"model.path={folder}: ")
        assert message.count("\n") == 0
        for part in parts:
            assert part in message


def index(folder, **changes):
    path = folder / INDEX
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_no_folder(tmp_path):
    refused(tmp_path / "nowhere", "is no folder", INDEX)


def test_no_index(tmp_path):
    refused(tmp_path, "missing", INDEX)


def test_a_damaged_index(folder):
    (folder / INDEX).write_text('{"_class_name": ')
    refused(folder, INDEX, "is no JSON")


def test_an_index_whose_part_is_none(folder):
    index(folder, vae="AutoencoderKLWan")
    refused(folder, INDEX, "has no vae")
    index(folder, vae=["diffusers"])
    refused(folder, INDEX, "must be a library and a class")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("WanderingPipeline", "is no pipeline of diffusers"),
        ("UNet2DModel", "is no pipeline of diffusers"),
        ("StableDiffusionPipeline", "makes no video"),
        ("FluxPipeline", "makes no video"),
        ("SkyReelsV2DiffusionForcingPipeline", "chunked and diffusion-forcing"),
        ("HeliosPipeline", "chunked and diffusion-forcing"),
        ("WanVideoToVideoPipeline", "makes no video"),
    ],
)
def test_other_classes(folder, name, reason):
    index(folder, _class_name=name)
    refused(folder, INDEX, name, reason)


def test_no_transformer(folder):
    index(folder, transformer=[None, None])
    refused(folder, "has no transformer")


def test_transformers_that_are_not_alike(tmp_path):
    wan(transformer_2=wan_transformer(num_layers=3), boundary_ratio=0.9).save_pretrained(tmp_path)
    reason = "transformer and transformer_2 differ in blocks.2.attn1.norm_k.weight"
    with pytest.raises(ConfigError, match=rf"^model\.path=\S+: {reason}"):
        compose(model="diffusers", **{"model.path": str(tmp_path)})
    with pytest.raises(ConfigError, match=rf"^model\.path=\S+: {reason}"):
        DiffusersSampler(model_of("wan", tmp_path), "cpu", "float32")


@pytest.mark.parametrize(
    "lost",
    ["transformer/config.json", "vae/config.json", "scheduler", "text_encoder/config"],
)
def test_missing_descriptions(folder, lost):
    place = folder / lost
    if place.is_dir():
        shutil.rmtree(place)
    else:
        (folder / lost.removesuffix(".json")).with_suffix(".json").unlink()
    refused(folder, "missing", lost.split("/")[0])


def test_a_missing_tokenizer(folder):
    shutil.rmtree(folder / "tokenizer")
    compose(model="diffusers", **{"model.path": str(folder)})  # Its shapes are known all the same.
    with pytest.raises(ConfigError, match=r"^model\.path=.*missing: tokenizer/\*\.json"):
        check_checkpoints([model_of("wan", folder)])


def test_missing_weights(folder):
    for file in (folder / "text_encoder").glob("*.safetensors"):
        file.unlink()
    with pytest.raises(ConfigError, match=r"model\.path=.*missing: text_encoder/\*\.safetensors"):
        check_checkpoints([model_of("wan", folder)])


def test_a_damaged_configuration(folder):
    (folder / "transformer" / "config.json").write_text('{"num_layers": "many"}')
    with pytest.raises(ConfigError, match=r"^model\.path=\S+: transformer, config\.json: "):
        compose(model="diffusers", **{"model.path": str(folder)})


def test_damaged_weights(folder):
    (file,) = (folder / "transformer").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(ConfigError, match=r"^model\.path=\S+: WanPipeline cannot be loaded"):
        DiffusersSampler(model_of("wan", folder), "cpu", "float32")


def test_a_size_that_it_does_not_sample(saved):
    with pytest.raises(ConfigError, match=r"does not sample 5 frames of 30 x 32: .*divisible"):
        drive("wan", saved("wan"), height=30)


def test_nothing_said_of_where_it_is():
    with pytest.raises(ConfigError, match=r"^model\.path=null: model=diffusers needs a pipeline"):
        compose(model="diffusers")


def test_numbers_of_named_models_may_not_be_open():
    with pytest.raises(ConfigError, match=r"^model\.depth=null: must be a number$"):
        compose(**{"model.depth": None})


@pytest.mark.parametrize("wanted", ["output", "scores"])
def test_only_whole_modules_are_kept(saved, wanted):
    path = {"model.path": str(saved("wan"))}
    with pytest.raises(ConfigError, match=f"^broadcast_object={wanted}: .*latte.* keep {wanted}"):
        compose(model="diffusers", broadcast_object=wanted, **path)
    assert compose(model="diffusers", **path).method.broadcast_object == "ungated"
    assert compose().method.broadcast_object == "output"


def test_attention_maps_need_known_tokens(saved):
    path = {"model.path": str(saved("wan")), "record.attention_maps": True}
    with pytest.raises(ConfigError, match=r"^record\.attention_maps=true: where in the picture"):
        compose(model="diffusers", **path)


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("model.schedule", "ddim_leading", "must be null"),
        ("model.vae.repository", "owner/name", "has no effect"),
        ("model.text_encoder.repository", "owner/name", "has no effect"),
    ],
)
def test_keys_without_effect(saved, key, value, reason):
    with pytest.raises(ConfigError, match=f"^{key}={value}: {reason}"):
        compose(model="diffusers", **{"model.path": str(saved("wan")), key: value})


def test_offloading_needs_a_gpu(saved):
    with pytest.raises(ConfigError, match=r"model\.offload=model"):
        drive("wan", saved("wan"), offload="model")


def test_weights_that_lack_a_tensor(folder):
    (file,) = (folder / "transformer").glob("*.safetensors")
    tensors = load_file(file)
    tensors.pop("blocks.1.ffn.net.2.bias")
    save_file(tensors, file, metadata={"format": "pt"})
    lacked = (
        r"^model\.path=\S+: transformer: its files lack the tensor blocks\.1\.ffn\.net\.2\.bias$"
    )
    with pytest.raises(ConfigError, match=lacked):
        DiffusersSampler(model_of("wan", folder), "cpu", "float32")
