"""How long onbox itself waited for a processor, beside a neighbour that never lets go of it."""

import os
import subprocess
import sys
import threading
import time

from onbox.speed.telemetry import wait_for_processor_s

SECONDS = 0.4


def test_a_thread_that_shares_its_processor_with_a_busy_program_waits_for_a_share_of_its_time() -> None:
    shares: list[float] = []

    def work() -> None:
        # Of this thread alone: zero is who asks.
        os.sched_setaffinity(0, {processor})
        before_s = wait_for_processor_s()
        began = time.monotonic()
        while time.monotonic() < began + SECONDS:
            pass
        took_s, after_s = time.monotonic() - began, wait_for_processor_s()
        assert before_s is not None
        assert after_s is not None
        shares.append((after_s - before_s) / took_s)

    processor = min(os.sched_getaffinity(0))
    neighbour = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        os.sched_setaffinity(neighbour.pid, {processor})
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        neighbour.kill()
        neighbour.wait()
    assert 0.1 < shares[0] < 1


def test_a_thread_that_sleeps_waits_for_none() -> None:
    before_s = wait_for_processor_s()
    time.sleep(SECONDS)
    after_s = wait_for_processor_s()
    assert before_s is not None
    assert after_s is not None
    assert after_s - before_s < SECONDS / 2
