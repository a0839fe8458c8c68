import pytest
import tiny
import torch


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Small tensors gain nothing from threads, and lose much when the machine is busy."""
    torch.set_num_threads(1)


@pytest.fixture
def bars():
    return tiny.images()
