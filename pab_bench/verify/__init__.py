"""Golden fixtures against our code; the command is `python -m pab_bench.verify DIR`."""

from pab_bench.verify.base import Check as Check
from pab_bench.verify.base import Verifier as Verifier
from pab_bench.verify.base import check as check
from pab_bench.verify.base import failed_check as failed_check
from pab_bench.verify.base import left_out_check as left_out_check
from pab_bench.verify.base import max_absolute_difference as max_absolute_difference
from pab_bench.verify.base import relative_l2 as relative_l2
from pab_bench.verify.base import run_checks as run_checks
from pab_bench.verify.registry import load_verifiers as load_verifiers
