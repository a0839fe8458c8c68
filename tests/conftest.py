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


def pytest_collection_modifyitems(items):
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("cuda"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA card; this machine has none"))
