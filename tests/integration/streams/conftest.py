"""Applications as programs of their own, and the cluster that they run on."""
import pytest

from app import App


@pytest.fixture
def make_app(tmp_path):
    made = []

    def make(name, kafka, registry=None):
        made.append(App(tmp_path / f"app{len(made)}", name, kafka, registry))
        return made[-1]

    yield make
    for app in made:
        if app.process is not None and app.process.poll() is None:
            app.kill()
        if app.log.exists():
            text = app.log.read_text(errors="replace")
            assert "AddressSanitizer" not in text and "ThreadSanitizer" not in text, text[-8000:]


@pytest.fixture
def cluster(make_weir):
    return make_weir("--roles", "broker,registry")


@pytest.fixture(params=[pytest.param("apache", marks=pytest.mark.cluster), "weir"])
def kafka(request, make_weir):
    """The address of a cluster of either kind."""
    return request.getfixturevalue("apache_kafka").kafka if request.param == "apache" else \
        make_weir("--roles", "broker").kafka
