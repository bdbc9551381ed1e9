"""Golden Open-Sora runs: our transformer, scheduler, pipeline and engine."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pab_bench.imports.torchvision  # noqa: F401  # isort: skip
import torch
from golden.open_sora import GROUPS, ORDER, differing_lines, rules_of
from safetensors.torch import load_file

from pab_bench.engine.engine import Engine
from pab_bench.engine.observation import SiteOutput
from pab_bench.engine.plan import Plan
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import Rules
from pab_bench.systems.open_sora.architecture import STDiT3Architecture
from pab_bench.systems.open_sora.layers import position_embedding
from pab_bench.systems.open_sora.pipeline import OpenSoraPipeline
from pab_bench.systems.open_sora.scheduler import RectifiedFlowScheduler
from pab_bench.systems.open_sora.transformer import STDiT3Transformer
from pab_bench.systems.timesteps.rectified_flow import rectified_flow_timesteps
from pab_bench.verify.base import Check, check, max_absolute_difference

FORWARD_TOLERANCE = 2e-5
SAMPLING_TOLERANCE = 1e-4
TIMESTEP_TOLERANCE = 2e-4
OUTPUTS = ("timesteps", "model_out_step0", "model_out_last", "latents", "latents_final")
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}

Tensors = Mapping[str, torch.Tensor]


def check_keys(file: str, content: Mapping[str, Any]) -> Iterator[Check]:
    """State-dict keys, shapes and parameters of the released transformer, on the meta device."""
    with torch.device("meta"):
        model = STDiT3Transformer(**_arguments(content["constructor_kwargs"]))
    ours = {name: list(value.shape) for name, value in model.state_dict().items()}
    golden = content["keys"]

    def differing() -> float:
        return sum(ours.get(name) != golden.get(name) for name in {*ours, *golden})

    def parameters() -> float:
        return abs(sum(p.numel() for p in model.parameters()) - content["parameters"])

    yield check(file, "state-dict keys and shapes", 0.0, differing, "exact")
    yield check(file, "number of parameters", 0.0, parameters, "exact")


def check_forward(path: Path, content: Mapping[str, Any]) -> Iterator[Check]:
    """Every recorded call of the small transformer."""
    tensors = load_file(path.with_suffix(".safetensors"))
    model = small_model(content, tensors)
    for call in content["calls"]:

        def difference(call: str = call) -> float:
            return max_absolute_difference(
                _forward(model, tensors, call), tensors[f"outputs/{call}"]
            )

        yield check(path.name, call, FORWARD_TOLERANCE, difference)


def check_intermediates(path: Path, content: Mapping[str, Any]) -> Iterator[Check]:
    """The tensors inside one call: embeddings, and every site of every block."""
    call, stem = re.fullmatch(r"(\w+) of (\w+)", content["call"]).groups()  # type: ignore[union-attr]
    of = json.loads(path.with_name(f"{stem}.json").read_text())
    inputs = load_file(path.with_name(f"{stem}.safetensors"))
    golden = load_file(path.with_suffix(".safetensors"))
    ours = _intermediates(small_model(of, inputs), inputs, call, content["y_lens"])
    for name, expected in golden.items():
        yield check(
            path.name,
            name,
            FORWARD_TOLERANCE,
            partial(_named_difference, ours, name, expected),
        )


def check_rectified_flow(path: Path, content: Mapping[str, Any]) -> Iterator[Check]:
    """Timesteps of every setting, and sampling through the pipeline."""
    tensors = load_file(path.with_suffix(".safetensors"))
    for name, golden in tensors.items():
        if name.startswith("timesteps/"):
            _, setting, steps, kind = name.split("/")
            numbers = content["timestep_settings"][setting]
            arguments = (numbers, int(steps), _DTYPES[kind])
            difference = partial(_timestep_difference, golden, *arguments)
            yield check(path.name, name, TIMESTEP_TOLERANCE, difference)
            integers = numbers.get(f"int_timesteps_{steps}_{kind}")
            if integers is not None:
                yield check(
                    path.name,
                    f"{name}: integers",
                    0.0,
                    partial(_integer_deviations, integers, *arguments),
                    "exact",
                )
    model = _model_of(path, content["weights"])
    for name, run in content["runs"].items():
        outcome = GoldenSampling(model, _below(tensors, name), run, run["steps"])
        yield from outcome.checks(path.name, name)


def check_pab(path: Path, content: Mapping[str, Any]) -> Iterator[Check]:
    """Runs under every configuration and number of steps: latents and all decisions."""
    tensors = load_file(path.with_suffix(".safetensors"))
    model = _model_of(path, content["weights"])
    shared = {k: v for k, v in tensors.items() if "/" not in k}
    if "none/latents_final" in tensors:
        steps = min(content["steps"])
        outcome = GoldenSampling(model, shared | _below(tensors, "none"), content, steps)
        yield from outcome.checks(path.name, f"none, {steps} steps")
    for name, case in content["configs"].items():
        for steps in sorted(key for key in case if key.isdigit()):
            config = case["config"][steps]
            inputs = shared | _below(tensors, f"{name}/{steps}")
            outcome = GoldenSampling(model, inputs, content, int(steps), config)
            yield from outcome.checks(path.name, f"{name}, {steps} steps")
            yield check(
                path.name,
                f"{name}, {steps} steps: decisions",
                0.0,
                partial(outcome.deviations, case[steps]["decisions"]),
                "exact",
            )


class GoldenSampling:
    """One sampling run through the pipeline, made when it is first asked for.

    Args:
        model: the small transformer.
        inputs: noise, text, sizes; and the golden outputs, by their names.
        settings: guidance and the rest, from the JSON.
        steps: denoising steps.
        config: VideoSys' PAB configuration; None = without broadcasting.
    """

    def __init__(
        self,
        model: STDiT3Transformer,
        inputs: Tensors,
        settings: Mapping[str, Any],
        steps: int,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self.model, self.inputs, self.settings = model, inputs, settings
        self.steps, self.config = steps, config
        self._result: dict[str, torch.Tensor] = {}
        self._lines: list[str] = []

    def checks(self, file: str, name: str) -> Iterator[Check]:
        """One check per golden output of the run."""
        for output in OUTPUTS:
            if output in self.inputs:
                tolerance = TIMESTEP_TOLERANCE if output == "timesteps" else SAMPLING_TOLERANCE
                yield check(file, f"{name}: {output}", tolerance, partial(self._difference, output))

    def deviations(self, golden: list[str]) -> float:
        """Decisions that the engine really took against the recorded ones."""
        self.outputs()
        return differing_lines(self._lines, golden)

    def _difference(self, output: str) -> float:
        return max_absolute_difference(self.outputs()[output], self.inputs[output])

    def outputs(self) -> dict[str, torch.Tensor]:
        """What the run gives, by the names of golden files; sampled once."""
        if self._result:
            return self._result
        inputs = self.inputs
        pipeline = OpenSoraPipeline(None, None, None, self.model, RectifiedFlowScheduler())
        pipeline.set_progress_bar_config(disable=True)
        sizes = [int(inputs[key][0]) for key in ("num_frames", "height", "width")]
        outputs: list[torch.Tensor] = []
        history = [inputs["init_noise"]]

        def remember(pipeline: Any, step: int, timestep: Any, values: dict[str, Any]) -> Any:
            del pipeline, step, timestep
            history.append(values["latents"].clone())
            return {}

        with ExitStack() as stack:
            if self.config is not None:
                pipeline.set_timesteps(self.steps, *sizes)
                times = pipeline.scheduler.timesteps.tolist()
                architecture = STDiT3Architecture(self.model)
                plan = make_plan(rules_of(self.config), times, architecture.depth, GROUPS)
                broadcast = stack.enter_context(Engine(architecture, plan))
            hook = self.model.register_forward_hook(lambda m, a, out: outputs.append(out[0]))
            stack.callback(hook.remove)
            pipeline(
                prompt_embeds=inputs["y"][:, 0],
                prompt_attention_mask=inputs["mask"],
                num_frames=sizes[0],
                height=sizes[1],
                width=sizes[2],
                fps=float(inputs["fps"][0]),
                num_inference_steps=self.steps,
                guidance_scale=float(self.settings["cfg_scale"]),
                latents=inputs["init_noise"].clone(),
                output_type="latent",
                callback_on_step_end=remember,
            )
            if self.config is not None:
                broadcast.ledger.check(plan)
                self._lines = _lines_of(broadcast, plan)
        timesteps = pipeline.scheduler.timesteps
        self._result = {
            "timesteps": timesteps[:, None].expand(-1, len(history[0])),
            "model_out_step0": outputs[0],
            "model_out_last": outputs[-1],
            "latents": torch.stack(history),
            "latents_final": history[-1],
        }
        return self._result


def _lines_of(broadcast: Engine, plan: Plan) -> list[str]:
    taken = {group: broadcast.ledger.decisions(group) for group in plan.source}
    return [
        f"{step},{timestep},{branch},{block},{group.kind},"
        f"{'reuse' if taken[group][step, block] else 'compute'}"
        for step, timestep in enumerate(plan.timesteps)
        for block in range(plan.depth)
        for branch, groups in ORDER
        for group in groups
    ]


def _intermediates(
    model: STDiT3Transformer, tensors: Tensors, call: str, lengths: list[int]
) -> dict[str, torch.Tensor]:
    """What the golden file holds, by its names, from one call of ours."""
    found: dict[str, torch.Tensor] = {}
    inputs = _below(tensors, f"inputs/{call}")
    architecture = STDiT3Architecture(model)
    timestep = int(inputs["timestep"][0])
    names = {"spatial": "attn", "temporal": "attn", "cross": "cross", "mlp": "mlp"}

    class Recorder:
        def start_video(self) -> None: ...

        def observe(self, output: SiteOutput) -> None:
            site = names[output.group.kind]
            name = f"blocks/{output.group.branch}/{output.block}/{site}"
            found[name] = output.ungated
            if site != "cross":
                found[f"{name}_cached"] = output.gated

    def keep(name: str) -> Any:
        def hook(module: Any, arguments: Any, output: torch.Tensor) -> None:
            del module, arguments
            found[name] = output

        return hook

    def keep_input(module: Any, arguments: Any) -> None:
        found["embed/x_plus_pos"] = arguments[0]

    plan = make_plan(Rules(), [timestep], architecture.depth, GROUPS)
    with ExitStack() as stack:
        for name, module in (
            ("embed/x", model.x_embedder),
            ("embed/t", model.t_embedder),
            ("embed/fps", model.fps_embedder),
            ("embed/t_mlp", model.t_block),
            ("text", model.y_embedder),
            ("final_layer/tokens", model.final_layer),
        ):
            stack.callback(module.register_forward_hook(keep(name)).remove)
        for branch, blocks in (
            ("spatial", model.spatial_blocks),
            ("temporal", model.temporal_blocks),
        ):
            for index, block in enumerate(blocks):
                hook = block.register_forward_hook(keep(f"blocks/{branch}/{index}/out"))
                stack.callback(hook.remove)
        first = model.spatial_blocks[0].register_forward_pre_hook(keep_input)
        stack.callback(first.remove)
        stack.enter_context(Engine(architecture, plan, observers=[Recorder()]))
        _forward(model, tensors, call)
    text = found.pop("text")
    packed = [row[:n] for row, n in zip(text, lengths, strict=True)]
    found["embed/y_packed"] = torch.cat(packed)[None]
    _, rows, columns = model.patch
    height, width = inputs["x"].shape[3:]
    side = (float(inputs["height"][0]) * float(inputs["width"][0])) ** 0.5
    found["embed/pos"] = position_embedding(
        text.shape[-1],
        -(-height // rows),
        -(-width // columns),
        side / model.config["input_sq_size"],
        text.device,
    )
    return found


def _named_difference(ours: Tensors, name: str, golden: torch.Tensor) -> float:
    if name not in ours:
        raise ValueError(f"no such tensor in our call: {name}")
    return max_absolute_difference(ours[name], golden)


@torch.no_grad()
def _forward(model: STDiT3Transformer, tensors: Tensors, call: str) -> torch.Tensor:
    inputs = _below(tensors, f"inputs/{call}")
    output: torch.Tensor = model(
        inputs["x"],
        inputs["timestep"],
        inputs["y"][:, 0],
        inputs.get("mask"),
        inputs["fps"],
        float(inputs["height"][0]),
        float(inputs["width"][0]),
        return_dict=False,
    )[0]
    return output


def _timestep_difference(
    golden: torch.Tensor, numbers: Mapping[str, Any], steps: int, dtype: torch.dtype
) -> float:
    return max_absolute_difference(_timesteps(numbers, steps, dtype), golden)


def _integer_deviations(
    golden: list[int], numbers: Mapping[str, Any], steps: int, dtype: torch.dtype
) -> float:
    ours = [int(t) for t in _timesteps(numbers, steps, dtype).to(dtype)]
    if "height" in numbers:
        # The formula that checks a configuration before torch is loaded must say the same.
        early = rectified_flow_timesteps(
            steps,
            numbers["height"],
            numbers["width"],
            numbers["num_frames"],
            1.0,
            str(dtype).removeprefix("torch."),
        )
        if list(early) != ours:
            raise ValueError(f"the early formula gives {early}, the scheduler {ours}")
    return sum(a != b for a, b in zip(ours, golden, strict=True))


def _timesteps(numbers: Mapping[str, Any], steps: int, dtype: torch.dtype) -> torch.Tensor:
    scheduler = RectifiedFlowScheduler(use_timestep_transform="height" in numbers)
    size = [numbers.get(key, 1) for key in ("height", "width", "num_frames")]
    scheduler.set_timesteps(steps, *size, dtype)
    return scheduler.timesteps


def _below(tensors: Tensors, prefix: str) -> dict[str, torch.Tensor]:
    start = f"{prefix}/"
    return {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}


def _model_of(path: Path, weights: str) -> STDiT3Transformer:
    """The model that a file names in words: `stdit3_tiny.safetensors (weights/*) and ...`."""
    stem = re.match(r"(\w+)\.safetensors", weights)
    if stem is None:
        raise ValueError(f"weights: expected the name of a safetensors file, got {weights!r}")
    file = path.with_name(f"{stem.group(1)}.json")
    return small_model(json.loads(file.read_text()), load_file(file.with_suffix(".safetensors")))


def small_model(content: Mapping[str, Any], tensors: Tensors) -> STDiT3Transformer:
    model: STDiT3Transformer = STDiT3Transformer(**_arguments(content["constructor_kwargs"])).eval()
    model.load_state_dict(_below(tensors, "weights"), strict=True)
    return model


def _arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The constructor's arguments that ours has; the others concern training only."""
    known = inspect.signature(STDiT3Transformer).parameters
    ignored = {"input_size", "class_dropout_prob", "drop_path"}
    unknown = set(arguments) - set(known) - ignored
    if unknown:
        raise ValueError(f"constructor_kwargs: unknown {sorted(unknown)}")
    return {k: tuple(v) if k == "patch_size" else v for k, v in arguments.items() if k in known}
