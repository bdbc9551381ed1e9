"""Names stand for things that are imported when somebody asks for them."""

import gc
import subprocess
import sys

import pytest

from pab_bench.config.checks import task_names
from pab_bench.config.compose import options
from pab_bench.cost.conventions import CONVENTIONS
from pab_bench.errors import ConfigError
from pab_bench.methods.registry import METHODS
from pab_bench.names import CONVENTIONS as CONVENTION_NAMES
from pab_bench.registry import Registry, load
from pab_bench.systems.registry import SYSTEMS
from pab_bench.tasks.registry import TASKS, JobTask


def test_a_name_is_loaded_when_asked_for():
    code = (
        "import sys\n"
        "from pab_bench.registry import Registry\n"
        "numbers = Registry('number', {'pi': 'colorsys:ONE_THIRD'})\n"
        "assert list(numbers) == ['pi'] and numbers['pi'] == 'colorsys:ONE_THIRD'\n"
        "assert 'colorsys' not in sys.modules\n"
        "assert 0.3 < numbers.load('pi') < 0.4\n"
        "assert 'colorsys' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_what_is_there_already_is_not_kept_from_the_collector():
    """Loading a module freezes all that is alive; doing that at every look-up would leak."""
    SYSTEMS.load("latte")
    frozen = gc.get_freeze_count()
    garbage = [[] for _ in range(1000)]
    SYSTEMS.load("latte")
    assert gc.get_freeze_count() == frozen
    assert len(garbage) == 1000


def test_an_unknown_name_is_told_with_the_nearest():
    registry = Registry("metric", {"psnr": "math:pi", "ssim": "math:e"})
    with pytest.raises(ConfigError, match=r"Unknown metric 'psn'\. Did you mean 'psnr'\?.*ssim"):
        registry.load("psn")


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_part_of_a_system_exists(name):
    system = SYSTEMS.load(name)
    assert callable(load(system.sampler))
    for address in (system.architecture, system.blueprint, system.defaults):
        assert address is None or callable(load(address))


def test_every_task_exists_and_has_its_file():
    assert set(task_names()) == set(TASKS)
    for task in TASKS.values():
        for address in (task.run, task.finish if isinstance(task, JobTask) else None):
            assert address is None or callable(load(address))


def test_every_method_has_its_file_and_its_name():
    assert set(options("method")) == set(METHODS)
    for name in METHODS:
        assert METHODS.load(name).name == name


def test_names_of_conventions_are_those_that_there_are():
    assert tuple(CONVENTIONS) == CONVENTION_NAMES
