"""What a record calls the kind of a failure."""

from __future__ import annotations

OUT_OF_MEMORY = "out_of_memory"
DISK_FULL = "disk_full"
NOT_FINITE = "not_finite"
BLACK_VIDEO = "black_video"
CONSTANT_VIDEO = "constant_video"
WORKER_KILLED = "worker_killed"
TIME_LIMIT = "time_limit"
CANCELLED = "cancelled"
PREEMPTED = "preempted"
NODE_LOST = "node_lost"
OTHER = "other"
