"""Our encoding of every message in every version, read and written again by Apache Kafka's own classes."""
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
CACHE = pathlib.Path(os.environ.get("WEIR_TEST_CACHE", ROOT / "build/cache"))
BUILD = pathlib.Path(os.environ.get("WEIR_BIN", ROOT / "build/dev/cli/weir")).resolve().parents[1]
VERSION = os.environ.get("KAFKA_VERSION", "3.9.1")  # as in tests/support/apache-kafka


@pytest.mark.interop
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_message_is_what_kafka_writes(seed):
    dump = subprocess.run([BUILD / "tests/support/message_dump", str(seed)], capture_output=True, text=True, check=True)
    check = subprocess.run(["java", "-cp", f"{CACHE}/apache-kafka-{VERSION}/lib/*", ROOT / "tests/interop/java/MessageCheck.java"],
                           input=dump.stdout, capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stdout[-4000:] + check.stderr[-2000:]
