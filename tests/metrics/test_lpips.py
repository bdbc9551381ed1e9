"""LPIPS against golden values, torchmetrics and the network written out."""

import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from pab_bench.errors import MetricUnavailable
from pab_bench.metrics import Lpips
from pab_bench.metrics import lpips as module

torch = pytest.importorskip("torch")
WEIGHTS = Path(module.__file__).parent / "weights" / module.WEIGHTS


def load_backbone():
    from safetensors.torch import load_file

    return load_file(WEIGHTS)


def lpips_written_out(video, reference):
    """LPIPS from the paper's formula with plain convolutions."""
    from torch.nn import functional

    backbone = load_backbone()
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
        Lpips().per_frame(arrays[pair], arrays["ref"]), expected, rtol=0, atol=1e-6
    )


def test_network_written_out(random_videos):
    expected = lpips_written_out(*random_videos)
    np.testing.assert_allclose(Lpips().per_frame(*random_videos), expected, atol=1e-6)


def test_torchmetrics(arrays):
    import pab_bench.torchvision_import  # noqa: F401

    theirs = pytest.importorskip("torchmetrics.functional.image.lpips")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = theirs._NoTrainLpips(net="alex", pnet_rand=True)
    backbone = load_backbone()
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
        Lpips().per_frame(arrays["jpeg"], arrays["ref"]), expected, rtol=0, atol=3e-5
    )


def test_batches_do_not_change_values(arrays):
    video, reference = (np.concatenate([arrays[name]] * 5) for name in ("noise", "ref"))
    assert len(video) > module.FRAMES_PER_BATCH
    values = Lpips().per_frame(video, reference)
    np.testing.assert_allclose(values[:4], values[16:20], atol=1e-6)
    np.testing.assert_allclose(values[:4], Lpips().per_frame(video[:4], reference[:4]), atol=1e-6)


def test_identical_is_zero(arrays):
    assert Lpips().per_frame(arrays["ref"], arrays["ref"]).tolist() == [0.0] * 4


def test_callers_settings_do_not_move_the_value(random_videos):
    expected = Lpips().per_frame(*random_videos)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        values = Lpips().per_frame(*random_videos)
    np.testing.assert_array_equal(values, expected)


def test_smallest_frame():
    smallest = np.zeros((1, 31, 31, 3), np.uint8)
    assert Lpips().per_frame(smallest, smallest).tolist() == [0.0]
    smaller = smallest[:, :30]
    with pytest.raises(MetricUnavailable, match="at least 31x31, got 30x31"):
        Lpips().per_frame(smaller, smaller)


def test_damaged_weights_are_refused(monkeypatch):
    monkeypatch.setattr(module, "WEIGHTS", "README.md")
    with pytest.raises(MetricUnavailable, match=r"expected sha256 9f97.*got"):
        module._checked_weights()
    monkeypatch.setattr(module, "WEIGHTS", "absent.safetensors")
    with pytest.raises(MetricUnavailable, match=r"cannot be read.*absent\.safetensors"):
        module._checked_weights()


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
        "pab_bench.metrics.Lpips().per_frame(video, video)\n"
        "assert torch.equal(before, torch.get_rng_state())\n"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
