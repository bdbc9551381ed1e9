from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pab_bench.cli import main
from pab_bench.config.settings import Settings
from pab_bench.errors import ConfigError
from pab_bench.experiment.identity import settings_identity
from pab_bench.methods.rules import GapRule


def test_the_documents_yaml_works_as_it_stands(
    document: Path, settings_of: Callable[..., Settings]
) -> None:
    rules = settings_of(f"pab_file={document}", "model=latte").method.rules
    assert rules.spatial == GapRule(True, (100, 800), 2, (0, 27))
    assert rules.temporal == GapRule(True, (100, 800), 4, None)
    assert rules.cross == GapRule(True, (80, 900), 7, None)
    assert rules.mlp_spatial == GapRule(False, (100, 800), 1, None)


def test_the_document_on_a_smaller_model_is_clipped(
    document: Path, settings_of: Callable[..., Settings]
) -> None:
    settings = settings_of(f"pab_file={document}")
    assert settings.method.rules.spatial.block == (0, 5)
    assert len(settings.notices) == 1


def test_the_documents_file_and_preset_are_the_same(
    document: Path, settings_of: Callable[..., Settings]
) -> None:
    both = settings_of(f"pab_file={document}", "preset=pab_document")
    assert both.method.rules == settings_of("preset=pab_document").method.rules
    assert settings_identity(both) == settings_identity(settings_of(f"pab_file={document}"))


def test_other_overrides_may_stand_beside_the_file(
    document: Path, settings_of: Callable[..., Settings]
) -> None:
    rules = settings_of(
        f"pab_file={document}", "temporal_block=[0,2]", "spatial_gap=2"
    ).method.rules
    assert rules.temporal == GapRule(True, (100, 800), 4, (0, 2))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("spatial_gap=3", "spatial_gap=3: (command line) contradicts spatial_gap: 2 in"),
        ("spatial_gap=1", "spatial_gap=1: (command line) contradicts spatial_gap: 2 in"),
        ("preset=pab236", "temporal_gap=3: (preset=pab236) contradicts temporal_gap: 4 in"),
    ],
)
def test_contradiction_names_both(
    override: str, message: str, document: Path, settings_of: Callable[..., Settings]
) -> None:
    with pytest.raises(ConfigError) as caught:
        settings_of(f"pab_file={document}", override)
    assert any(line.startswith(message) for line in str(caught.value).splitlines())
    assert str(document) in str(caught.value)


def test_contradiction_with_a_value_that_is_also_the_default(
    tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    file = tmp_path / "off.yaml"
    file.write_text("spatial_skip: False\n")
    assert settings_of(f"pab_file={file}").method.rules.spatial.skip is False
    with pytest.raises(ConfigError, match=r"preset=pab236. contradicts spatial_skip: false"):
        settings_of(f"pab_file={file}", "preset=pab236")


def refusal(content: str, folder: Path, settings_of: Callable[..., Settings]) -> str:
    """What is said of a `pab_file` with this content."""
    file = folder / "pab.yaml"
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        settings_of(f"pab_file={file}")
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("spatial_gpa: 2", "spatial_gpa=2: is not a key of PAB. Did you mean 'spatial_gap'?"),
        ("steps: 20", "steps=20: is not a key of PAB."),
        ("1: 2", "1=2: is not a key of PAB."),
        ("spatial_gap: two", "spatial_gap=two: must be a whole number"),
        ("spatial_skip: 2", "spatial_skip=2: must be true or false"),
        ("spatial_gap: 2.5", "spatial_gap=2.5: must be a whole number"),
        ("spatial_threshold: 100", "spatial_threshold=100: must be a list of whole numbers"),
        ("- 1", "must contain lines such as 'spatial_gap: 2'"),
        ("a: [", "is not valid YAML"),
        ("spatial_gap: 2\nspatial_gap: 3", "is not valid YAML"),
        ("spatial_gap: 0", "spatial_gap=0: must be a whole number of at least 1"),
    ],
)
def test_a_wrong_file_is_refused(
    content: str, message: str, tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    assert message in refusal(content, tmp_path, settings_of)


PUBLISHED = Path(__file__).parents[1] / "fixtures" / "prompts" / "broadcast_keys.yaml"
BESIDE = """\
model_path: LanguageBind/Open-Sora-Plan-v1.1.0
num_frames: 65
text_prompt: [
  "Sunset over the sea.",
]
eval: True
"""


def test_the_names_of_published_files(settings_of: Callable[..., Settings]) -> None:
    rules = settings_of(f"pab_file={PUBLISHED}").method.rules
    plain = settings_of(
        "spatial_gap=2", "temporal_gap=4", "cross_skip=false", "threshold=[100,800]"
    )
    assert rules == plain.method.rules
    assert rules.spatial == GapRule(True, (100, 800), 2, None)
    assert rules.cross.skip is False


def test_both_names_of_every_key_mean_the_same(
    tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    file = tmp_path / "pab.yaml"
    found = []
    for switch, gap in (("skip", "gap"), ("broadcast", "range")):
        lines = [
            f"{kind}_{switch}: {kind != 'temporal'}\n{kind}_{gap}: {number}\n"
            for number, kind in enumerate(("spatial", "temporal", "cross", "mlp"), start=2)
        ]
        file.write_text("".join(lines))
        found.append(settings_of(f"pab_file={file}").method.rules)
    assert found[0] == found[1]
    assert (found[0].spatial.gap, found[0].temporal.skip, found[0].cross.gap) == (2, False, 4)
    assert found[0].mlp_spatial.gap == 5


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "spatial_broadcast: True\nspatial_skip: True",
            "spatial_skip=true: is the same key as spatial_broadcast, which the file has, too",
        ),
        (
            "cross_gap: 3\ncross_range: 3",
            "cross_range=3: is the same key as cross_gap, which the file has, too",
        ),
        ("temporal_range: two", "temporal_range=two: must be a whole number"),
        ("spatial_broadcast: 2", "spatial_broadcast=2: must be true or false"),
        ("num_frames: 65", "has keys of upstream's sampling, but none of PAB"),
        ("spatial_gap: 2\ndiffusion_skip: True", "diffusion_skip=true: is not a key of PAB."),
        ("spatial_gap: 2\nnum_frame: 65", "num_frame=65: is not a key of PAB."),
        ("mlp_spatial_broadcast_config: {}", "is not a key of PAB. Write mlp_keys."),
    ],
)
def test_a_published_file_that_is_wrong_is_refused(
    content: str, message: str, tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    assert message in refusal(content, tmp_path, settings_of)


def test_keys_of_the_sampling_are_passed_over_and_named(
    tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    file = tmp_path / "published.yaml"
    file.write_text(BESIDE + PUBLISHED.read_text())
    settings = settings_of(f"pab_file={file}")
    assert settings.method.rules == settings_of(f"pab_file={PUBLISHED}").method.rules
    (notice,) = settings.notices
    assert "passed over: model_path, num_frames, text_prompt, eval;" in notice


@pytest.mark.parametrize(
    ("override", "ours"),
    [
        ("spatial_broadcast=true", "spatial_skip"),
        ("temporal_range=4", "temporal_gap"),
        ("mlp_broadcast=true", "mlp_skip"),
        ("num_sampling_steps=30", "steps"),
        ("cfg_scale=7", "guidance"),
        ("num_frames=48", "model.frames"),
    ],
)
def test_upstreams_names_on_the_command_line_lead_to_ours(
    override: str, ours: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["task=plan", override]) == 2
    assert f"Did you mean {ours!r}?" in capsys.readouterr().err


def test_a_mark_at_the_beginning_and_files_that_never_end(
    tmp_path: Path, settings_of: Callable[..., Settings]
) -> None:
    file = tmp_path / "pab.yaml"
    file.write_bytes(b"\xef\xbb\xbfspatial_gap: 2\n")
    assert settings_of(f"pab_file={file}").method.rules.spatial.gap == 2
    with pytest.raises(ConfigError, match="cannot be read: it is no regular file"):
        settings_of("pab_file=/dev/zero")
