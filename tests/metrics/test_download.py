"""Weights are fetched from a real server on this machine, or the reason says why they are not."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from pab_bench.errors import MetricUnavailable
from pab_bench.imports.offline import SETTINGS
from pab_bench.metrics import download, get_metric
from pab_bench.metrics.networks.perceptual import load_backbone
from pab_bench.metrics.weight_files import WeightFile

CONTENT = b"numbers" * 1000


class Handler(BaseHTTPRequestHandler):
    asked = 0

    def do_GET(self):
        type(self).asked += 1
        if self.path == "/silent":
            time.sleep(2)
            return
        self.send_response(200 if self.path in ("/good.pth", "/cut") else 404)
        whole = len(CONTENT) + (1 if self.path == "/cut" else 0)
        self.send_header("Content-Length", str(whole))
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *arguments):
        del arguments


@pytest.fixture
def server(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    download._why_not_fetched.cache_clear()
    Handler.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_file_is_fetched_to_its_place_once(server, tmp_path):
    file = WeightFile("good.pth", "torch", f"{server}/good.pth")
    place = download.fetch("lpips", file)
    assert place == tmp_path / "hub" / "checkpoints" / "good.pth"
    assert place.read_bytes() == CONTENT
    assert [path.name for path in place.parent.iterdir()] == ["good.pth"]
    assert download.fetch("lpips", file) == place
    assert Handler.asked == 1


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("value", ["1", "true", "YES"])
def test_the_environment_can_forbid_it(server, monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    file = WeightFile("good.pth", "torch", f"{server}/good.pth")
    message = (
        rf"{name}={value} forbids downloads; bring the file there, or into .* metrics\.weights"
    )
    with pytest.raises(MetricUnavailable, match=message):
        download.fetch("lpips", file)
    assert Handler.asked == 0
    assert file.find(None) is None
    monkeypatch.setenv(name, "0")
    assert download.fetch("lpips", file).is_file()


def test_a_silent_server_is_given_up(server, monkeypatch):
    monkeypatch.setattr(download, "SILENCE_S", 0.2)
    began = time.perf_counter()
    file = WeightFile("silent", "torch", f"{server}/silent")
    with pytest.raises(MetricUnavailable, match=r"cannot be reached: .*timed out"):
        download.fetch("lpips", file)
    assert time.perf_counter() - began < 2
    with pytest.raises(MetricUnavailable):
        download.fetch("lpips", file)
    assert Handler.asked == 1


def test_a_file_that_ends_early_leaves_nothing(server, tmp_path):
    with pytest.raises(MetricUnavailable, match="cannot be reached: it ended 1 bytes too early"):
        download.fetch("lpips", WeightFile("cut", "torch", f"{server}/cut"))
    assert list((tmp_path / "hub" / "checkpoints").iterdir()) == []


def test_a_file_that_is_not_there_leaves_nothing(server, tmp_path):
    with pytest.raises(MetricUnavailable, match="cannot be reached: HTTP Error 404"):
        download.fetch("lpips", WeightFile("other", "torch", f"{server}/other"))
    assert list((tmp_path / "hub" / "checkpoints").iterdir()) == []


def test_lpips_respects_it(server, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    video = np.zeros((2, 64, 64, 3), np.uint8)
    load_backbone.cache_clear()
    with pytest.raises(MetricUnavailable, match=r"lpips \(vgg\): .*HF_HUB_OFFLINE=1 forbids"):
        get_metric("lpips_vgg").values(video, video)
