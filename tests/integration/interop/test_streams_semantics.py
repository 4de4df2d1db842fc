"""The same random records through the same topologies, on Kafka Streams' test driver and on ours: every output, every
changelog record, every timestamp and the number of dropped records must be equal."""
import os
import random
import subprocess

import pytest

from test_clients import BUILD, CACHE, PROGRAMS, java_version  # noqa: F401 (a fixture)

pytestmark = pytest.mark.interop

WINDOWS = [(10, 10, 0), (10, 5, 5), (7, 3, 2), (60, 60, 100), (60000, 60000, 0), (5, 5, 1)]  # size, advance, grace
CHANGELOG = "app-KSTREAM-{}-STATE-STORE-000000000{}-changelog"
REPARTITION = "app-KSTREAM-AGGREGATE-STATE-STORE-0000000002-repartition"
TOPOLOGIES = {
    "windowed-count": [CHANGELOG.format("AGGREGATE", 1)], "windowed-reduce": [CHANGELOG.format("REDUCE", 1)],
    "windowed-aggregate": [CHANGELOG.format("AGGREGATE", 1)], "count": [CHANGELOG.format("AGGREGATE", 1)],
    "reduce": [CHANGELOG.format("REDUCE", 1)], "aggregate": [CHANGELOG.format("AGGREGATE", 1)],
    "join": ["app-t-STATE-STORE-0000000001-changelog"], "left-join": ["app-t-STATE-STORE-0000000001-changelog"],
    "table": ["app-kept-changelog"], "rekey": [CHANGELOG.format("AGGREGATE", 2), REPARTITION],
    "rekey-window": [CHANGELOG.format("AGGREGATE", 2), REPARTITION], "stateless": [],
    "extractor": [CHANGELOG.format("AGGREGATE", 1)]}


def record(rng, name, timestamp):
    topic = "t" if name in ("join", "left-join", "table", "stateless") and rng.random() < 0.5 else "in"
    values = ["p", "~", "-5"] + 3 * [str(timestamp)] if name == "extractor" else ["x", "y", "zz", "d", "e", "~"]
    return f"record {topic} {rng.choice('aaabbbc~')} {rng.choice(values)} {timestamp}"


def script(rng, count):
    """Time goes on by a little or by windows, and three of ten records are late."""
    for name, topics in TOPOLOGIES.items():
        for size, advance, grace in WINDOWS if "window" in name or name == "extractor" else WINDOWS[:1]:
            yield " ".join(map(str, ["topology", name, size, advance, grace, "out", *topics]))
            now = rng.choice([0, 1, 60000, 1700000000000])
            for _ in range(count):
                now += rng.choice([0, rng.randrange(max(2, size // 3)), rng.randrange(max(2, size // 3)),
                                   size * rng.choice([0, 0, 0, 1, 3])])
                late = rng.randrange(2 * size + grace + 1) if rng.random() < 0.3 else 0
                yield record(rng, name, max(0, now - late))
            yield "end"


def run(*command, stdin):
    done = subprocess.run([str(c) for c in command], input=stdin, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout.splitlines()


def test_both_drivers_do_the_same(java_version, tmp_path):  # noqa: F811
    seed = int(os.environ.get("WEIR_TEST_SEED", random.randrange(1 << 32)))
    print(f"WEIR_TEST_SEED={seed}")
    stdin = "\n".join(script(random.Random(seed), 40)) + "\n"
    ours = run(BUILD / "tests/support/topology_run", stdin=stdin)
    theirs = run("java", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-cp", f"{CACHE}/java-{java_version}/lib/*",
                 PROGRAMS / "java/Semantics.java", tmp_path, stdin=stdin)
    assert len(ours) > 3000
    for i, (mine, their) in enumerate(zip(ours, theirs)):
        assert mine == their, "\n".join(["ours:", *ours[max(0, i - 20):i + 3], "theirs:", *theirs[i:i + 3]])
    assert len(ours) == len(theirs)
