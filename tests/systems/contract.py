"""What every sampler must do, as checks that know nothing of any system.

Each check takes a `System`. `test_contract.py` runs all of them on every system.
"""

import inspect
import math
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from pab_bench.config.compose import options, read_option
from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import BROADCAST_OBJECTS
from pab_bench.engine.plan import Plan
from pab_bench.engine.playback import Playback
from pab_bench.engine.prefix import prefix_digests
from pab_bench.errors import ConfigError
from pab_bench.experiment.tape import VideoTape
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.probes.attention_difference import COLUMNS, AttentionDifference
from pab_bench.store.tapes import TapeStore
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.weights import WeightsMissing

PROMPT = "a large red circle moves right slowly over a black background"
OTHER_PROMPT = "a small blue square moves left quickly over a white background"
ON, OFF = 4.0, 1.0
"""Guidance scales: up to 1 there is no guidance."""
ALL_STEPS = (-1, 1001)
RULES = ("spatial", "temporal", "cross", "mlp_spatial", "mlp_temporal")


@dataclass(frozen=True)
class System:
    """A sampler, and what the contract cannot know by itself.

    Attributes:
        model: what the sampler was loaded with.
        sampler_class: its class.
        sampler: loaded, on the CPU in float32.
        groups: names of the groups that the transformer is known to have.
        steps: denoising steps to sample with.
        call: the system's own pipeline, loaded apart from the sampler, with sizes filled in.
        frames_type: the pipeline's `output_type` for frames.
    """

    model: ModelSettings
    sampler_class: type
    sampler: Any
    groups: frozenset[str]
    steps: int
    call: Callable[..., Any]
    frames_type: str
    _bare: dict[float, torch.Tensor] = field(default_factory=dict)

    @property
    def architecture(self) -> Any:
        return self.sampler.architecture

    @property
    def transformer(self) -> Any:
        return self.sampler.architecture.transformer

    def load(self, **changes: Any) -> Any:
        return self.sampler_class(replace(self.model, **changes), "cpu", "float32")

    def denoise(
        self,
        prompt: str = PROMPT,
        seed: int = 0,
        guidance: float = ON,
        on_step: Callable[[int], None] = lambda step: None,
    ) -> torch.Tensor:
        sampler = self.sampler
        latents: torch.Tensor = sampler.denoise(
            sampler.encode(prompt), sampler.noise(seed), self.steps, guidance, on_step
        )
        return latents

    def bare(self, guidance: float = ON) -> torch.Tensor:
        """What comes out without any attachment; sampled once, to save time."""
        if guidance not in self._bare:
            self._bare[guidance] = self.denoise(guidance=guidance)
        return self._bare[guidance]

    def plan(self, rules: Rules) -> Plan:
        return make_plan(
            rules,
            self.sampler.timesteps(self.steps),
            self.architecture.depth,
            self.architecture.groups,
            counter_period=self.steps,
        )

    def follow(self, plan: Plan, *args: Any, guidance: float = ON, **options: Any) -> torch.Tensor:
        with Engine(self.architecture, plan, *args, **options) as broadcast:
            latents = self.denoise(guidance=guidance)
        broadcast.ledger.check(plan)
        return latents


def every(gap: int) -> Rules:
    return Rules(*(GapRule(True, ALL_STEPS, gap) for _ in RULES))


def only(kind: str) -> Rules:
    return replace(Rules(), **{kind: GapRule(True, ALL_STEPS, 2)})


@dataclass(frozen=True)
class Call:
    """A call of the transformer: its timesteps, and the size of its batch."""

    timesteps: list[int]
    batch: int


@contextmanager
def recorded_calls(transformer: Any) -> Iterator[list[Call]]:
    calls: list[Call] = []
    signature = inspect.signature(type(transformer).forward)

    def note(module: Any, args: Any, kwargs: Any) -> None:
        given = signature.bind(module, *args, **kwargs).arguments
        video = given["hidden_states"] if "hidden_states" in given else list(given.values())[1]
        # In the transformer's dtype: Open-Sora's decisions see its timesteps so.
        times = given["timestep"].to(video.dtype if given["timestep"].is_floating_point() else None)
        calls.append(Call([int(t) for t in times.flatten()], len(video)))

    handle = transformer.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield calls
    finally:
        handle.remove()


class BrokenOff(Exception):
    """Raised in the middle of a video."""


@contextmanager
def breaking_off(system: System) -> Iterator[None]:
    """The last block of the second call raises."""
    visits = 0

    def stop(module: Any, args: Any) -> None:
        nonlocal visits
        visits += 1
        if visits == 2:
            raise BrokenOff

    handle = system.architecture.blocks()[-1].module.register_forward_pre_hook(stop)
    try:
        with pytest.raises(BrokenOff):
            yield
    finally:
        handle.remove()


def modules(transformer: Any) -> dict[str, Any]:
    """Everything that a context may have changed in the modules."""
    return {
        name: (
            module.__dict__.get("forward"),
            list(module._forward_hooks.values()),
            list(module._forward_pre_hooks.values()),
        )
        for name, module in transformer.named_modules()
    }


def check_sites_are_named(system: System) -> None:
    architecture = system.architecture
    groups = architecture.groups
    assert {group.name for group in groups} == system.groups
    assert len(set(groups)) == len(groups)
    assert architecture.depth == system.model.depth
    own = {id(module) for module in system.transformer.modules()}
    blocks = architecture.blocks()
    assert all(id(block.module) in own for block in blocks)
    assert len({id(block.module) for block in blocks}) == len(blocks)
    branches = {group.branch for group in groups}
    places = [(block.branch, block.index) for block in blocks]
    assert sorted(places) == sorted((b, i) for b in branches for i in range(architecture.depth))
    count = sum(p.numel() for p in system.transformer.parameters())
    assert system.sampler.parameters == count


def check_every_site_is_visited_once_in_a_call(system: System) -> None:
    plan = system.plan(Rules())
    with Engine(system.architecture, plan) as broadcast:
        system.denoise()
    visited = broadcast.ledger.order
    assert len(set(visited)) == len(visited)
    assert set(visited) == {(g, b) for g in plan.source for b in range(plan.depth)}


def check_configurations_name_the_same_kinds(system: System) -> None:
    kinds = {group.kind for group in system.architecture.groups}
    configured = [read_option("model", name) for name in options("model")]
    configured = [values for values in configured if values["system"] == system.model.system]
    assert configured
    for values in configured:
        assert {kind for kind, window in values["threshold"].items() if window} == kinds


def check_timesteps_are_those_of_the_calls(system: System) -> None:
    reported: list[int] = []
    with recorded_calls(system.transformer) as calls:
        system.denoise(on_step=reported.append)
    expected = system.sampler.timesteps(system.steps)
    assert len(calls) == len(expected)
    for call, timestep in zip(calls, expected, strict=True):
        assert set(call.timesteps) == {timestep}
    assert reported == list(range(len(calls)))
    assert len(system.sampler.timesteps(system.steps + 2)) > len(expected)
    assert system.sampler.timesteps(system.steps) == expected


def check_stages_equal_the_pipelines_own_call(system: System) -> None:
    for guidance in (ON, OFF):

        def whole(output_type: str, guidance: float = guidance) -> Any:
            return system.call(
                prompt=PROMPT,
                num_inference_steps=system.steps,
                guidance_scale=guidance,
                generator=torch.Generator().manual_seed(3),
                output_type=output_type,
            ).frames

        latents = system.denoise(seed=3, guidance=guidance)
        assert torch.equal(latents, whole("latent"))
        frames = whole(system.frames_type)[0]
        expected = frames if frames.dtype == np.uint8 else (frames * 255).round()
        assert np.array_equal(system.sampler.decode(latents), expected)


def check_the_seed_determines_the_video(system: System) -> None:
    sampler, model = system.sampler, system.model
    noise = sampler.noise(0)
    torch.rand(1)  # Other random numbers have no influence.
    assert torch.equal(noise, sampler.noise(0))
    first = sampler.decode(system.denoise())
    assert first.shape == (model.frames, model.height, model.width, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, sampler.decode(system.denoise()))
    assert not np.array_equal(first, sampler.decode(system.denoise(seed=1)))
    assert not torch.equal(system.bare(), system.denoise(OTHER_PROMPT))


def check_guidance_can_be_off(system: System) -> None:
    results = []
    for guidance, batch in ((ON, 2), (OFF, 1)):
        with recorded_calls(system.transformer) as calls:
            results.append(system.denoise(guidance=guidance))
        assert {call.batch for call in calls} == {batch}
        reused = system.follow(system.plan(every(2)), guidance=guidance)
        assert not torch.equal(reused, results[-1])
    assert not torch.equal(*results)


def check_a_gap_of_one_is_the_baseline(system: System) -> None:
    plan = system.plan(every(1))
    assert plan.is_baseline()
    for guidance in (ON, OFF):
        assert torch.equal(system.follow(plan, guidance=guidance), system.bare(guidance))


def check_the_ledger_equals_the_plan(system: System) -> None:
    plan = system.plan(every(2))
    assert plan.reuse_share() > 0.2
    for broadcast_object in BROADCAST_OBJECTS:
        # `follow` compares ledger and plan.
        assert not torch.equal(system.bare(), system.follow(plan, broadcast_object))


def check_every_kind_has_an_effect_of_its_own(system: System) -> None:
    for kind in RULES:
        plan = system.plan(only(kind))
        has_it = any(kind in (group.kind, group.name) for group in plan.source)
        assert plan.is_baseline() != has_it
        assert torch.equal(system.bare(), system.follow(plan)) != has_it


def check_every_prompt_begins_anew(system: System) -> None:
    plan = system.plan(every(3))
    expected = system.follow(plan)
    with Engine(system.architecture, plan) as broadcast:
        system.denoise(OTHER_PROMPT, seed=1)
        assert torch.equal(system.denoise(), expected)
        broadcast.ledger.check(plan)


def check_a_video_after_an_exception_begins_anew(system: System) -> None:
    plan = system.plan(every(3))
    expected = system.follow(plan)
    with Engine(system.architecture, plan) as broadcast:
        with breaking_off(system):
            system.denoise(OTHER_PROMPT)
        assert len(broadcast.cache)
        broadcast.start_video()
        assert torch.equal(system.denoise(), expected)
        broadcast.ledger.check(plan)


def check_modules_are_restored(system: System) -> None:
    bare, before = system.bare(), modules(system.transformer)
    plan = system.plan(every(2))
    with Engine(system.architecture, plan):
        assert modules(system.transformer) != before
        system.denoise()
    assert modules(system.transformer) == before
    broadcast = Engine(system.architecture, plan)
    with breaking_off(system), broadcast:
        system.denoise()
    assert modules(system.transformer) == before
    assert not len(broadcast.cache)
    assert torch.equal(system.denoise(), bare)


def check_curves_have_the_right_shape(system: System) -> None:
    plan = system.plan(Rules())
    recorder = AttentionDifference()
    observed = system.follow(plan, observers=[recorder])
    assert torch.equal(observed, system.bare())
    rows = recorder.rows(plan.timesteps)
    places = [(r["step"], r["kind"], r["branch"], r["block"], r["tensor"]) for r in rows]
    assert len(set(places)) == len(places)
    assert set(places) == {
        (step, group.kind, group.branch, block, tensor)
        for step in range(1, plan.calls)
        for group in plan.source
        for block in range(plan.depth)
        for tensor in ("ungated", "gated")
    }
    for row in rows:
        assert row["timestep"] == plan.timesteps[row["step"]]
        assert all(math.isfinite(row[column]) for column in COLUMNS)
        assert row["mse"] > 0
        assert row["energy"] > 0


def check_missing_weights_are_listed(system: System) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.raises(WeightsMissing) as caught:
        system.load(path=folder)
    message = str(caught.value)
    assert folder in message
    assert "missing:" in message
    assert "config.json" in message


def check_offloading_needs_a_gpu(system: System) -> None:
    with pytest.raises(ConfigError, match=r"model\.offload=model"):
        system.load(offload="model")


def check_the_control_has_seeded_random_weights(system: System) -> None:
    first, again = (system.load(random_weights=True).architecture.transformer for _ in range(2))
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    own = system.transformer.state_dict()
    assert any(not torch.equal(value, own[name]) for name, value in first.state_dict().items())


def check_known_calls_can_be_replayed(system: System) -> None:
    half = system.plan(Rules()).calls // 2
    late = replace(
        GapRule(True, ALL_STEPS, 2), threshold=(-1, system.plan(Rules()).timesteps[half])
    )
    with tempfile.TemporaryDirectory() as folder:
        store = TapeStore(Path(folder), 10**9)
        for rules in (Rules(), Rules(spatial=late), Rules(spatial=late)):
            plan = system.plan(rules)
            tape = VideoTape(store, "video", prefix_digests(plan, ""), plan, 10**9, "cpu")
            with (
                Engine(system.architecture, plan) as broadcast,
                Playback(system.transformer, tape),
            ):
                replayed = system.denoise()
            broadcast.ledger.known(plan, tape.known)
            broadcast.ledger.check(plan)
            assert torch.equal(replayed, system.follow(plan))
            tape.keep([0.0] * plan.calls, broadcast.ledger.order)
    assert tape.known == plan.calls  # The last was there already.


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]
