"""Predicted collectives, from decisions and sizes alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.engine.kinds import CROSS, SPATIAL, TEMPORAL
from pab_bench.engine.plan import Plan
from pab_bench.parallel.latte_kinds import LatteLayout
from pab_bench.parallel.ledger import totals_of
from pab_bench.parallel.predicted import Sharing, predicted_call, predicted_calls
from pab_bench.parallel.size import Size
from pab_bench.parallel.stdit3 import STDiT3Layout

LAYOUTS = (STDiT3Layout(), LatteLayout())


def sharing(method: str = "dsp", split: str = "frames", ranks: int = 8, **others) -> Sharing:
    return Sharing(method, split, "hidden", ranks, 16, 1152, 1152, 2, **others)


def plan(temporal: list[list[int]]) -> Plan:
    table = np.array(temporal)
    calls, depth = table.shape
    own = np.repeat(np.arange(calls)[:, None], depth, axis=1)
    return Plan(tuple(range(calls)), depth, {SPATIAL: own, TEMPORAL: table, CROSS: own})


def test_table_4_of_the_paper():
    """Per rank in 10^9 bytes; without padding, which a length that 8 divides has none of."""
    size = Size(2, 15 * 8, 1590 * 8)
    for method, published in (("dsp", 23.08), ("ulysses", 46.16), ("megatron_sp", 184.63)):
        call = predicted_call(LAYOUTS[0], size, sharing(method), range(28))[:-1]
        handled = sum(own.message_bytes for own in call) * 8 / 8**2
        assert round(handled * 30 / 1e9, 2) == published


@settings(max_examples=40)
@given(
    st.sampled_from(LAYOUTS),
    st.sampled_from(("frames", "tokens")),
    st.builds(Size, st.integers(1, 4), st.integers(1, 40), st.integers(1, 60)),
    st.integers(2, 9),
)
def test_messages_hold_everything_and_little_more(layout, split, size, ranks):
    own = sharing(split=split, ranks=ranks)
    before, after, gather = predicted_call(layout, size, own, [3])
    numbers = size.batch * size.frames * size.tokens * 1152 * 2
    assert before.shape == after.shape
    assert before.message_bytes * ranks**2 >= numbers
    exchange = layout.exchange(size, split, ranks)
    padded = exchange.kept * exchange.rows * exchange.length * ranks**2 * 1152 * 2
    assert before.message_bytes * ranks**2 == padded
    assert numbers <= gather.message_bytes * ranks < numbers * (1 + ranks / size.length(split))
    assert (before.where, after.where) == tuple(
        f"{'temporal' if split == 'frames' else 'spatial'}.3.{way}" for way in ("in", "out")
    )


def test_a_reused_attention_sends_nothing():
    calls = predicted_calls(
        plan([[0, 0], [0, 1], [0, 0]]), LAYOUTS[0], Size(2, 4, 6), sharing(ranks=2)
    )
    assert [[own.where for own in call] for call in calls] == [
        ["temporal.0.in", "temporal.0.out", "temporal.1.in", "temporal.1.out", "after_blocks"],
        ["temporal.1.in", "temporal.1.out", "after_blocks"],
        ["after_blocks"],
    ]


def test_with_tokens_split_the_temporal_attention_sends_nothing_anyway():
    own = sharing(split="tokens", ranks=2)
    calls = predicted_calls(plan([[0], [0]]), LAYOUTS[0], Size(2, 4, 6), own)
    assert [len(call) for call in calls] == [3, 3]


def test_kept_probabilities_need_new_values():
    calls = predicted_calls(plan([[0], [0]]), LAYOUTS[0], Size(2, 4, 6), sharing(), scores=True)
    assert [len(call) for call in calls] == [3, 3]


def test_a_call_that_is_made_of_others_sends_nothing_and_half_a_batch_half():
    from dataclasses import replace

    own = replace(plan([[0], [1], [2]]), called=(0, 0, 2), rows=(2, 2, 1))
    whole, made, half = predicted_calls(own, LAYOUTS[1], Size(2, 4, 6), sharing(ranks=2))
    assert made == []
    assert [c.message_bytes for c in half] == [c.message_bytes // 2 for c in whole]


def test_guidance_gathers_the_halves_of_the_output():
    own = sharing(ranks=1, halves=2, output=(8, 4, 6, 8), output_bytes=4)
    (gather,) = predicted_call(LAYOUTS[0], Size(2, 4, 12), own, range(3))
    assert (gather.ranks, gather.shape, gather.message_bytes) == (2, (1, 8, 4, 6, 8), 6144)


def test_totals():
    call = predicted_call(LAYOUTS[0], Size(2, 4, 12), sharing(ranks=4), range(2))
    assert totals_of([call, []]) == {
        "all_to_all": {
            "count": 4,
            "local_bytes": 4 * 4 * call[0].message_bytes,
            "sent_bytes": 4 * 3 * call[0].message_bytes,
        },
        "all_gather": {
            "count": 1,
            "local_bytes": call[-1].message_bytes,
            "sent_bytes": call[-1].message_bytes,
        },
    }
