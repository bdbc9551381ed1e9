"""Windows by share of the steps and by curve, as they are written."""

import pytest

from pab_bench.config.compose import compose
from pab_bench.config.hydra_setup import argument_parser, register
from pab_bench.config.preflight import preflight
from pab_bench.config.shell_windows import quoted_shares
from pab_bench.errors import ConfigError
from pab_bench.methods.windows import FlatPart, StepShare


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("threshold=steps:[.1,.6]", "threshold='steps:[.1,.6]'"),
        ("threshold=steps:[.1,.6],auto,[1,2]", "threshold='steps:[.1,.6]',auto,[1,2]"),
        ("mlp_threshold=steps: [0, 1]", "mlp_threshold='steps: [0, 1]'"),
        ("model.threshold.cross=steps:[0,1]", "model.threshold.cross='steps:[0,1]'"),
        ("threshold='steps:[.1,.6]'", "threshold='steps:[.1,.6]'"),
        ('threshold="steps:[.1,.6]"', 'threshold="steps:[.1,.6]"'),
        ("threshold=[100,800]", "threshold=[100,800]"),
        ("prompts.texts=[steps:[0,1]]", "prompts.texts=[steps:[0,1]]"),
        ("-m", "-m"),
    ],
)
def test_quotation_marks_that_hydra_needs(written, read):
    assert quoted_shares(written) == read


def grid(*arguments):
    register()
    return preflight(argument_parser().parse_args([quoted_shares(own) for own in arguments]))


def test_a_sweep():
    found = grid("-m", "spatial_gap=2", "threshold=steps:[.1,.6],auto,[100,800]")
    windows = [point.settings.method.rules.spatial.threshold for point in found.points]
    assert windows == [StepShare(0.1, 0.6), FlatPart(), (100, 800)]


def test_a_kind_has_its_own():
    rules = compose(
        spatial_gap=2, cross_gap=2, mlp_gap=2, threshold="steps:[.1,.6]", cross_threshold="auto",
        mlp_skip=True, mlp_threshold=[1, 999],
    ).method.rules  # fmt: skip
    assert rules.spatial.threshold == rules.temporal.threshold == StepShare(0.1, 0.6)
    assert rules.cross.threshold == FlatPart()
    assert rules.mlp_spatial.threshold == (1, 999)


def test_a_model_may_recommend_it():
    own = compose(**{"model.threshold.spatial": "steps:[0,.5]"}).method.rules
    assert own.spatial.threshold == StepShare(0, 0.5)


def test_in_a_file(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text("spatial_gap: 2\nspatial_threshold: steps:[.1,.6]\ncross_threshold: auto\n")
    rules = compose(pab_file=str(path)).method.rules
    assert rules.spatial.threshold == StepShare(0.1, 0.6)
    assert rules.cross.threshold == FlatPart()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": "steps:[.6,.1]"}, r"threshold=steps:\[\.6,\.1\]: must be .* 0 <= FROM < TO"),
        ({"cross_threshold": "steps:[.1]"}, r"cross_threshold=steps:\[\.1\]: must be .*auto"),
        ({"threshold": "sometimes"}, r"threshold=sometimes: must be a list of whole numbers.*auto"),
        ({"threshold": [0.1, 0.6]}, r"threshold=\[0\.1,0\.6\]: must be a list of whole numbers"),
        (
            {"threshold": "steps:[.51,.52]", "spatial_gap": 2},
            r"spatial_threshold=steps:\[0\.51,0\.52\]: no step lies in it: of 8 steps",
        ),
        (
            {"threshold": "auto", "cross_gap": 2},
            r"cross_threshold=auto: a curve of 8 steps is too short.*at least 10",
        ),
    ],
)
def test_what_cannot_be_meant(settings, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        compose(steps=8, **settings)


def test_a_rule_that_reuses_nothing_needs_no_window():
    compose(steps=8, threshold="auto")
    compose(steps=8, threshold="steps:[.51,.52]")
