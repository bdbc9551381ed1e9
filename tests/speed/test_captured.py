"""A real call of the transformer, and the sampler without it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from diffusers.utils import BaseOutput
from engine.toy import ToyTransformer
from speed.toy_scene import TIMES, ToyScene

from pab_bench.experiment.session import open_session
from pab_bench.speed.captured import Scene


@pytest.fixture
def mini(settings_of):
    settings = settings_of()
    session = open_session(settings)
    text, _ = session.encode(settings.prompts[0])
    return Scene(session.sampler, text, session.sampler.noise(0), settings.guidance)


def outputs_of(scene, steps):
    """Of all calls of a whole video: as they are when they come out."""
    found = []
    hook = scene.sampler.architecture.transformer.register_forward_hook(
        lambda module, args, output: found.append(
            output.clone() if isinstance(output, torch.Tensor) else output[0].clone()
        )
    )
    video = scene.sampler.denoise(scene.text, scene.noise, steps, scene.guidance, lambda step: None)
    hook.remove()
    return found, video


def test_the_captured_call_of_a_real_model_is_the_first_of_a_video(mini):
    transformer = mini.sampler.architecture.transformer
    before = outputs_of(mini, 6)
    (captured,) = mini.capture(6)
    assert torch.equal(captured.output[0], before[0][0])
    with torch.no_grad():
        again = transformer(*captured.args, **captured.kwargs)
    assert torch.equal(again[0], before[0][0])
    # The sampler is as it was.
    assert "forward" not in transformer.__dict__
    after = outputs_of(mini, 6)
    assert all(torch.equal(a, b) for a, b in zip(before[0], after[0], strict=True))
    assert torch.equal(before[1], after[1])


def test_no_site_is_called_without_the_transformer(mini):
    captured = mini.capture(6)
    called, marks = [], iter((10, 20))
    transformer = mini.sampler.architecture.transformer
    hooks = [
        module.register_forward_pre_hook(lambda m, args: called.append(m))
        for module in transformer.modules()
    ]
    assert mini.without_transformer(captured, 6, lambda: next(marks)) == (10, 20)
    for hook in hooks:
        hook.remove()
    assert called == [transformer] * 6
    assert "forward" not in transformer.__dict__


def test_only_the_first_call_is_computed(toy):
    first = toy.video()
    outputs = list(toy.outputs)
    toy.take_computed()
    (captured,) = toy.capture(5)
    assert len(toy.take_computed()) == 10
    assert torch.equal(captured.output, outputs[0])
    assert int(captured.kwargs["timestep"][0]) == TIMES[0]
    toy.without_transformer([captured], 5, lambda: None)
    assert toy.take_computed() == []
    # The toy's sampler changes what it is given, and what was caught stays.
    assert torch.equal(captured.output, outputs[0])
    assert torch.equal(toy.video(), first)


def test_every_step_is_given_the_known_output(toy):
    (captured,) = toy.capture(5)
    x = toy.noise
    for _ in range(3):
        x = x - captured.output * 0.1
    videos = []
    toy.sampler.denoise = lambda *given: videos.append(
        type(toy.sampler).denoise(toy.sampler, *given)
    )
    toy.without_transformer([captured], 3, lambda: None)
    assert torch.equal(videos[0], x)


@dataclass
class Output(BaseOutput):
    sample: torch.Tensor
    logvar: torch.Tensor | None = None


class Wrapped(ToyTransformer):
    def __init__(self, wrap):
        super().__init__()
        self.wrap = wrap

    def forward(self, x, timestep):
        return self.wrap(super().forward(x, timestep))


@pytest.mark.parametrize(
    "wrap", [lambda x: (x, None), lambda x: Output(x), lambda x: (x, Output(x, x))]
)
def test_outputs_of_any_form_are_kept_as_they_were(wrap):
    transformer = Wrapped(wrap)
    scene = Scene(FirstPart(transformer), *_inputs())
    with torch.no_grad():
        expected = transformer(scene.noise, torch.tensor([900, 900]))
    (captured,) = scene.capture(5)
    scene.without_transformer([captured], 5, lambda: None)
    assert type(captured.output) is type(expected)
    assert torch.equal(captured.output[0], expected[0])


def _inputs():
    scene = ToyScene()
    return scene.text, scene.noise, 1.0


class FirstPart:
    """A sampler that changes the first part of what its transformer puts out."""

    def __init__(self, transformer):
        self.transformer = transformer
        self.architecture = type("Architecture", (), {"transformer": transformer})

    @torch.no_grad()
    def denoise(self, text, noise, steps, guidance, on_step):
        x = noise
        for timestep in TIMES[:steps]:
            x = x - self.transformer(x, timestep=torch.tensor([timestep] * 2))[0].mul_(0.1)
        return x


def test_the_transformer_is_itself_again_after_an_exception(toy):
    captured = toy.capture(5)
    first = toy.video()

    def fails():
        raise RuntimeError("broken off")

    toy.sampler.after_step = fails
    for call in (lambda: toy.capture(5), lambda: toy.without_transformer(captured, 5, list)):
        with pytest.raises(RuntimeError, match="broken off"):
            call()
    toy.sampler.after_step = lambda: None
    transformer = toy.sampler.transformer
    assert "forward" not in transformer.__dict__
    assert not transformer._forward_pre_hooks
    assert torch.equal(toy.video(), first)
