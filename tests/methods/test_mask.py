import json

import pytest

from pab_bench.engine.kinds import MLP_SPATIAL, SPATIAL, TEMPORAL
from pab_bench.methods.base import About, Facts
from pab_bench.methods.mask import Mask
from pab_bench.problems import InvalidSettings, Problems

FACTS = Facts((4, 3, 2, 1), 4, 2, (SPATIAL, TEMPORAL, MLP_SPATIAL))


@pytest.fixture
def mask(tmp_path):
    def make(content, name="plan.json", **keys):
        path = tmp_path / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return Mask(path, **keys)

    return make


def test_json(mask):
    method = mask({"spatial": "1010", "mlp_spatial": ["1111", "1001"]}, broadcast_object="ungated")
    plan = method.plan(FACTS)
    assert plan.source[SPATIAL].tolist() == [[0, 0], [0, 0], [2, 2], [2, 2]]
    assert plan.source[MLP_SPATIAL].tolist() == [[0, 0], [1, 0], [2, 0], [3, 3]]
    assert not plan.reuse(TEMPORAL).any()
    assert method.broadcast_object == "ungated"


def test_csv_says_the_same(mask):
    lines = "group,block,call,computes\ncalls,,4,\nspatial,,1,0\nspatial,,3,0\n"
    lines += "mlp_spatial,1,1,0\nmlp_spatial,1,2,0\nmlp_spatial,0,2,1\n"
    own = mask(lines, "plan.csv")
    same = mask({"spatial": "1010", "mlp_spatial": ["1111", "1001"]})
    assert own.plan(FACTS).digest() == same.plan(FACTS).digest()
    assert own.identity(2) == same.identity(2)


def test_the_content_is_the_identity_not_the_place(mask):
    one, copy = mask({"spatial": "1010"}), mask({"spatial": "1010"}, "other.json")
    assert one.identity(2) == copy.identity(2)
    assert one.identity(2) != mask({"spatial": "1011"}).identity(2)
    assert one.identity(2) != mask({"spatial": "1010"}, broadcast_object="ungated").identity(2)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        ({"spatial": "0110"}, "a.json", "spatial: the first call must compute"),
        ({"spatial": "12"}, "a.json", "spatial: must be digits 0 and 1"),
        ({"spatial": "11", "temporal": "110"}, "a.json", "temporal: has 3 calls, others have 2"),
        ({"spatial": [1, 0]}, "a.json", "spatial: must be digits, such as '1010', or a list"),
        ([1], "a.json", "must map groups to digits"),
        ("{", "a.json", "cannot be read"),
        ("", "a.yaml", "must end in .json or .csv"),
        ("call,block\n", "a.csv", "must begin with the header group,block,call,computes"),
        ("group,block,call,computes\nspatial,x,1,0\n", "a.csv", "line 2: must be GROUP,BLOCK,CALL"),
        ("group,block,call,computes\nspatial,,1,0\nspatial,,1,1\n", "a.csv", "line 3: contradicts"),
        ("group,block,call,computes\n", "a.csv", "names no site"),
        (
            "group,block,call,computes\nspatial,,1,0\nspatial,1,1,1\n",
            "a.csv",
            "spatial, block 1: is named beside all blocks of spatial",
        ),
    ],
)  # fmt: skip
def test_what_is_no_plan(mask, content, name, message):
    with pytest.raises(InvalidSettings, match=f"method.file=.*{name}: .*{message}"):
        mask(content, name)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InvalidSettings, match=r"method.file=.*a.json: cannot be read"):
        Mask(tmp_path / "a.json")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(InvalidSettings, match=r"method.file=.*: cannot be read"):
        Mask(tmp_path / "b.csv")
    with pytest.raises(InvalidSettings, match=r"method\.file=null: must name a plan"):
        Mask()


def test_what_does_not_fit_the_model(mask):
    with pytest.raises(InvalidSettings, match="a plan of 2 calls of the transformer, the sampler"):
        mask({"spatial": "10"}).plan(FACTS)
    with pytest.raises(InvalidSettings, match="the model has no group 'cross'"):
        mask({"cross": "1010"}).plan(FACTS)
    with pytest.raises(InvalidSettings, match="spatial has blocks 0 to 1, not 2"):
        mask({"spatial": ["1010"] * 3}).plan(FACTS)
    problems = Problems()
    mask({"spatial": "10"}).check(About("latte", 4, 4, 2, None, True), problems)
    assert "is a plan of 2 calls" in str(problems.found[0])
