"""Means with intervals, and differences between methods, from one value per (prompt, seed).

Pure numbers: nothing here reads a file or knows what a metric is.
"""

from analysis.statistics.bootstrap import Interval as Interval
from analysis.statistics.difference import Difference as Difference
from analysis.statistics.difference import compare as compare
from analysis.statistics.samples import Samples as Samples
from analysis.statistics.samples import samples_by_metric as samples_by_metric
from analysis.statistics.summary import Summary as Summary
from analysis.statistics.summary import summarise as summarise
