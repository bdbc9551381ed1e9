"""VBench's dimensions against VBench's own code: same clip, same (seeded) weights."""

import gzip
import json

import numpy as np
import pytest
from metrics.seeded import seeded_state

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics import METRICS, About, get_metric, measure_video
from pab_bench.metrics.networks.clip_tokens import ClipTokens
from pab_bench.metrics.registry import MetricSettings
from pab_bench.metrics.vbench import (
    aesthetic_quality,
    consistency,
    dynamic_degree,
    imaging_quality,
    motion_smoothness,
    overall_consistency,
)
from pab_bench.metrics.vbench.dimension import VbenchMetric

torch = pytest.importorskip("torch")
DIMENSIONS = [name for name, metric in METRICS.items() if issubclass(metric, VbenchMetric)]
LOADERS = (
    consistency.load_dino,
    consistency.load_clip_images,
    aesthetic_quality.load_head,
    imaging_quality.load_musiq,
    motion_smoothness.load_amt,
    dynamic_degree.load_raft,
    overall_consistency.load_viclip,
)


@pytest.fixture(autouse=True)
def nothing_is_remembered():
    for loader in LOADERS:
        loader.cache_clear()


@pytest.fixture(scope="module")
def goldens(fixture_folder):
    return json.loads((fixture_folder / "network_goldens.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def weights(goldens, tmp_path_factory):
    """A folder in VBench's layout, with files in the formats of the published ones."""
    folder = tmp_path_factory.mktemp("weights")

    def tensors(name, shapes="shapes"):
        state = seeded_state(goldens[name][shapes])
        return {key: torch.tensor(value) for key, value in state.items()}

    def save(path, content):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        torch.save(content, folder / path)

    save("dino_model/dino_vitbase16_pretrain.pth", tensors("subject_consistency"))
    save("amt_model/amt-s.pth", {"state_dict": tensors("motion_smoothness"), "epoch": 1})
    save("pyiqa_model/musiq_spaq_ckpt-358bb6af.pth", tensors("imaging_quality"))
    save("ViCLIP/ViClip-InternVid-10M-FLT.pth", {"model": tensors("overall_consistency")})
    save(
        "aesthetic_model/emb_reader/sa_0_4_vit_l_14_linear.pth",
        tensors("aesthetic_quality", "head_shapes"),
    )
    raft = {f"module.{key}": value for key, value in tensors("dynamic_degree").items()}
    save("raft_model/models/raft-things.pth", raft)
    (folder / "clip_model").mkdir()
    for name, file in (("background_consistency", "ViT-B-32"), ("aesthetic_quality", "ViT-L-14")):
        save_torchscript(folder / "clip_model" / f"{file}.pt", tensors(name))
    merges = "\n".join(["#version: 0.2", *goldens["overall_consistency"]["merges"]])
    vocabulary = folder / "ViCLIP" / "bpe_simple_vocab_16e6.txt.gz"
    vocabulary.write_bytes(gzip.compress(merges.encode()))
    return folder


def save_torchscript(path, state):
    """A TorchScript file with the tensors below `visual.`, and another one beside."""

    class Holder(torch.nn.Module):
        def forward(self, x):
            return x

    root = Holder()
    for name, tensor in {**{f"visual.{k}": v for k, v in state.items()}, "logit": 0}.items():
        *parents, last = name.split(".")
        module = root
        for parent in parents:
            if not hasattr(module, parent):
                module.add_module(parent, Holder())
            module = getattr(module, parent)
        module.register_buffer(last, torch.as_tensor(tensor))
    torch.jit.script(root).save(str(path))


def score(name, video, weights, **about):
    metric = get_metric(name, settings=MetricSettings(weights_folder=str(weights)))
    measured = measure_video(metric, video, about=About(**about))
    assert measured.mean.value is not None, measured.mean.reason
    return measured.mean.value


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        ("subject_consistency", 1e-6),
        ("background_consistency", 1e-6),
        ("aesthetic_quality", 1e-6),
        ("motion_smoothness", 1e-4),
        ("overall_consistency", 1e-6),
    ],
)
def test_scores(name, tolerance, goldens, weights, arrays):
    golden = goldens[name]
    about = {"prompt": golden["prompt"]} if "prompt" in golden else {}
    ours = score(name, arrays["ref"], weights, **about)
    assert ours == pytest.approx(golden["score"], abs=tolerance)


def test_imaging_quality(goldens, weights, arrays):
    golden = goldens["imaging_quality"]
    ours = score("imaging_quality", arrays["ref"][:2], weights)
    assert ours == pytest.approx(golden["score"], abs=1e-6)
    cropped = score("imaging_quality", arrays["ref"][:1, :96], weights)
    assert cropped == pytest.approx(golden["score_of_96_rows"], abs=1e-6)


@pytest.mark.parametrize(
    ("name", "key", "rows", "tolerance"),
    [
        ("subject_consistency", "score_of_96_rows", 96, 1e-6),
        ("motion_smoothness", "score_of_120_rows", 120, 1e-4),
    ],
)
def test_frames_that_are_no_squares(name, key, rows, tolerance, goldens, weights, arrays):
    ours = score(name, arrays["ref"][:, :rows], weights)
    assert ours == pytest.approx(goldens[name][key], abs=tolerance)


def test_dynamic_degree(goldens, weights, arrays, monkeypatch):
    """Its score is a yes or no; the speeds behind it are compared."""
    speeds = []
    decide = dynamic_degree.moves
    monkeypatch.setattr(
        dynamic_degree, "moves", lambda found, *rest: speeds.extend(found) or decide(found, *rest)
    )
    video = arrays["ref"][:, :121]
    assert score("dynamic_degree", video[:2], weights) == 1.0
    np.testing.assert_allclose(speeds, goldens["dynamic_degree"]["speeds_of_121_rows"], rtol=1e-4)
    # At 16 frames per second every second frame is looked at.
    score("dynamic_degree", video[[0, 3, 1]], weights, frames_per_second=16)
    np.testing.assert_allclose(speeds[1:], speeds[:1], rtol=1e-6)


def test_tokens(goldens, weights):
    tokens = ClipTokens(weights / "ViCLIP" / "bpe_simple_vocab_16e6.txt.gz")
    for text, expected in goldens["overall_consistency"]["tokens"].items():
        assert tokens.encode(text, len(expected)) == expected, text


def test_a_video_without_a_prompt_has_no_overall_consistency(weights, arrays):
    metric = get_metric("overall_consistency", settings=MetricSettings(weights_folder=str(weights)))
    with pytest.raises(MetricUnavailable, match="prompt is not known"):
        metric.values(arrays["ref"])


@pytest.mark.parametrize("name", DIMENSIONS)
def test_all_missing_files_are_listed(name, tmp_path, monkeypatch, arrays):
    monkeypatch.setenv("VBENCH_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    metric = get_metric(name)
    with pytest.raises(MetricUnavailable, match=f"^{name}: missing weights: ") as caught:
        metric.values(arrays["ref"], about=About("a prompt"))
    assert metric.weights
    for file in metric.weights:
        assert str(tmp_path / "cache" / file.name) in str(caught.value)
        assert file.origin in str(caught.value)
    settings = MetricSettings(weights_folder=str(tmp_path / "own"))
    with pytest.raises(MetricUnavailable, match=str(tmp_path / "own")):
        get_metric(name, settings=settings).values(arrays["ref"])


@pytest.mark.parametrize("name", DIMENSIONS)
def test_files_that_are_something_else(name, tmp_path, arrays):
    metric = get_metric(name, settings=MetricSettings(weights_folder=str(tmp_path)))
    for content in (b"no weights", None):
        for loader in LOADERS:
            loader.cache_clear()
        for file in metric.weights:
            path = tmp_path / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None and path.suffix != ".pt":
                torch.save({"state_dict": {"x": torch.ones(1)}, "model": {}}, path)
            else:
                path.write_bytes(b"no weights")
        with pytest.raises(MetricUnavailable, match=str(tmp_path)):
            metric.values(arrays["ref"], about=About("a prompt"))


@pytest.mark.parametrize(("name", "side"), [("motion_smoothness", 112), ("dynamic_degree", 120)])
def test_frames_too_small_for_a_network(name, side, weights, arrays):
    metric = get_metric(name, settings=MetricSettings(weights_folder=str(weights)))
    message = f"at least {side + 1}x{side + 1}, got {side}x128"
    with pytest.raises(MetricUnavailable, match=message):
        metric.values(arrays["ref"][:, :side])
    fewest = 3 if name == "motion_smoothness" else 2
    assert len(metric.values(arrays["ref"][:fewest, : side + 1])) == 1


def test_files_of_other_programs_are_found(goldens, weights, tmp_path, monkeypatch, arrays):
    """CLIP's own cache, and a flat folder of the user's."""
    home = tmp_path / "home" / ".cache" / "clip"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VBENCH_CACHE_DIR", raising=False)
    (home / "ViT-B-32.pt").symlink_to(weights / "clip_model" / "ViT-B-32.pt")
    values = get_metric("background_consistency").values(arrays["ref"])
    assert values.mean() == pytest.approx(goldens["background_consistency"]["score"], abs=1e-6)
    (tmp_path / "amt-s.pth").symlink_to(weights / "amt_model" / "amt-s.pth")
    assert 0 < score("motion_smoothness", arrays["ref"], tmp_path) < 1
