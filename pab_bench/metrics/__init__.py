"""How far a video is from its baseline: one file per metric, one place for means.

Importing this package imports neither torch nor a metric library; a metric imports its own when
it measures.
"""

from pab_bench.metrics.aggregate import VideoValues as VideoValues
from pab_bench.metrics.aggregate import mean_in_batches as mean_in_batches
from pab_bench.metrics.aggregate import mean_of_frames as mean_of_frames
from pab_bench.metrics.aggregate import mean_of_videos as mean_of_videos
from pab_bench.metrics.aggregate import measure_video as measure_video
from pab_bench.metrics.base import About as About
from pab_bench.metrics.base import InvalidVideo as InvalidVideo
from pab_bench.metrics.base import Metric as Metric
from pab_bench.metrics.base import SetMetric as SetMetric
from pab_bench.metrics.lpips import Lpips as Lpips
from pab_bench.metrics.lpips import LpipsNonspatial as LpipsNonspatial
from pab_bench.metrics.mean import Mean as Mean
from pab_bench.metrics.measure import Clip as Clip
from pab_bench.metrics.measure import Measured as Measured
from pab_bench.metrics.measure import measure_set as measure_set
from pab_bench.metrics.psnr import MeanSquaredError as MeanSquaredError
from pab_bench.metrics.psnr import Psnr as Psnr
from pab_bench.metrics.registry import METRICS as METRICS
from pab_bench.metrics.registry import MetricSettings as MetricSettings
from pab_bench.metrics.registry import get_metric as get_metric
from pab_bench.metrics.registry import get_metrics as get_metrics
from pab_bench.metrics.ssim import Ssim as Ssim
from pab_bench.metrics.temporal_flickering import TemporalFlickering as TemporalFlickering
