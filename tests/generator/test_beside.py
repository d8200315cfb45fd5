"""Work beside other work: its result, its error, and a process that dies."""

from __future__ import annotations

import os
import sys
import threading
from typing import Any

import pytest

from generator.beside import beside


def test_the_result_comes_from_another_process_where_one_can_be_forked() -> None:
    def count_and_begin() -> tuple[int, Any]:
        return threading.active_count(), beside(lambda: (os.getpid(), {"many": ["things"]}))

    (count, wait), after = count_and_begin(), threading.active_count()
    while after != count:  # a thread of another test has just ended
        (count, wait), after = count_and_begin(), threading.active_count()
    pid, found = wait()
    assert found == {"many": ["things"]}
    assert (pid != os.getpid()) is (sys.platform == "linux" and count == 1)


def test_an_error_is_raised_where_it_is_waited_for() -> None:
    def fail() -> None:
        raise ValueError("acme.yaml:3: wrong")

    with pytest.raises(ValueError, match=r"acme\.yaml:3: wrong"):
        beside(fail)()


def test_what_a_killed_process_left_undone_is_done() -> None:
    here = os.getpid()

    def work() -> str:
        if os.getpid() != here:
            os._exit(9)
        return "done"

    assert beside(work)() == "done"


def test_beside_threads_nothing_is_forked() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert beside(os.getpid)() == os.getpid()
    finally:
        stop.set()
        thread.join()
