import os

import pytest

from pab_bench.store.weights_digests import WeightsDigests

MODEL = {"name": "toy", "path": None}


def test_a_digest_is_remembered_until_a_file_changes(tmp_path):
    weights = tmp_path / "weights"
    weights.write_text("1")
    assert WeightsDigests(tmp_path).recall(MODEL) is None
    WeightsDigests(tmp_path).remember(MODEL, [weights], "abc")
    assert WeightsDigests(tmp_path).recall(MODEL) == "abc"
    assert WeightsDigests(tmp_path).recall({**MODEL, "path": "elsewhere"}) is None
    os.utime(weights, ns=(1, 1))
    assert WeightsDigests(tmp_path).recall(MODEL) is None
    WeightsDigests(tmp_path).remember(MODEL, [weights], "abc")
    weights.unlink()
    assert WeightsDigests(tmp_path).recall(MODEL) is None


def test_digests_of_files_are_kept_with_them(tmp_path):
    known = WeightsDigests(tmp_path)
    known.of_files["stamp"] = "abc"
    known.remember(MODEL, [], "abc")
    assert WeightsDigests(tmp_path).of_files == {"stamp": "abc"}


@pytest.mark.parametrize("content", ["{", "[]", '{"a stamp": "a digest"}', '{"models": 1}'])
def test_a_damaged_or_an_old_file_is_nothing_known(tmp_path, content):
    (tmp_path / "weights_digests.json").write_text(content)
    known = WeightsDigests(tmp_path)
    assert known.recall(MODEL) is None
    known.remember(MODEL, [], "abc")
    assert WeightsDigests(tmp_path).recall(MODEL) == "abc"
