import numpy as np
import pytest
from advice.synthetic import GROUPS, TIMES, random_rules

from pab_bench.advice.calibration import calibration
from pab_bench.advice.rules_file import rules_text, rules_yaml
from pab_bench.advice.space import rules_of
from pab_bench.engine.kinds import MLP_SPATIAL, SPATIAL
from pab_bench.experiment.identity import settings_identity
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, KeyRule, KeyTime, Rules


def test_a_file_means_the_rules_it_was_made_from(settings_of, tmp_path):
    draw = np.random.default_rng(3)
    for number in range(5):
        rules = random_rules(draw)
        path = tmp_path / f"{number}.yaml"
        path.write_text(rules_yaml(rules, ["a comment"]))
        found = settings_identity(settings_of(f"pab_file={path}"))["rules"]
        for kind in ("spatial", "temporal", "cross", "mlp_spatial", "mlp_temporal"):
            rule = getattr(rules, kind)
            if rule.skip:
                expected = {"skip": True, "threshold": list(rule.threshold), "gap": rule.gap}
                assert found[kind] == {**expected, "block": None}
            else:
                assert found[kind] is None


def test_blocks_and_windows_to_the_last_call(settings_of, tmp_path):
    path = tmp_path / "rules.yaml"
    rules = rules_of({"cross": GapRule(True, (-1, 1001), 9, (2, 4))})
    path.write_text(rules_yaml(rules, []))
    found = settings_of(f"pab_file={path}").method.rules
    assert found.cross == rules.cross
    assert rules_text(rules) == "cross gap 9 in (-1, 1001) blocks 2-4"
    assert rules_text(Rules()) == "nothing is reused"


def test_keys_are_named_but_not_written_as_gaps():
    keys = KeyRule((KeyTime(500, 2, frozenset({0})),))
    rules = Rules(mlp_spatial=keys, mlp_temporal=keys)
    assert rules_text(rules) == "mlp at 1 keys"
    with pytest.raises(ValueError, match="keys cannot be written as gaps"):
        rules_yaml(rules, [])


@pytest.mark.parametrize("groups", [GROUPS, (SPATIAL, MLP_SPATIAL)])
@pytest.mark.parametrize("times", [TIMES, (900, 600, 600, 300), (500,)])
def test_calibration_samples_what_exists(groups, times):
    found = calibration(groups, times, budget=30)
    names = [name for name, _ in found]
    assert len(set(names)) == len(names)
    kinds = {group.kind for group in groups}
    assert {name.split()[0] for name in names if name.endswith("alone")} == kinds
    for _, rules in found:
        plan = make_plan(rules, times, 3, groups)
        if len(times) > 4:
            assert not plan.is_baseline()
            assert {g.kind for g in groups if plan.reuse(g).any()} <= kinds


def test_calibration_keeps_to_its_share():
    assert [len(calibration(GROUPS, TIMES, budget)) for budget in (1, 2, 5, 14, 99)] == [
        1,
        1,
        3,
        8,
        8,
    ]
