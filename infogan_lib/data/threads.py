"""How many CPU threads torch takes: one for a while in the calling thread, and as many as before in all others."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread here, and the old number afterwards.

    A few images gain nothing from a second thread, and take ten times as long when another job holds its core.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    # That number is also what threads begun from now on start with. Setting it in another thread leaves this one's 1.
    other = threading.Thread(target=torch.set_num_threads, args=(before,))
    other.start()
    other.join()
    try:
        yield
    finally:
        torch.set_num_threads(before)
