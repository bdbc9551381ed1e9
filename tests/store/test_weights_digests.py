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


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "5", "null", '"x"', "{}", '{"a stamp": "a digest"}', '{"models": 1}']
)
def test_a_damaged_or_an_old_file_is_nothing_known(tmp_path, content):
    (tmp_path / "weights_digests.json").write_text(content)
    known = WeightsDigests(tmp_path)
    assert known.recall(MODEL) is None
    known.remember(MODEL, [], "abc")
    assert WeightsDigests(tmp_path).recall(MODEL) == "abc"


def test_a_digest_that_was_changed_is_not_believed(tmp_path, caplog):
    WeightsDigests(tmp_path).remember(MODEL, [], "abc")
    path = tmp_path / "weights_digests.json"
    path.write_text(path.read_text().replace('"abc"', '"abd"'))
    assert WeightsDigests(tmp_path).recall(MODEL) is None
    assert "it is not what was written" in caplog.text


def test_a_folder_in_its_place_is_kept_aside(tmp_path):
    (tmp_path / "weights_digests.json" / "inside").mkdir(parents=True)
    WeightsDigests(tmp_path).remember(MODEL, [], "abc")
    assert WeightsDigests(tmp_path).recall(MODEL) == "abc"


@pytest.mark.parametrize("where", ["home", "elsewhere"])
def test_no_path_of_the_machine_is_in_it(tmp_path, monkeypatch, where):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    weights = tmp_path / where / "models" / "weights"
    weights.parent.mkdir(parents=True)
    weights.write_text("1")
    results = tmp_path / "results"
    WeightsDigests(results).remember(MODEL, [weights], "abc")
    assert WeightsDigests(results).recall(MODEL) == "abc"
    assert str(tmp_path) not in (results / "weights_digests.json").read_text()
    weights.write_text("12")
    assert WeightsDigests(results).recall(MODEL) is None
