from __future__ import annotations

import sys
from pathlib import Path

# Test helpers live beside the tests; importlib mode puts no folder on the path.
sys.path.insert(0, str(Path(__file__).parent))
