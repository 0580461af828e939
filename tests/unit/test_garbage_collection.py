"""The garbage collector is paused while any of several bodies runs, and goes on if it went before."""

import gc
import threading

from onbox.garbage_collection import paused_collection


class TestCollection:
    def test_the_end_of_one_request_does_not_end_the_pause_of_another(self) -> None:
        assert gc.isenabled()
        entered, leave = threading.Event(), threading.Event()

        def other() -> None:
            with paused_collection():
                entered.set()
                leave.wait(60)

        thread = threading.Thread(target=other)
        with paused_collection():
            thread.start()
            assert entered.wait(60)
        assert not gc.isenabled()
        leave.set()
        thread.join()
        assert gc.isenabled()

    def test_a_collection_that_was_off_stays_off(self) -> None:
        gc.disable()
        try:
            with paused_collection(), paused_collection():
                pass
            assert not gc.isenabled()
        finally:
            gc.enable()
