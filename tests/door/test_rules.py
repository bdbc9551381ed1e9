import pytest
import yaml
from systems.contract import every

import pab_bench as pb
from pab_bench.config.paths import CONF
from pab_bench.door.rules import method_of, system_of
from pab_bench.errors import ConfigError
from pab_bench.methods.pab import PyramidAttentionBroadcast
from pab_bench.systems.registry import SYSTEMS, architecture_of


@pytest.fixture
def architecture(system):
    return architecture_of(system.pipe.transformer)


def test_windows_are_those_of_the_systems_released_model(architecture):
    name = system_of(architecture)
    assert name in SYSTEMS
    values = yaml.safe_load((CONF / "model" / f"{name}.yaml").read_text())
    rules = method_of(pb.PAB(mlp_skip=True), architecture).rules
    for kind, window in values["threshold"].items():
        if window is not None:
            rule = rules.mlp_spatial if kind == "mlp" else getattr(rules, kind)
            assert list(rule.threshold) == window
    own = method_of(pb.PAB(spatial_threshold=[1, 2]), architecture).rules
    assert own.spatial.threshold == (1, 2)
    if "mlp" in values:
        keys = method_of(pb.PAB(mlp_skip=True, mlp_recommended=True), architecture).rules
        assert [key.timestep for key in keys.mlp_spatial.keys] == values["mlp"]["keys"]
        assert keys.mlp_spatial.max_distance == values["mlp"].get("key_distance", 0)


def test_rules_and_methods_are_taken_as_they_are(architecture):
    assert method_of(every(2), architecture) == PyramidAttentionBroadcast(every(2))
    method = PyramidAttentionBroadcast(every(2), "ungated")
    assert method_of(method, architecture) is method


def test_everything_that_is_wrong_is_told_at_once(latte):
    with pytest.raises(ConfigError) as caught:
        pb.attach(latte.pipe, pb.PAB(spatial_gap=0, cross_block=[3], broadcast_object="gated"))
    for key in ("spatial_gap=0", "cross_block=[3]", "broadcast_object=gated"):
        assert key in str(caught.value)
    with pytest.raises(ConfigError, match=r"got dict; keys of PAB are given as PAB\(\*\*keys\)"):
        pb.attach(latte.pipe, {"spatial_gap": 2})
    with pytest.raises(ConfigError, match="expected PAB, Rules or a method, got int"):
        pb.attach(latte.pipe, 2)


def test_what_has_no_effect_is_a_warning(latte):
    with pytest.warns(UserWarning, match="spatial_gap=2 has no effect: spatial_skip is false"):
        pb.attach(latte.pipe, pb.PAB(spatial_gap=2, spatial_skip=False))
    keys = pb.PAB(mlp_skip=True, mlp_recommended=True)
    with (
        pytest.warns(UserWarning, match="are not among the 4 timesteps in steps of 250"),
        pb.attach(latte.pipe, keys),
    ):
        latte.make()


def test_a_window_without_a_timestep_is_refused_at_the_first_call(latte):
    keys = pb.PAB(spatial_gap=2, spatial_threshold=[510, 740])
    with (
        pytest.raises(ConfigError, match=r"no timestep lies between 510"),
        pb.attach(latte.pipe, keys),
    ):
        latte.make()
