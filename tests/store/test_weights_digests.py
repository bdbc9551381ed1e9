import os

from pab_bench.store.weights_digests import KnownModels

MODEL = {"name": "toy", "path": None}


def test_a_digest_is_remembered_until_a_file_changes(tmp_path):
    weights = tmp_path / "weights"
    weights.write_text("1")
    assert KnownModels(tmp_path).recall(MODEL) is None
    KnownModels(tmp_path).remember(MODEL, [weights], "abc")
    assert KnownModels(tmp_path).recall(MODEL) == "abc"
    assert KnownModels(tmp_path).recall({**MODEL, "path": "elsewhere"}) is None
    os.utime(weights, ns=(1, 1))
    assert KnownModels(tmp_path).recall(MODEL) is None
    KnownModels(tmp_path).remember(MODEL, [weights], "abc")
    weights.unlink()
    assert KnownModels(tmp_path).recall(MODEL) is None


def test_a_damaged_file_is_nothing_known(tmp_path):
    (tmp_path / "known_models.json").write_text("{")
    known = KnownModels(tmp_path)
    assert known.recall(MODEL) is None
    known.remember(MODEL, [], "abc")
    assert KnownModels(tmp_path).recall(MODEL) == "abc"
