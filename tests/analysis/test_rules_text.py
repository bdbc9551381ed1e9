from __future__ import annotations

from typing import Any

from analysis.rules_text import rules_texts


def rule(gap: int, threshold: tuple[int, int] = (100, 800), **others: Any) -> dict[str, Any]:
    return {"skip": gap > 1, "gap": gap, "threshold": list(threshold), "block": None} | others


def row(spatial: dict[str, Any], mlp: int = 1) -> dict[str, Any]:
    return {"spatial": spatial, "temporal": rule(4), "cross": rule(1), "mlp": rule(mlp)}


def test_what_is_common_is_left_out() -> None:
    assert rules_texts([row(rule(2)), row(rule(3)), None]) == ["S2 T4 C-", "S3 T4 C-", None]


def test_a_gap_that_is_switched_off_is_a_dash() -> None:
    assert rules_texts([row(rule(6, skip=False))]) == ["S- T4 C-"]


def test_mlp_is_in_all_rows_if_it_is_in_one() -> None:
    assert rules_texts([row(rule(2)), row(rule(2), mlp=2)]) == ["S2 T4 C- M-", "S2 T4 C- M2"]


def test_thresholds_that_differ_between_kinds() -> None:
    assert rules_texts([row(rule(2, (200, 700)))]) == ["S2@200..700 T4@100..800 C-"]


def test_thresholds_that_differ_between_rows() -> None:
    rows = [{"spatial": rule(2, window)} for window in ((100, 800), (0, 1000))]
    assert rules_texts(rows) == ["S2 T- C- @100..800", "S2 T- C- @0..1000"]


def test_blocks_that_differ() -> None:
    assert rules_texts([row(rule(2, block=[0, 3]))]) == ["S2[0..3] T4 C-"]


def test_mlps_of_the_two_branches() -> None:
    keys = {"skip": True, "keys": [{"timestep": 720, "reuse_steps": 2, "blocks": [0]}]}
    both = {"spatial": None, "mlp_spatial": keys, "mlp_temporal": keys}
    one = {"spatial": rule(2), "mlp_spatial": rule(3), "mlp_temporal": None}
    none = {"spatial": rule(2), "mlp_spatial": None, "mlp_temporal": None}
    assert rules_texts([both, one, none]) == ["S- T- C- M*", "S2 T- C- Ms3", "S2 T- C- M-"]
    assert rules_texts([none]) == ["S2 T- C-"]
