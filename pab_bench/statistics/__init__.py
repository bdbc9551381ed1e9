"""Means with intervals, and differences between methods, from one value per (prompt, seed).

Pure numbers: nothing here reads a file or knows what a metric is.
"""

from pab_bench.statistics.bootstrap import Interval as Interval
from pab_bench.statistics.difference import Difference as Difference
from pab_bench.statistics.difference import compare as compare
from pab_bench.statistics.samples import Samples as Samples
from pab_bench.statistics.samples import samples_by_metric as samples_by_metric
from pab_bench.statistics.summary import Summary as Summary
from pab_bench.statistics.summary import summarise as summarise
