"""A method on the scene of a golden file: what was decided, and the latents after every call."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from golden.scenes import Scene

from pab_bench.engine.engine import Engine
from pab_bench.engine.plan import Plan
from pab_bench.engine.sites import depths_of
from pab_bench.engine.stack import stack_of, stack_sites
from pab_bench.engine.whole_calls import value_of
from pab_bench.methods.base import Method, plan_of_facts
from pab_bench.methods.facts import Facts


@dataclass(frozen=True)
class Followed:
    """One video.

    Attributes:
        latents: (calls, ...) after every call.
        outputs: (calls, batch, ...) of the transformer, of all lanes one after the other.
        engine: with its ledger.
        plan: the decisions, or what was done where they were open; of every lane.
    """

    latents: torch.Tensor
    outputs: torch.Tensor
    engine: Engine
    plan: tuple[Plan, ...]


def follow(scene: Scene, method: Method, steps: int, guidance: float) -> Followed:
    """Sample, and check that what was done is what was to be done."""
    architecture = scene.architecture
    facts = Facts(
        getattr(scene, "planned_timesteps", scene.timesteps)(steps),
        steps,
        architecture.depth,
        architecture.groups,
        depths_of(architecture),
        stack_sites(stack_of(architecture)),
        scene.lanes,
    )
    plan = plan_of_facts(method, facts)
    history: list[torch.Tensor] = []
    outputs: list[torch.Tensor] = []
    hook = architecture.transformer.register_forward_hook(
        lambda module, args, result: outputs.append(value_of(result).clone())
    )
    with Engine(
        architecture,
        plan,
        method.broadcast_object,
        lanes=scene.lanes,
        policy=method.policy(facts),
    ) as engine:
        try:
            scene.denoise(steps, guidance, lambda latents: history.append(latents.clone()))
        finally:
            hook.remove()
    ledger = engine.ledger
    ledger.check(plan, method.sure_calls(facts), method.protected_calls(facts))
    engine.check_gates()
    lanes = range(scene.lanes)
    done = tuple(ledger.executed(plan, lane) if plan.is_open else plan for lane in lanes)
    return Followed(torch.stack(history), torch.stack(outputs), engine, done)
