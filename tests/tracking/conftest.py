from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
# Made-up timings are beside the tests of the analysis, which are no package.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "analysis"))
