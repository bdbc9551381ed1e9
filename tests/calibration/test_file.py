"""Files of calibrations: what they say comes back; edits and other samplings are refused."""

import json
from dataclasses import replace

import pytest
from calibration.made import TIMESTEPS, content, written
from hypothesis import given, settings
from hypothesis import strategies as st

from pab_bench.files import write_sealed_json
from pab_bench.methods.base import About
from pab_bench.methods.calibration_file import CalibrationRefused, read_calibration
from pab_bench.methods.combined import Combined
from pab_bench.methods.fewer_steps import FewerSteps
from pab_bench.methods.magcache import MagCache
from pab_bench.methods.published_ratios import PUBLISHED_RATIOS
from pab_bench.problems import InvalidSettings, Problems

SAME = About(
    "latte",
    4,
    4,
    6,
    "ddim_leading",
    True,
    model="latte_mini",
    guidance=4.0,
    prompts=("a horse",),
    timesteps=TIMESTEPS,
    size=(16, 64, 64),
)


@pytest.fixture
def file(tmp_path):
    return written(tmp_path / "own.json")


def found(method, about):
    problems = Problems()
    method.filled(about).check(about, problems)
    return [str(problem) for problem in problems.found], problems.notices


ratios = st.lists(st.floats(0.5, 1.5), min_size=2, max_size=30)


@settings(max_examples=20)
@given(ratios, st.integers(1, 200), st.floats(1, 20), st.lists(st.text("ab c"), max_size=3))
def test_what_is_written_is_read(tmp_path_factory, own, steps, guidance, prompts):
    said = content(ratios=[own])
    said["sampling"] |= {"steps": steps, "guidance": guidance}
    said["videos"]["prompts"] = prompts
    path = write_sealed_json(tmp_path_factory.mktemp("made") / "own.json", said)
    read = read_calibration(path, "magcache")
    assert (read.fit, read.steps, read.guidance) == (said["fit"], steps, guidance)
    assert read.prompts == (*prompts, "a bird")
    assert MagCache(calibration=path).known == tuple(own)


def leaves(value, where=()):
    """Places of all numbers and texts."""
    if isinstance(value, dict):
        return [own for key, inner in value.items() for own in leaves(inner, (*where, key))]
    if isinstance(value, list):
        return [own for i, inner in enumerate(value) for own in leaves(inner, (*where, i))]
    return [where]


@settings(max_examples=40)
@given(st.data())
def test_any_edit_is_refused(tmp_path_factory, data):
    path = written(tmp_path_factory.mktemp("edited") / "own.json")
    edited = json.loads(path.read_text())
    *way, last = data.draw(st.sampled_from(leaves(edited)))
    place = edited
    for key in way:
        place = place[key]
    before = place[last]
    place[last] = f"{before}0" if isinstance(before, str) else before + 1
    path.write_text(json.dumps(edited))
    with pytest.raises(CalibrationRefused, match="it is not what was written"):
        read_calibration(path, "magcache")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda said: said.pop("sampling"), "is no calibration: it lacks 'sampling'"),
        (lambda said: said["model"].pop("weights"), "is no calibration: it lacks 'weights'"),
        (lambda said: said.update(format=99), "is of format 99, known is 1"),
        (lambda said: said.update(method="teacache"), "is a calibration of teacache, not of mag"),
        (lambda said: said.update(fit={}), "has no ratios of calls"),
        (lambda said: said.update(fit={"ratios": [[1.0, -1.0]]}), "has no ratios of calls"),
    ],
)
def test_what_is_none_is_refused(tmp_path, change, message):
    said = content()
    change(said)
    path = write_sealed_json(tmp_path / "own.json", said)
    with pytest.raises(InvalidSettings, match=f"own.json: {message}"):
        MagCache(calibration=path)


def test_what_cannot_be_read_is_refused(tmp_path):
    for name, text in (("broken", "{"), ("list", "[1, 2]"), ("bare", "{}")):
        (tmp_path / name).write_text(text)
        with pytest.raises(CalibrationRefused, match="is no calibration"):
            read_calibration(tmp_path / name, "magcache")
    with pytest.raises(CalibrationRefused, match="cannot be read: No such file"):
        read_calibration(tmp_path / "absent", "magcache")


def test_it_holds_for_its_own_sampling(file):
    assert found(MagCache(calibration=file), SAME) == ([], [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "latte"}, "of model=latte_mini, not model=latte"),
        ({"steps": 5}, "of steps=4, not steps=5"),
        ({"guidance": 4.5}, "of guidance=4.0, not guidance=4.5"),
        ({"timesteps": (901, 600, 300, 0)}, "of 4 calls at other timesteps than the 4 from 901"),
    ],
)
def test_another_sampling_is_refused(file, change, message):
    (problem,), _ = found(MagCache(calibration=file), replace(SAME, **change))
    assert problem.startswith(f"method.calibration={file}: is a calibration {message}")
    assert "calibrate anew: task=calibrate" in problem


@pytest.mark.parametrize("prompt", ["a dog", "a bird"])
def test_prompts_that_it_was_made_of_are_refused(file, prompt):
    (problem,), _ = found(MagCache(calibration=file), replace(SAME, prompts=("a horse", prompt)))
    assert f"1 of the prompts that are to be measured ('{prompt}')" in problem
    assert "prompts allowed are all but its own 3" in problem


def test_another_size_is_told(file):
    problems, (notice,) = found(MagCache(calibration=file), replace(SAME, size=(16, 32, 32)))
    assert problems == []
    assert "was measured with frames, height and width of [16, 64, 64]" in notice


def test_other_weights_are_refused(file):
    method = MagCache(calibration=file)
    method.calibrated.check_weights("aa" * 32)
    with pytest.raises(InvalidSettings, match=r"with the digest aaaaaaaaaaaaaaaa\.\.\., not bbbb"):
        method.calibrated.check_weights("bb" * 32)


def test_fewer_steps_are_other_steps(file):
    both = Combined(FewerSteps(2), MagCache(calibration=file))
    assert any("of steps=4, not steps=2" in problem for problem in found(both, SAME)[0])
    assert both.calibrated == MagCache(calibration=file).calibrated


def test_its_digest_is_part_of_the_identity(file, tmp_path):
    own = MagCache(calibration=file)
    name = own.identity(6)["method"]["calibration"]
    assert name == f"latte_mini-magcache-4-{json.loads(file.read_text())['sha256'][:16]}"
    said = content()
    said["videos"]["seeds"] = [1]
    other = MagCache(calibration=write_sealed_json(tmp_path / "other.json", said))
    assert other.known == own.known
    assert other.identity(6) != own.identity(6)
    assert "calibration" not in MagCache(ratios=own.known).identity(6)["method"]


def test_a_record_of_it_is_read_back_without_the_file(file):
    own = MagCache(calibration=file, threshold=0.1)
    again = MagCache.of_settings({**own.settings(), "ratios": own.known})
    assert again.settings() == own.settings()


def test_without_ratios_it_is_said_how_to_have_some():
    (problem,), _ = found(MagCache(), replace(SAME, model="mine", guidance=7.5))
    assert problem.startswith("method.ratios=null: ratios belong to one model and number of calls")
    command = "task=calibrate method=magcache model=mine steps=4 guidance=7.5"
    assert command in problem
    assert found(MagCache(), replace(SAME, calibrating=True)) == ([], [])


@pytest.mark.parametrize(("model", "steps"), PUBLISHED_RATIOS)
def test_published_ratios_are_those_of_every_step(model, steps):
    own = PUBLISHED_RATIOS[model, steps]
    assert all(len(lane) == steps and lane[0] == 1 for lane in own.lanes)
    about = replace(SAME, model=model, steps=steps, calls=steps, timesteps=())
    method = MagCache().filled(about)
    assert method.known == pytest.approx([ratio**own.power for ratio in own.lanes[0]])
    assert found(MagCache(), about) == ([], [])
