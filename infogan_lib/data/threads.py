"""How many CPU threads torch takes: set for the calling thread and for those begun later, and put back."""

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
    try:
        yield
    finally:
        torch.set_num_threads(before)
