"""Messages of the ledger say which module did what."""

import pytest
import torch
from engine.toy import GROUPS, ToyArchitecture, ToyTransformer, sample

from pab_bench.engine.engine import Engine
from pab_bench.engine.kinds import (
    CROSS,
    CROSS_TEMPORAL,
    MLP_SPATIAL,
    MLP_TEMPORAL,
    SPATIAL,
    TEMPORAL,
)
from pab_bench.engine.ledger import Ledger, LedgerMismatch
from pab_bench.methods.pab_plan import make_plan
from pab_bench.methods.rules import GapRule, Rules

TIMES = [900, 700, 500]
DESCRIPTIONS = {
    SPATIAL: "spatial attention",
    TEMPORAL: "temporal attention",
    CROSS: "cross attention",
    CROSS_TEMPORAL: "temporal cross attention",
    MLP_SPATIAL: "spatial mlp",
    MLP_TEMPORAL: "temporal mlp",
}


@pytest.mark.parametrize("group", DESCRIPTIONS)
def test_every_group_is_called_what_it_is(group):
    plan = make_plan(Rules(), TIMES, 4, (group,))
    ledger = Ledger(plan, lanes=1)
    ledger.known(plan, len(TIMES))
    ledger.reused(group, 0, 1, 3)
    expected = (
        rf"^{DESCRIPTIONS[group]} of block 3 reused at call 1 \(timestep 700\), the plan says "
        r"compute; 1 of 12 visits differ$"
    )
    with pytest.raises(LedgerMismatch, match=expected):
        ledger.check(plan)


def test_an_mlp_that_reused_is_no_attention():
    torch.manual_seed(0)
    transformer = ToyTransformer()
    every = GapRule(True, (0, 1000), 2, (1, 1))
    plan = make_plan(Rules(mlp_temporal=every), TIMES, 2, GROUPS)
    with Engine(ToyArchitecture(transformer), plan) as engine:
        sample(transformer, TIMES)
    engine.ledger.check(plan)
    with pytest.raises(LedgerMismatch, match="temporal mlp of block 1 reused at call 1"):
        engine.ledger.check(make_plan(Rules(), TIMES, 2, GROUPS))
