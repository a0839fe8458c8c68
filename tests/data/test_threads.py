"""One torch thread for a while, for the thread that asks and for no other."""

import threading

import pytest
import torch

from infogan_lib.data.threads import one_thread


@pytest.fixture(autouse=True)
def two():
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)  # as conftest has it


def counts(function=torch.get_num_threads):
    """What `function` returns in a thread begun now."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def test_it_is_one_here_and_the_old_number_afterwards():
    with pytest.raises(ZeroDivisionError), one_thread():
        assert torch.get_num_threads() == 1
        torch.randn(64, 64) @ torch.randn(64, 64)
        assert torch.get_num_threads() == 1
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2


def test_a_thread_begun_meanwhile_takes_the_old_number_and_so_does_one_begun_later():
    with one_thread():
        assert counts() == 2
    assert counts() == 2


def test_threads_that_overlap_leave_no_trace():
    """The first ends while the second has one thread: neither takes the other's 1 for the old number."""
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with one_thread():
            entered.set()
            leave.wait(10)
        return torch.get_num_threads()

    with one_thread():
        found = []
        second = threading.Thread(target=lambda: found.append(hold()))
        second.start()
        entered.wait(10)
    leave.set()
    second.join()
    assert found == [2] and torch.get_num_threads() == 2 and counts() == 2
