import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.probes.last_output import FusedOutput, TorchOutput


def by_hand(outputs, gates):
    """The eight sums of the last of some outputs, in double precision."""
    values = [output.double() for output in outputs]
    gated = [v if g is None else g.double() * v for v, g in zip(values, gates, strict=True)]
    return [
        float(total)
        for one in (values, gated)
        for tensor in (one[-1] - one[-2], one[-1])
        for total in (tensor.square().sum(), tensor.abs().sum())
    ]


def read(sums):
    return torch.cat([one.reshape(-1) for one in sums]).double().tolist()


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 9), st.integers(1, 70)),
    gated=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_both_ways_give_the_sums_of_the_definition(shape, gated, seed):
    generator = torch.Generator().manual_seed(seed)
    batch, _, channels = shape
    # Gates as adaLN hands them out: a strided part of a larger tensor.
    parts = torch.randn(3, batch, 6, channels, generator=generator)
    gates = [part.chunk(6, dim=1)[2] if gated else None for part in parts]
    first = torch.randn(shape, generator=generator)
    changes = 0.1 * torch.randn(2, *shape, generator=generator)
    outputs = [first, first + changes[0], first + changes[0] + changes[1]]
    fused = FusedOutput.of(first, gates[0])
    assert fused is not None
    for site in (fused, TorchOutput(first, torch.empty(shape))):
        assert not site.known
        for number, (output, gate) in enumerate(zip(outputs, gates, strict=True)):
            kept = output.clone()
            sums = site.replace(output, gate, output if gate is None else gate * output)
            assert site.known
            assert torch.equal(output, kept)
            if number:
                expected = by_hand(outputs[: number + 1], gates[: number + 1])
                np.testing.assert_allclose(read(sums), expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("output", "gate"),
    [
        (torch.zeros(2, 3, 4, dtype=torch.bfloat16), None),
        (torch.zeros(2, 3), None),
        (torch.zeros(2, 3, 4), torch.zeros(2, 3, 4)),
        (torch.zeros(2, 3, 4), torch.zeros(1, 1, 4)),
        (torch.zeros(2, 3, 4, device="meta"), None),
    ],
)
def test_what_is_of_another_kind_is_left_to_torch(output, gate):
    assert FusedOutput.of(output, gate) is None


def test_an_output_that_is_a_view_is_read_as_it_is():
    whole = torch.arange(24.0).view(2, 4, 3)
    site = FusedOutput.of(whole.transpose(1, 2), None)
    assert site is not None
    site.replace(whole.transpose(1, 2), None, whole)
    (sums,) = site.replace(2 * whole.transpose(1, 2), None, whole)
    assert sums.tolist()[:2] == [float(whole.square().sum()), float(whole.sum())]
