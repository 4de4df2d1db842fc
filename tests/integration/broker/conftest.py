import pytest

from wire import Wire


@pytest.fixture
def broker(make_weir):
    return make_weir("--roles", "broker")


@pytest.fixture
def wire(broker):
    with Wire(broker.kafka) as client:
        yield client
