"""Unmodified clients of other makers against the whole stack (make interop)."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
CACHE = pathlib.Path(os.environ.get("WEIR_TEST_CACHE", ROOT / "build/cache")).resolve()
PROGRAMS = ROOT / "tests/interop"
BUILD = pathlib.Path(os.environ.get("WEIR_BIN", ROOT / "build/dev/cli/weir")).resolve().parents[1]

pytestmark = pytest.mark.interop


def run_client(*command, env=None, stdin=None):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=180, input=stdin,
                          env={**os.environ, **(env or {})})
    assert done.returncode == 0 and done.stdout.rstrip().endswith("ok"), \
        f"{command}\n--- stdout\n{done.stdout[-3000:]}\n--- stderr\n{done.stderr[-6000:]}"


@pytest.fixture(params=(PROGRAMS / "java/versions").read_text().split())
def java_version(request):
    return request.param


def java(version, source, *args):
    run_client("java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", f"{CACHE}/java-{version}/lib/*",
               PROGRAMS / "java" / source, *args)


def test_python_confluent_kafka(weir):
    run_client(CACHE / "venv/bin/python", PROGRAMS / "python/confluent_roundtrip.py", weir.kafka, weir.registry)


def test_python_confluent_registry(make_weir):
    stack = make_weir("--roles", "broker,registry")
    run_client(CACHE / "venv/bin/python", PROGRAMS / "python/confluent_registry.py", stack.registry)


def test_python_kafka_python(weir):
    run_client(CACHE / "venv/bin/python", PROGRAMS / "python/kafka_python_roundtrip.py", weir.kafka)


def test_node_kafkajs(weir):
    run_client("node", PROGRAMS / "node/roundtrip.js", weir.kafka, weir.registry,
               env={"NODE_PATH": str(CACHE / "node/node_modules"), "KAFKAJS_NO_PARTITIONER_WARNING": "1"})


def test_java_clients(weir, java_version):
    java(java_version, "Roundtrip.java", weir.kafka)


def test_java_kafka_streams_word_count(weir, tmp_path, java_version):
    subprocess.run(["kcat", "-b", weir.kafka, "-t", "streams-plaintext-input", "-P"], check=True, text=True,
                   input="all streams lead to kafka\nhello kafka streams\njoin kafka streams\n")
    java(java_version, "WordCount.java", weir.kafka, tmp_path / "state")


def test_java_kafka_streams_describes_topologies_as_ours(java_version):
    """Names, numbers, stores, sub-topologies and their order, for each operator of the library."""
    ours = subprocess.run([BUILD / "tests/support/topology_dump"], capture_output=True, text=True, check=True).stdout
    theirs = subprocess.run(
        ["java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", f"{CACHE}/java-{java_version}/lib/*",
         PROGRAMS / "java/Topologies.java"], capture_output=True, text=True, check=True, timeout=180).stdout
    assert ours.count("== ") > 10
    assert ours == theirs
