"""LPIPS against golden values, torchmetrics and the network written out."""

import hashlib
import math
import subprocess
import sys
import urllib.request
import warnings
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics import Lpips, LpipsNonspatial, MetricSettings, get_metric
from pab_bench.metrics.networks import perceptual
from pab_bench.metrics.networks.perceptual import BACKBONES, load_backbone, load_heads

torch = pytest.importorskip("torch")
WEIGHTS = Path(perceptual.__file__).parents[1] / "weights" / perceptual.ALEX_FILE


def load_alexnet():
    from safetensors.torch import load_file

    return load_file(WEIGHTS)


def lpips_written_out(video, reference):
    """LPIPS from the paper's formula with plain convolutions."""
    from torch.nn import functional

    backbone = load_alexnet()
    package = Path(find_spec("lpips").origin).parent
    heads = torch.load(
        package / "weights" / "v0.1" / "alex.pth", map_location="cpu", weights_only=True
    )
    shift = torch.tensor([-0.030, -0.088, -0.188])[:, None, None]
    scale = torch.tensor([0.458, 0.448, 0.450])[:, None, None]
    # Index in AlexNet's features, stride, padding, and whether a max-pool comes before.
    layers = (
        (0, 4, 2, False),
        (3, 1, 2, True),
        (6, 1, 1, True),
        (8, 1, 1, False),
        (10, 1, 1, False),
    )
    total = 0
    left, right = (
        (torch.tensor(frames).permute(0, 3, 1, 2).float() / 127.5 - 1 - shift) / scale
        for frames in (video, reference)
    )
    for number, (index, stride, padding, pooled) in enumerate(layers):
        weight, bias = backbone[f"features.{index}.weight"], backbone[f"features.{index}.bias"]
        if pooled:
            left, right = (functional.max_pool2d(x, 3, 2) for x in (left, right))
        left, right = (
            functional.relu(functional.conv2d(x, weight, bias, stride, padding))
            for x in (left, right)
        )
        unit_left, unit_right = (x / (x.norm(dim=1, keepdim=True) + 1e-10) for x in (left, right))
        distance = functional.conv2d(
            (unit_left - unit_right) ** 2, heads[f"lin{number}.model.1.weight"]
        )
        total = total + functional.interpolate(
            distance, size=video.shape[1:3], mode="bilinear", align_corners=False
        )
    return total.mean(dim=(1, 2, 3)).numpy()


@pytest.mark.parametrize("pair", ["noise", "blur", "jpeg", "shift"])
def test_golden_values(pair, arrays, golden):
    expected = golden["pairs"][pair]["upstream"]["lpips"]["per_frame"]
    np.testing.assert_allclose(
        Lpips().values(arrays[pair], arrays["ref"]), expected, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("pair", ["noise", "blur", "jpeg", "shift"])
def test_golden_values_without_maps(pair, arrays, golden):
    expected = golden["pairs"][pair]["cross_check"]["lpips_alex_nonspatial"]
    values = LpipsNonspatial().values(arrays[pair], arrays["ref"])
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-6)


@pytest.mark.weights
@pytest.mark.parametrize(
    ("metric", "key"),
    [("lpips_vgg", "lpips_vgg_spatial"), ("lpips_vgg_nonspatial", "lpips_vgg_nonspatial")],
)
def test_golden_values_of_vgg(metric, key, arrays, golden):
    expected = golden["pairs"]["noise"]["cross_check"][key]
    values = get_metric(metric).values(arrays["noise"], arrays["ref"])
    np.testing.assert_allclose(values, expected, rtol=0, atol=1e-5)


@pytest.fixture
def random_weights(tmp_path, monkeypatch):
    """A folder with files named and shaped as torchvision's, with random content."""
    from torchvision import models

    found = {}
    generator = torch.Generator().manual_seed(5)
    for net in ("vgg", "squeeze"):
        backbone = BACKBONES[net]
        with torch.device("meta"):
            shapes = getattr(models, backbone.model)(weights=None).features.state_dict()
        state = {
            f"features.{name}": torch.empty(value.shape).normal_(
                std=math.sqrt(2 / max(1, math.prod(value.shape[1:]))), generator=generator
            )
            for name, value in shapes.items()
        }
        path = tmp_path / backbone.file.name
        torch.save(state | {"classifier.0.weight": torch.zeros(1)}, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        monkeypatch.setitem(BACKBONES, net, replace(backbone, sha256=digest))
        found[net] = state
    load_backbone.cache_clear()
    yield tmp_path, found
    load_backbone.cache_clear()


def lpips_package(net, state, monkeypatch):
    """The `lpips` package's network with the given trunk."""
    import lpips

    with monkeypatch.context() as patched, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("kaiming_normal_", "kaiming_uniform_", "normal_", "uniform_"):
            # It draws 138 million numbers for VGG, all of which are replaced.
            patched.setattr(torch.nn.init, name, lambda tensor, *rest, **options: tensor)
        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    trunk = network.net.state_dict()
    network.net.load_state_dict({k: state[f"features.{k.split('.', 1)[1]}"] for k in trunk})
    return network


@pytest.mark.parametrize("net", ["vgg", "squeeze"])
def test_other_backbones_equal_the_lpips_package(net, random_weights, random_videos, monkeypatch):
    """The trunks' own weights are not here: with the same random ones both must agree."""
    folder, states = random_weights
    settings = MetricSettings(weights_folder=str(folder))
    network = lpips_package(net, states[net], monkeypatch)
    video, reference = (
        torch.tensor(frames).permute(0, 3, 1, 2).float() / 127.5 - 1 for frames in random_videos
    )
    for name, network.spatial in ((f"lpips_{net}", True), (f"lpips_{net}_nonspatial", False)):
        with torch.inference_mode():
            expected = network(reference, video).mean(dim=(1, 2, 3)).numpy()
        ours = get_metric(name, settings=settings).values(*random_videos)
        assert expected.min() > 0.01
        np.testing.assert_allclose(ours, expected, rtol=1e-5)


@pytest.mark.parametrize("net", BACKBONES)
def test_smallest_side_of_every_backbone(net):
    from torchvision import models

    side, layers = BACKBONES[net].smallest_side, BACKBONES[net].layers
    with torch.device("meta"):
        features = getattr(models, BACKBONES[net].model)(weights=None).features
        outputs = perceptual.layer_outputs(features, layers, torch.zeros(1, 3, side, side))
        assert min(outputs[-1].shape) > 0
        with pytest.raises(RuntimeError, match=r"too small|can't be greater"):
            perceptual.layer_outputs(features, layers, torch.zeros(1, 3, side - 1, side - 1))


def test_absent_backbone_names_file_and_place(tmp_path, monkeypatch, random_videos):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    load_backbone.cache_clear()
    place = tmp_path / "hub" / "checkpoints" / "vgg16-397923af.pth"
    origin = "https://download.pytorch.org/models/vgg16-397923af.pth"
    for _ in range(2):
        with pytest.raises(MetricUnavailable) as caught:
            get_metric("lpips_vgg").values(*random_videos)
        assert f"missing weights: {place} (from {origin}: it cannot" in str(caught.value)
    place.write_bytes(b"something else")
    with pytest.raises(MetricUnavailable, match="another file: expected sha256 397923af, got"):
        get_metric("lpips_vgg").values(*random_videos)


def unreachable(*arguments, **options):
    raise URLError("no network")


def test_heads_are_the_packages():
    assert [tuple(head.shape) for head in load_heads("alex", "cpu")] == [
        (1, channels, 1, 1) for channels in (64, 192, 384, 256, 256)
    ]


def test_network_written_out(random_videos):
    expected = lpips_written_out(*random_videos)
    np.testing.assert_allclose(Lpips().values(*random_videos), expected, atol=1e-6)


def test_torchmetrics(arrays):
    import pab_bench.imports.torchvision  # noqa: F401

    theirs = pytest.importorskip("torchmetrics.functional.image.lpips")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = theirs._NoTrainLpips(net="alex", pnet_rand=True)
    backbone = load_alexnet()
    names = network.net.state_dict()
    network.net.load_state_dict(
        {name: backbone[f"features.{name.split('.', 1)[1]}"] for name in names}
    )
    video, reference = (
        torch.tensor(arrays[name]).permute(0, 3, 1, 2).float() / 127.5 - 1
        for name in ("jpeg", "ref")
    )
    with torch.inference_mode():
        expected = network(video, reference).flatten().numpy()
    # torchmetrics has only the variant without a map, which differs by up to 1.1e-5.
    np.testing.assert_allclose(
        Lpips().values(arrays["jpeg"], arrays["ref"]), expected, rtol=0, atol=3e-5
    )


def test_batches_do_not_change_values(arrays, monkeypatch):
    together = Lpips().values(arrays["noise"], arrays["ref"])
    pairs = zip(arrays["noise"], arrays["ref"], strict=True)
    single = [Lpips().values(a[np.newaxis], b[np.newaxis])[0] for a, b in pairs]
    np.testing.assert_allclose(together, single, atol=1e-7)
    monkeypatch.setitem(BACKBONES, "alex", replace(BACKBONES["alex"], pixels_per_batch=3 * 128**2))
    np.testing.assert_allclose(Lpips().values(arrays["noise"], arrays["ref"]), together, atol=1e-7)


def test_identical_is_zero(arrays):
    assert Lpips().values(arrays["ref"], arrays["ref"]).tolist() == [0.0] * 4


def test_callers_settings_do_not_move_the_value(random_videos):
    expected = Lpips().values(*random_videos)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = Lpips().values(*random_videos)
    np.testing.assert_array_equal(values, expected)


def test_smallest_frame():
    smallest = np.zeros((1, 31, 31, 3), np.uint8)
    assert Lpips().values(smallest, smallest).tolist() == [0.0]
    smaller = smallest[:, :30]
    with pytest.raises(MetricUnavailable, match="at least 31x31, got 30x31"):
        Lpips().values(smaller, smaller)


def test_damaged_weights_are_refused(monkeypatch):
    monkeypatch.setattr(perceptual, "ALEX_FILE", "README.md")
    load_backbone.cache_clear()
    with pytest.raises(MetricUnavailable, match=r"expected sha256 9f97.*got"):
        load_backbone("alex", None, "cpu")
    monkeypatch.setattr(perceptual, "ALEX_FILE", "absent.safetensors")
    with pytest.raises(MetricUnavailable, match=r"cannot be read.*absent\.safetensors"):
        load_backbone("alex", None, "cpu")


def test_first_use_is_silent_and_leaves_the_random_state_alone():
    program = (
        "import sys, numpy as np\n"
        "import pab_bench.metrics\n"
        "heavy = {'torch', 'lpips', 'skimage', 'torchvision'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "import torch\n"
        "torch.manual_seed(3)\n"
        "before = torch.get_rng_state()\n"
        "video = np.zeros((1, 31, 31, 3), np.uint8)\n"
        "pab_bench.metrics.Lpips().values(video, video)\n"
        "assert torch.equal(before, torch.get_rng_state())\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
