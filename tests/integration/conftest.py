"""The fixtures of every test; what they are made of is in harness.py."""
import pathlib
import shutil
import subprocess
import tempfile

import pytest

from harness import ANY_PORTS, ApacheKafka, Postgres, Weir


@pytest.fixture
def make_weir(tmp_path):
    """make_weir("--roles", "broker") -> a started Weir; stopped (and checked for exit code 0) at the end."""
    made = []

    def make(*args, name=None, start=True, env=None):
        weir = Weir(tmp_path / (name or f"weir{len(made)}"), *ANY_PORTS, *args, env=env)
        made.append(weir)
        return weir.start() if start else weir

    yield make
    for weir in made:
        if weir.process is not None and weir.process.poll() is None:
            weir.stop()
        if "ERROR: AddressSanitizer" in weir.log.read_text(errors="replace") if weir.log.exists() else False:
            pytest.fail(weir.log.read_text(errors="replace")[-8000:])


@pytest.fixture
def weir(make_weir):
    """The whole stack on port 0."""
    return make_weir()


@pytest.fixture
def broker(make_weir):
    """The broker alone, on port 0."""
    return make_weir("--roles", "broker")


@pytest.fixture
def make_postgres():
    """make_postgres() -> a started private server with database and user root."""
    made = []

    def make(*options):
        # Not below tmp_path: every new session of pytest makes its root private again, and socket paths are short.
        directory = pathlib.Path(tempfile.mkdtemp(prefix="weir-pg-"))
        server = Postgres(directory).create(*options)
        server.start()
        made.append(server)
        subprocess.run([str(server.bin / "createdb"), "-h", "127.0.0.1", "-p", str(server.port), "-U", "root", "root"],
                       check=True)
        return server

    yield make
    for server in made:
        try:
            server.stop("immediate")
        except subprocess.CalledProcessError:
            pass
        shutil.rmtree(server.directory, ignore_errors=True)


@pytest.fixture
def postgres(make_postgres):
    return make_postgres()


@pytest.fixture
def apache_kafka(tmp_path, request):
    """A version other than the usual one is a parameter (indirect)."""
    if shutil.which("java") is None or shutil.which("mvn") is None:
        pytest.skip("needs java and mvn: apt-get install default-jre-headless maven")
    server = ApacheKafka(tmp_path / "apache-kafka", getattr(request, "param", None)).start()
    yield server
    server.stop()
