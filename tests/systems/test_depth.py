"""A model's depth is what its settings say: ranges of blocks are checked by them."""

from dataclasses import replace

import pytest

from pab_bench.cli import main
from pab_bench.config.compose import compose
from pab_bench.problems import InvalidSettings
from pab_bench.systems.registry import get_blueprint, load_sampler


@pytest.mark.parametrize("name", ["latte_mini", "open_sora_mini", "open_sora_plan_mini"])
@pytest.mark.parametrize("more", [-1, 1])
def test_another_depth_is_refused(name, more):
    model = compose(model=name).model
    wrong = replace(model, depth=model.depth + more)
    expected = rf"model.depth={wrong.depth}: the model has {model.depth} blocks"
    with pytest.raises(InvalidSettings, match=expected):
        get_blueprint(wrong, "float32")
    with pytest.raises(InvalidSettings, match=expected):
        load_sampler(wrong, "cpu", "float32")


@pytest.mark.parametrize("task", ["plan", "cost"])
def test_tasks_that_load_nothing_refuse_it(task, capsys, tmp_path):
    assert main([f"task={task}", "model.depth=7", f"results_dir={tmp_path}"]) == 2
    assert "model.depth=7: the model has 6 blocks" in capsys.readouterr().err
