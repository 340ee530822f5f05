"""Send one task through the queue and wait for its result: `celery-sample --run python -m sample_app`."""

import sys
import time

from sample_app.tasks import add


def main():
    """Print what came back, or why nothing did."""
    start = time.monotonic()
    sent = add.delay(20, 22)
    try:
        result = sent.get(timeout=60)
    except Exception as exc:
        sys.exit(f"Task {sent.id} (20 + 22) brought no result within 60 s: {exc!r}. Is a worker running?")
    print(f"20 + 22 = {result}, computed by a worker in {time.monotonic() - start:.2f} s (task {sent.id})")


if __name__ == "__main__":
    main()
