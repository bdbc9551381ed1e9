"""Videos that begin with a picture: the bare pipeline's own, and different for each picture."""

import json

import diffusers
import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from PIL import Image
from systems.diffusers import tiny_image
from systems.diffusers.driven import STEPS, every

from pab_bench.cli import main
from pab_bench.config.compose import compose
from pab_bench.engine.engine import Engine
from pab_bench.errors import ConfigError
from pab_bench.experiment.identity import settings_identity
from pab_bench.methods.base import plan_of
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.store.points import Store
from pab_bench.systems.diffusers.call_names import read_call
from pab_bench.systems.diffusers.sampler import DiffusersSampler

FRAMES = {"wan_image": 5, "cogvideox_image": 9, "ltx_image": 9}
LANES = {"wan_image": 2, "cogvideox_image": 1, "ltx_image": 1}
PROMPTS = {"a dog runs": "first.png", "a cat sits": "more/second.png", "a dog sits": "first.png"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures, and prompts that name them."""
    folder = tmp_path_factory.mktemp("prompts")
    (folder / "more").mkdir()
    drawn = np.random.default_rng(0)
    for name in dict.fromkeys(PROMPTS.values()):
        Image.fromarray(drawn.integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(folder / name)
    rows = [f"{prompt},{name}" for prompt, name in PROMPTS.items()]
    (folder / "prompts.csv").write_text("\n".join(["prompt,image", *rows]))
    return folder


@pytest.fixture(scope="module")
def pipelines(tmp_path_factory):
    saved = {}

    def get(name):
        if name not in saved:
            saved[name] = tmp_path_factory.mktemp(name)
            getattr(tiny_image, name)().save_pretrained(saved[name])
        return saved[name]

    return get


def settings_of(name, pipelines, folder, **more):
    return compose(
        model="diffusers",
        steps=STEPS,
        **{
            "model.path": str(pipelines(name)),
            "model.frames": FRAMES[name],
            "model.height": 32,
            "model.width": 32,
            "prompts.file": str(folder / "prompts.csv"),
            **more,
        },
    )


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("WanPipeline", "never"),
        ("WanImageToVideoPipeline", "must"),
        ("CogVideoXImageToVideoPipeline", "must"),
        ("LTXImageToVideoPipeline", "must"),
        ("LTXConditionPipeline", "may"),
        ("HunyuanVideoImageToVideoPipeline", "must"),
        ("HunyuanVideo15ImageToVideoPipeline", "must"),
        ("SkyReelsV2ImageToVideoPipeline", "must"),
        ("Kandinsky5I2VPipeline", "must"),
    ],
)
def test_which_pipelines_begin_with_a_picture(name, use):
    assert read_call(getattr(diffusers, name)).image == use


@pytest.mark.parametrize("name", FRAMES)
def test_the_pipelines_own_video(pipelines, folder, name):
    """Bit for bit, driven bare and by a plan that reuses nothing."""
    settings = settings_of(name, pipelines, folder)
    sampler = DiffusersSampler(settings.model, "cpu", "float32")
    bare = DiffusionPipeline.from_pretrained(pipelines(name), local_files_only=True)
    bare.set_progress_bar_config(disable=True)
    videos = []
    for prompt in settings.prompts:
        latents = sampler.denoise(
            sampler.encode(prompt), sampler.noise(3), STEPS, 5.0, lambda step: None
        )
        frames = sampler.decode(latents)
        theirs = bare(
            prompt=str(prompt),
            image=Image.open(folder / PROMPTS[prompt[:]]).convert("RGB"),
            height=32,
            width=32,
            num_frames=FRAMES[name],
            guidance_scale=5.0,
            num_inference_steps=STEPS,
            generator=torch.Generator().manual_seed(3),
            output_type="np",
        ).frames[0]
        assert np.array_equal(frames, (theirs * 255).round().astype(np.uint8))
        videos.append(latents)
    assert not torch.equal(videos[0], videos[1])
    plan = plan_of(PyramidAttentionBroadcast(every(1), "ungated"), sampler, STEPS)
    with Engine(sampler.architecture, plan, "ungated", lanes=LANES[name]) as engine:
        again = sampler.denoise(
            sampler.encode(settings.prompts[0]), sampler.noise(3), STEPS, 5.0, lambda step: None
        )
    engine.ledger.check(plan)
    assert torch.equal(again, videos[0])


def test_the_picture_counts(pipelines, folder):
    """With the same text, an other picture makes an other encoding."""
    settings = settings_of("wan_image", pipelines, folder)
    sampler = DiffusersSampler(settings.model, "cpu", "float32")
    own = settings.prompts[0]
    other = type(own)(str(own), settings.prompts[1].path, settings.prompts[1].digest)
    first, second = (sampler.encode(prompt).conditional for prompt in (own, other))
    assert not torch.equal(first, second)
    assert torch.equal(first, sampler.encode(own).conditional)


def test_identity_has_the_pictures_digest(pipelines, folder):
    first, second, third = settings_identity(settings_of("wan_image", pipelines, folder))["prompts"]
    assert first["text"] == "a dog runs"
    assert len(first["image"]) == 64
    assert first["image"] == third["image"] != second["image"]


def test_a_pipeline_that_needs_a_picture(pipelines, tmp_path):
    for file in (None, "prompts.csv"):
        (tmp_path / "prompts.csv").write_text("prompt,style\na dog,none\na cat,none")
        own = {"prompts.file": None if file is None else str(tmp_path / file)}
        with pytest.raises(
            ConfigError, match=r"^prompts\.file=.*: WanImageToVideoPipeline .*begins a"
        ):
            settings_of("wan_image", pipelines, tmp_path, **own)


def test_pipelines_of_text_alone(saved, folder):
    with pytest.raises(ConfigError, match=r"^prompts\.file=.*: has a column 'image', and WanPipel"):
        compose(
            model="diffusers",
            **{"model.path": str(saved("wan")), "prompts.file": str(folder / "prompts.csv")},
        )
    with pytest.raises(ConfigError, match=r"^prompts\.file=.*'image', and model=latte_mini makes"):
        compose(**{"prompts.file": str(folder / "prompts.csv")})


def test_a_sampler_does_not_begin_with_nothing(pipelines, folder, wan):
    """Where the configuration could not know the pipeline: its index was not here."""
    settings = settings_of("wan_image", pipelines, folder)
    with pytest.raises(ConfigError, match=r"^prompt 'a dog' has no picture, and WanImageToVideo"):
        DiffusersSampler(settings.model, "cpu", "float32").encode("a dog")
    with pytest.raises(ConfigError, match=r"^prompt .* has a picture, and WanPipeline takes none"):
        wan.sampler.encode(settings.prompts[0])


@pytest.mark.slow
@pytest.mark.parametrize("name", FRAMES)
def test_from_the_command_line_to_metrics(pipelines, folder, tmp_path, name):
    line = [
        "model=diffusers",
        f"model.path={pipelines(name)}",
        f"model.frames={FRAMES[name]}",
        "model.height=32",
        "model.width=32",
        f"prompts.file={folder / 'prompts.csv'}",
        "steps=4",
        "spatial_gap=2",
        "threshold=steps:[0,1]",
        "speed.calls=false",
        f"results_dir={tmp_path}",
    ]
    assert main(line) == 0
    records = list(Store(tmp_path).records())
    (point,) = (record for record in records if not record.is_baseline)
    assert point.prompts == list(map(str, PROMPTS))
    assert {len(prompt["image"]) for prompt in point.config["prompts"]} == {64}
    assert point.plan["windows"]["spatial"]["threshold"] == "steps:[0,1]"
    assert point.plan["windows"]["spatial"]["steps_inside"] == 4
    assert 10 < point.quality["psnr_db"]["value"] < 100
    before = {record.id for record in records}
    assert main(line) == 0  # All of it is found.
    assert {record.id for record in Store(tmp_path).records()} == before
    assert json.dumps(point.to_json())
