"""The same calls on a GPU, by its own clock."""

import pytest
import torch

from pab_bench.config.compose import compose
from pab_bench.experiment.session import open_session
from pab_bench.methods.base import plan_of
from pab_bench.speed.plans import time_plans
from pab_bench.speed.wanted import wanted_plan


@pytest.mark.gpu
def test_a_gpu_is_timed_by_its_events(tmp_path):
    settings = [
        compose(preset=preset, device="cuda", results_dir=tmp_path) for preset in ("none", "pab236")
    ]
    sampler = open_session(settings[0]).sampler
    wanted = [wanted_plan(s, plan_of(s.method, sampler, s.steps)) for s in settings]
    timings = time_plans(settings[0], wanted)
    assert timings.key["device"] == torch.cuda.get_device_name()
    assert {timed.clock for timed in timings.passes} == {"cuda"}
    control, method = (timings.speed(one.name) for one in wanted)
    assert control.speedup.value == pytest.approx(1, abs=0.05)
    assert 1 < method.speedup.value < 2
    machine = timings.passes[0].rounds[-1].machine
    assert machine["gpu_mhz"] > 0
    assert machine["gpu_others"] == 0
