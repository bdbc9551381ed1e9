from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from diffusers import LatteTransformer3DModel
from torch._dynamo.testing import CompileCounter

from pab_bench.engine.engine import Engine
from pab_bench.experiment.execution import compile_sites, set_deterministic
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules
from pab_bench.systems.latte.architecture import LatteArchitecture

GOLDEN = Path(__file__).parents[1] / "fixtures" / "latte" / "latte_tiny_pab.json"
TIMES = [900, 700, 600, 500, 300, 100]


@torch.no_grad()
def sample(transformer):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 4, 16, 8, 8, generator=generator)
    text = torch.randn(2, 7, 32, generator=generator)
    for timestep in TIMES:
        time = torch.tensor([timestep, timestep])
        output = transformer(x, timestep=time, encoder_hidden_states=text, return_dict=False)[0]
        x = x - 0.1 * output.chunk(2, dim=1)[0]
    return x


def test_no_decision_compiles_anything_anew():
    torch.manual_seed(0)
    kwargs = json.loads(GOLDEN.read_text())["constructor_kwargs"]
    transformer = LatteTransformer3DModel(**kwargs).eval()
    architecture = LatteArchitecture(transformer)

    def run(gaps):
        rules = Rules(*(GapRule(True, (150, 850), gap) for gap in gaps))
        plan = make_plan(rules, TIMES, architecture.depth, architecture.groups)
        with Engine(architecture, plan) as broadcast:
            result = sample(transformer)
        broadcast.ledger.check(plan)
        return result

    eager = run((2, 3, 4, 2, 3))
    graphs = CompileCounter()
    compile_sites(architecture, graphs)
    assert torch.allclose(run((1, 1, 1, 1, 1)), sample(transformer), atol=1e-5)
    compiled = graphs.frame_count
    # Spatial and temporal attention, cross-attention, MLP: once for all blocks.
    assert 3 <= compiled <= 4
    for _ in range(2):
        assert torch.allclose(run((2, 3, 4, 2, 3)), eager, atol=1e-5)
    run((4, 2, 3, 1, 2))
    assert graphs.frame_count == compiled


def test_deterministic_mode_is_switched_on_and_off():
    try:
        set_deterministic(True)
        assert torch.are_deterministic_algorithms_enabled()
        # One of the operations without a reproducible kernel, on any device.
        with pytest.raises(RuntimeError, match="deterministic"):
            torch.zeros(3).put_(torch.tensor([0, 0]), torch.ones(2))
    finally:
        set_deterministic(False)
    assert not torch.are_deterministic_algorithms_enabled()
