"""What one grid point costs, known from its settings alone."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, cast

from pab_bench.config.settings import Settings
from pab_bench.cost.cache_bytes import CacheBytes, predict_cache
from pab_bench.cost.conventions import Convention
from pab_bench.cost.counting import work_of
from pab_bench.cost.dry_run import held_by_policy
from pab_bench.cost.prediction import Flops, predict_flops, reuse_counts, reuse_visits
from pab_bench.cost.step import inputs_of, step_of
from pab_bench.cost.work import Work
from pab_bench.engine.cache_options import CacheOptions
from pab_bench.engine.kinds import KINDS
from pab_bench.engine.plan import Plan
from pab_bench.errors import ConfigError
from pab_bench.methods.base import facts_of, plan_of, plan_of_facts
from pab_bench.methods.bounds import least_plan
from pab_bench.systems.blueprint import Blueprint, Decoder
from pab_bench.systems.model import ModelSettings
from pab_bench.systems.registry import get_blueprint, sampler_address

SCHEMA = 1


class KeptByOthers(ConfigError):
    """What a method computes and keeps is not told by any policy of ours."""

    def __init__(self, method: str) -> None:
        super().__init__(
            f"method={method}: what somebody else's code computes is known once it was sampled"
        )


@dataclass(frozen=True)
class Estimate:
    """The predicted cost of a point.

    Attributes:
        settings: the point.
        system: the system's name.
        convention: what counts as an operation.
        plan: the decisions.
        text_tokens: tokens of the text that is attended to.
        tokens_from: where that number comes from: `convention`, `tokenizer` or `padding`.
        flops: operations per video; the most of them where the method decides while it samples.
        least: the fewest of them then; else None.
    """

    settings: Settings
    system: str
    convention: Convention
    plan: Plan
    text_tokens: int
    tokens_from: str
    flops: Flops
    least: Flops | None = None

    @cached_property
    def lanes(self) -> int:
        """Calls of the transformer in a denoising step, which count as one call of the plan."""
        return len(step_of(self.settings, self.text_tokens))

    @cached_property
    def cache(self) -> CacheBytes:
        """Memory held by broadcasting."""
        return cache_of(self.settings, self.plan, self.text_tokens)

    def _bounds(self) -> dict[str, Any]:
        """Of a method that decides while it samples, whose other numbers are the largest."""
        if self.least is None:
            return {}
        return {
            "open": True,
            "flops_method_least": self.least.method,
            "flops_ratio_least": self.least.ratio,
            "speedup_bound_most": 1 / self.least.ratio,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain data; operations and bytes are of one video."""
        flops, cache, settings = self.flops, self.cache, self.settings
        return {
            "schema": SCHEMA,
            "model": settings.model.name,
            "system": self.system,
            "sampler": sampler_address(settings.model.system).rpartition(":")[2],
            "preset": settings.preset,
            "method": settings.method.name,
            "rules": settings.method.identity(settings.model.depth)["rules"],
            "broadcast_object": settings.method.broadcast_object,
            "size": [settings.model.frames, settings.model.height, settings.model.width],
            "steps": settings.steps,
            "calls": self.plan.calls,
            "lanes": self.lanes,
            "guidance": settings.guidance,
            "dtype": settings.dtype,
            "text_tokens": self.text_tokens,
            "text_tokens_from": self.tokens_from,
            "convention": self.convention.to_json(),
            "flops_baseline": flops.baseline,
            "flops_method": flops.method,
            "flops_ratio": flops.ratio,
            "speedup_bound": 1 / flops.ratio,
            "denoising_ratio": flops.denoising_ratio,
            "denoising_speedup_bound": 1 / flops.denoising_ratio,
            **self._bounds(),
            "flops_by_kind": flops.by_kind(),
            "flops_per_call": {
                "timesteps": list(self.plan.timesteps),
                "baseline": flops.baseline_call,
                "method": flops.per_call.tolist(),
            },
            "flops_per_site": {g.name: sites.tolist() for g, sites in flops.sites.items()},
            "reuse_counts": reuse_counts(self.plan),
            "reuse_visits": reuse_visits(self.plan),
            "cache_bytes": cache.peak,
            "cache_bytes_by_kind": {
                kind: sum(n for group, n in cache.at_peak.items() if group.kind == kind)
                for kind in KINDS
            },
            "cache_bytes_per_call": list(cache.per_call),
            "cache_dtype": settings.cache.dtype or settings.dtype,
            "cache_device": settings.cache.device,
        }


def estimate(settings: Settings, convention: Convention) -> Estimate:
    """Predict the cost of a point.

    Raises:
        ConfigError: if the model is not known without its weights.
        KeptByOthers: if the method is somebody else's code.
    """
    blueprint = get_blueprint(settings.model, settings.dtype)
    tokens, tokens_from = text_tokens(blueprint, convention, settings.prompts, settings.method.name)
    plan = plan_of(settings.method, blueprint, settings.steps, settings.guidance)
    flops = flops_of(settings, convention, plan, tokens)
    least = None
    if plan.is_open:
        facts = facts_of(settings.method, blueprint, settings.steps, settings.guidance)
        if settings.method.policy(facts) is None:
            raise KeptByOthers(settings.method.name)
        least = flops_of(settings, convention, least_plan(settings.method, facts), tokens)
    return Estimate(settings, blueprint.system, convention, plan, tokens, tokens_from, flops, least)


def flops_of(settings: Settings, convention: Convention, plan: Plan, tokens: int) -> Flops:
    """Operations of one video that follows `plan`, with a text of `tokens` tokens."""
    networks = settings.model, settings.dtype
    blueprint = get_blueprint(*networks)
    guided = blueprint.guided(settings.guidance)
    made = settings.method.sampled_steps(settings.steps)
    return predict_flops(
        plan,
        step_of(settings, tokens, with_guidance=convention.guidance_batch),
        convention,
        blueprint.system,
        _encoding(*networks, guided) if convention.text_encoder else Work(),
        _decoding(*networks, convention.decoder),
        None if made == settings.steps else len(blueprint.timesteps(settings.steps)),
        step_of(settings, tokens, with_guidance=False) if plan.rows else None,
    )


def cache_of(settings: Settings, plan: Plan, tokens: int) -> CacheBytes:
    """What a run of `plan` will hold.

    Args:
        settings: the point.
        plan: its decisions.
        tokens: tokens of the text that is attended to.

    Returns:
        Only the peak where a policy decides what is kept. Where it does so while it samples, the
        larger of those with little and with much change from call to call.

    Raises:
        KeptByOthers: if it is somebody else's code that keeps it.
    """
    if plan.sites_only:
        return predict_cache(plan, step_of(settings, tokens), settings.cache)
    networks = settings.model, settings.dtype
    said = settings.steps, settings.guidance, max(settings.prompts, key=len), tokens
    method = cast("Hashable", settings.method)
    return CacheBytes(_held(*networks, method, *said, settings.cache), {}, ())


@lru_cache(maxsize=64)
def _held(
    model: ModelSettings,
    dtype: str,
    method: Any,
    steps: int,
    guidance: float,
    prompt: str,
    tokens: int,
    cache: CacheOptions,
) -> int:
    """Bytes that the policy of a method holds at once."""
    blueprint = get_blueprint(model, dtype)
    facts = facts_of(method, blueprint, steps, guidance)
    policy = method.policy(facts)
    if policy is None:
        raise KeptByOthers(method.name)
    inputs = inputs_of(model, dtype, guidance, prompt, tokens)
    plan = plan_of_facts(method, facts)
    return held_by_policy(blueprint.architecture, inputs, plan, policy, cache)


def text_tokens(
    blueprint: Blueprint, convention: Convention, prompts: Sequence[str], method: str
) -> tuple[int, str]:
    """Tokens of the text that is attended to, and where the number comes from."""
    said = convention.tokens(blueprint.system, method)
    if said is not None:
        return said, "convention"
    counted = blueprint.text_tokens(prompts)
    if counted is not None:
        return counted, "tokenizer"
    return blueprint.padded_text_tokens, "padding"


@lru_cache(maxsize=16)
def _encoding(model: ModelSettings, dtype: str, guided: bool) -> Work:
    blueprint = get_blueprint(model, dtype)
    return work_of(blueprint.encode) * (blueprint.encoded_prompts if guided else 1)


@lru_cache(maxsize=16)
def _decoding(model: ModelSettings, dtype: str, decoder: Decoder) -> Work:
    blueprint = get_blueprint(model, dtype)
    return Work() if decoder == "none" else work_of(lambda: blueprint.decode(decoder))
