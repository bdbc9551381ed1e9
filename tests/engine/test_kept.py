"""Outputs behind their gates: one tensor, or several with a gate each."""

import pytest
import torch

from pab_bench.engine.kept import KeepOutput, KeepUngated, through, video, video_gate

VIDEO, TEXT = torch.full((1, 3, 2), 2.0), torch.full((1, 1, 2), 3.0)
GATES = torch.full((1, 1, 2), 5.0), torch.full((1, 1, 2), 7.0)
LATER = torch.full((1, 1, 2), 11.0), torch.full((1, 1, 2), 13.0)


def test_every_tensor_goes_through_its_own_gate():
    assert through(None, VIDEO) is VIDEO
    assert torch.equal(through(GATES[0], VIDEO), 5 * VIDEO)
    ours = through(GATES, (VIDEO, TEXT))
    assert all(map(torch.equal, ours, (5 * VIDEO, 7 * TEXT)))
    assert video(ours) is ours[0]
    assert video_gate(GATES) is GATES[0]
    assert video_gate(None) is None


@pytest.mark.parametrize("gate", [GATES[0], GATES[:1], (*GATES, GATES[0])])
def test_a_tensor_without_a_gate_of_its_own_is_an_error(gate):
    with pytest.raises(TypeError, match=r"a site with 2 tensors has \d gates"):
        through(gate, (VIDEO, TEXT))


@pytest.mark.parametrize(
    ("keep", "expected"), [(KeepOutput(), (10, 21)), (KeepUngated(), (22, 39))]
)
def test_what_is_kept_of_several_tensors_keeps_the_gate_or_not(keep, expected):
    computed = keep.compute(0, lambda: (VIDEO, TEXT), GATES)
    assert [float(own.max()) for own in computed.gated] == [10, 21]
    restored = keep.restore(0, computed.kept, lambda: (), LATER)
    assert tuple(float(own.max()) for own in restored) == expected
