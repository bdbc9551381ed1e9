"""Weights & Biases offline, without account or network: what was written is read back."""

import json
import struct

import pytest

pytest.importorskip("wandb")

from wandb.proto import wandb_internal_pb2

from pab_bench.cli import main

PROMPT = "prompts.texts=[a large red circle moves right slowly over a black background]"


def entries(folder):
    """Everything that an offline run wrote: LevelDB's log format behind a header of 7 bytes."""
    (path,) = folder.glob("*.wandb")
    content, block = path.read_bytes(), 32768
    position, data = 7, b""
    while position + 7 <= len(content):
        if block - position % block < 7:  # Too short for a header: the block is padded.
            position += block - position % block
            continue
        _, length, kind = struct.unpack_from("<IHB", content, position)
        if kind == 0:
            break
        data += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # A whole record, or the last part of one.
            entry = wandb_internal_pb2.Record()
            entry.ParseFromString(data)
            yield entry
            data = b""


def test_an_offline_run_holds_the_point(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = [PROMPT, "steps=4", "spatial_gap=2", "spatial_threshold=[1,999]"]
    assert main(["tracking=wandb", "metrics.names=[psnr]", *arguments]) == 0
    (job,) = (tmp_path / "results" / "single").iterdir()
    pointer = json.loads((job / "point.json").read_text())
    point = json.loads((job / pointer["store"] / pointer["id"] / "record.json").read_text())
    (run,) = (tmp_path / "results" / "wandb" / "wandb").glob("offline-run-*")
    written = list(entries(run))

    runs = [e.run for e in written if e.HasField("run")]
    assert runs[0].run_id == pointer["id"]
    assert runs[0].run_group == f"single/{job.name}"
    assert runs[0].job_type == "variant"
    config = {item.key: item.value_json for item in runs[0].config.update}
    assert json.loads(config["steps"]) == 4
    assert json.loads(config["baseline_id"]) == point["baseline_id"]

    summary = {}
    for entry in written:
        if entry.HasField("summary"):
            for item in entry.summary.update:
                summary[item.key or ".".join(item.nested_key)] = item.value_json
    assert json.loads(summary["psnr_db"]) == point["quality"]["psnr_db"]["value"]
    history = [
        {i.key or i.nested_key[0]: i.value_json for i in e.history.item}
        for e in written
        if e.HasField("history")
    ]
    assert sum("step_seconds" in row for row in history) == 4
    assert any("metrics" in row for row in history)
    assert any(key.startswith("videos/") for row in history for key in row)


def test_an_outage_never_harms_a_point(tmp_path, monkeypatch, caplog):
    import wandb

    def no_network(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(wandb, "init", no_network)
    monkeypatch.chdir(tmp_path)
    assert main(["tracking=wandb", "metrics=none", PROMPT, "steps=2"]) == 0
    (job,) = (tmp_path / "results" / "single").iterdir()
    assert json.loads((job / "point.json").read_text())["status"] == "ok"
    log = (job / "pab_bench.log").read_text()
    assert "was not sent to Weights & Biases: no route to host" in log
