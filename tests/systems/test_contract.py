"""The sampler contract on every system: the embedded Latte, and tiny pipelines of the others."""

from dataclasses import replace
from functools import partial

import pytest
import torch

pytest.register_assert_rewrite("samplers.contract")

from diffusers import CogVideoXPipeline, LattePipeline  # noqa: E402
from systems.contract import CHECKS, System  # noqa: E402
from systems.diffusers.driven import KNOWN  # noqa: E402
from systems.open_sora_plan.small import small_pipeline  # noqa: E402
from systems.tiny_pipelines import (  # noqa: E402
    DEPTH,
    WORDS,
    tiny_cogvideox,
    tiny_open_sora,
)

from pab_bench.config.compose import options, read_option  # noqa: E402
from pab_bench.minis.registry import find_mini  # noqa: E402
from pab_bench.systems import registry  # noqa: E402
from pab_bench.systems.cogvideox.sampler import CogVideoXSampler  # noqa: E402
from pab_bench.systems.latte.sampler import EMBEDDED, LatteSampler  # noqa: E402
from pab_bench.systems.model import ModelSettings  # noqa: E402
from pab_bench.systems.open_sora.pipeline import OpenSoraPipeline  # noqa: E402
from pab_bench.systems.open_sora.sampler import OpenSoraSampler  # noqa: E402
from pab_bench.systems.open_sora_plan.pipeline import OpenSoraPlanPipeline  # noqa: E402
from pab_bench.systems.open_sora_plan.sampler import OpenSoraPlanSampler  # noqa: E402

LATTE_GROUPS = frozenset({"spatial", "temporal", "cross", "mlp_spatial", "mlp_temporal"})


def system(sampler_class, model, groups, pipeline_class, folder, call, steps=3, frames_type="np"):
    pipeline = pipeline_class.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    sizes = {"height": model.height, "width": model.width}
    return System(
        model=model,
        sampler_class=sampler_class,
        sampler=sampler_class(model, "cpu", "float32"),
        groups=frozenset(groups),
        steps=steps,
        call=partial(pipeline, **sizes, **call),
        frames_type=frames_type,
    )


def address(name):
    return registry.SYSTEMS.load(name).sampler


def settings(sampler_class, path, frames, side):
    (name,) = (n for n in registry.SYSTEMS if f":{sampler_class.__name__}" in address(n))
    return ModelSettings("tiny", name, path, None, None, DEPTH, frames, side, side)


def latte(folder):
    # At a quarter of its size, to save time.
    model = replace(find_mini("latte").settings, height=32, width=32)
    call = {"video_length": model.frames, "clean_caption": False}
    return system(LatteSampler, model, LATTE_GROUPS, LattePipeline, EMBEDDED, call)


def open_sora(folder):
    tiny_open_sora().save_pretrained(folder)
    model = settings(OpenSoraSampler, str(folder), 17, 32)
    groups = LATTE_GROUPS | {"cross_temporal"}
    call = {"num_frames": model.frames, "clean_caption": False}
    return system(OpenSoraSampler, model, groups, OpenSoraPipeline, folder, call)


def open_sora_plan(folder):
    small_pipeline().save_pretrained(folder)
    model = settings(OpenSoraPlanSampler, str(folder), 9, 64)
    model = replace(model, clean_caption=True)
    call = {"num_frames": model.frames}
    return system(
        OpenSoraPlanSampler,
        model,
        LATTE_GROUPS,
        OpenSoraPlanPipeline,
        folder,
        call,
        steps=4,  # PNDM takes no fewer.
        frames_type="uint8",
    )


def cogvideox(folder):
    tiny_cogvideox().save_pretrained(folder)
    model = settings(CogVideoXSampler, str(folder), 9, 32)
    call = {"num_frames": model.frames, "max_sequence_length": WORDS}
    groups = {"spatial", "mlp_spatial"}
    return system(CogVideoXSampler, model, groups, CogVideoXPipeline, folder, call)


SYSTEMS = {builder.__name__: builder for builder in (latte, open_sora, open_sora_plan, cogvideox)}


@pytest.fixture(scope="session", params=SYSTEMS)
def contracted(request, tmp_path_factory):
    return SYSTEMS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(contracted, check):
    check(contracted)


def test_every_configured_sampler_is_under_contract():
    configured = [read_option("model", name) for name in options("model")]
    # What is driven by its own call has a contract of its own: see `tests/systems/diffusers`.
    driven = {"diffusers", *(known.system for known in KNOWN.values() if known.system)}
    contracted = {*SYSTEMS, *driven}
    assert {values["system"] for values in configured} == set(registry.SYSTEMS) == contracted
