"""Denoising steps and the calls within them, on a toy loop."""

import copy
import inspect

import pytest
from torch import nn

from pab_bench.systems.diffusers.steps import LanesDiffer, StepCounter


class Scheduler:
    def step(self, value, generator=None):
        return value


class Derived(Scheduler):
    """Its `step` is another class'."""


class Transformer(nn.Module):
    def forward(self, value):
        return value


def run(calls, scheduler=None, lanes=None, ends=1):
    """A loop of steps with so many calls each; the indices that were told."""
    transformer, scheduler = Transformer(), scheduler or Scheduler()
    told = []
    with StepCounter([transformer], scheduler, told.append, lanes):
        for count in calls:
            for _ in range(count):
                transformer(0)
            for _ in range(ends):
                copy.deepcopy(scheduler).step(0)
    return told


def test_steps_are_told_whatever_copy_of_the_scheduler_ends_them():
    assert run([2, 2, 2]) == [0, 1, 2]
    assert run([1, 1], Derived()) == [0, 1]


def test_an_end_without_a_call_belongs_to_the_step_before():
    assert run([1, 1], ends=2) == [0, 1]


@pytest.mark.parametrize(
    ("calls", "lanes", "message"),
    [
        ([2, 2, 3], None, "step 2 called the transformer 3 times, not 2"),
        ([2, 1], None, "step 1 called the transformer 1 times, not 2"),
        ([1, 1], 2, "step 0 called the transformer 1 times, not 2"),
    ],
)
def test_a_step_with_other_calls_is_refused(calls, lanes, message):
    with pytest.raises(LanesDiffer, match=message):
        run(calls, lanes=lanes)


def run_both(*steps):
    """Steps that call these of two transformers, in order; which each of them is said to call."""
    transformers, scheduler = [Transformer(), Transformer()], Scheduler()
    with StepCounter(transformers, scheduler, lambda step: None) as counter:
        for calls in steps:
            for number in calls:
                transformers[number](0)
            scheduler.step(0)
    assert all(not own._forward_pre_hooks for own in transformers)
    return counter.called


def test_a_step_is_of_the_transformer_that_it_calls():
    assert run_both((0, 0), (0, 0), (1, 1), (0, 0)) == [0, 0, 1, 0]


def test_a_step_of_both_transformers_is_refused():
    with pytest.raises(LanesDiffer, match="step 1 called more than one transformer"):
        run_both((0, 0), (0, 1))


@pytest.mark.parametrize("kind", [Scheduler, Derived])
def test_the_class_is_restored(kind):
    before = dict(vars(kind)), dict(vars(Scheduler))
    signature = inspect.signature(kind.step)
    with StepCounter([Transformer()], kind(), lambda step: None):
        assert inspect.signature(kind.step) == signature
    assert (dict(vars(kind)), dict(vars(Scheduler))) == before
