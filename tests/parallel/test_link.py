"""Links by name and by two numbers, and how long a collective takes on them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pab_bench.config.shell_links import quoted_link
from pab_bench.errors import ConfigError
from pab_bench.parallel.link import LINKS, Cluster, parse_link


@pytest.mark.parametrize("name", LINKS)
def test_a_preset_lies_within_its_band_and_says_whose_numbers_it_has(name):
    link = parse_link(name)
    assert link.latencies_s[0] <= link.latency_s <= link.latencies_s[1]
    assert link.bandwidths[0] >= link.bandwidth >= link.bandwidths[1]
    assert "assumed" in link.source
    assert ("datasheet" in link.source) or ("standard" in link.source)
    assert link.source in link.in_words()


def test_two_numbers():
    link = parse_link("12.5,100")
    assert (link.latency_s, link.bandwidth) == pytest.approx((12.5e-6, 100e9))
    assert link.bandwidths == pytest.approx((200e9, 50e9))
    assert link.source == "given"


@pytest.mark.parametrize("text", ["nvlnk", "20", "20,", ",350", "a,b", "1,2,3", ""])
def test_what_is_no_link(text):
    with pytest.raises(ConfigError, match=r"one of nvlink, pcie5, ndr, or ALPHA,BETA"):
        parse_link(text)


@pytest.mark.parametrize("text", ["-1,350", "20,0", "20,-3", "nan,350", "20,inf"])
def test_numbers_that_cannot_be(text):
    with pytest.raises(ConfigError, match="ALPHA must be a finite number of at least 0"):
        parse_link(text)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("scaling.link=20,350", "scaling.link='20,350'"),
        ("scaling.between=5e1,.5", "scaling.between='5e1,.5'"),
        ("scaling.link=nvlink,pcie5", "scaling.link=nvlink,pcie5"),
        ("scaling.ranks=1,2", "scaling.ranks=1,2"),
    ],
)
def test_two_numbers_on_the_command_line_are_one_link(written, read):
    assert quoted_link(written) == read


def test_within_a_node_and_between_nodes():
    cluster = Cluster(parse_link("10,100"), parse_link("30,10"), 4)
    assert cluster.seconds(1e9, 1) == 0
    assert cluster.seconds(1e9, 4) == pytest.approx(10e-6 + 0.75e9 / 100e9)
    # Half of it leaves the node, which takes longer than the quarter that does not.
    assert cluster.seconds(1e9, 8) == pytest.approx(30e-6 + 0.5e9 / 10e9)
    # A gather brings the other node's half in by four cards.
    assert cluster.seconds(1e9, 8, everywhere=True) == pytest.approx(30e-6 + 0.5e9 / 4 / 10e9)


def test_it_needs_no_torch():
    names = "volumes", "link", "scaling_model"
    imports = "; ".join(f"import pab_bench.parallel.{name}" for name in names)
    code = f"{imports}; import sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
