"""Two registry processes on one topic, written to at once: an id that was answered is that schema's for good."""
import concurrent.futures
import json
import subprocess

import pytest
import requests

from harness import wait_for

pytestmark = pytest.mark.tsan

TYPE = {"Content-Type": "application/vnd.schemaregistry.v1+json"}
THREADS = 4
ROUNDS = 25


def text(name):
    return '{"type":"record","name":"%s","fields":[{"name":"a","type":"int"}]}' % name


def ready(weir):
    wait_for(lambda: requests.get(weir.registry + "/status/ready", timeout=60).status_code == 200, "registry ready")
    return weir


def register(url, subject, schema):
    answer = requests.post(f"{url}/subjects/{subject}/versions", data=json.dumps({"schema": schema}), headers=TYPE,
                           timeout=120)
    assert answer.status_code in (200, 503), answer.text
    return (schema, answer.json()["id"]) if answer.status_code == 200 else None


def write_from_both(urls, subject_of):
    """What each answered: (schema, id). Every thread registers schemas that no other does."""
    def work(thread):
        url = urls[thread % 2]
        return [register(url, subject_of(thread, i), text(f"T{thread}_{i}")) for i in range(ROUNDS)]
    with concurrent.futures.ThreadPoolExecutor(2 * THREADS) as pool:
        answers = [a for done in pool.map(work, range(2 * THREADS)) for a in done]
    return [a for a in answers if a is not None]


def check(urls, answers):
    ids = [i for _, i in answers]
    assert len(set(ids)) == len(ids), "one id was given to two schemas"
    for url in urls:
        def all_there(url=url):
            for schema, i in answers:
                got = requests.get(f"{url}/schemas/ids/{i}", timeout=60).json()
                assert got == {"schema": schema}, (url, i, got)
            return True
        wait_for(all_there, "every registry knows every id")


def compacted(broker):
    """The last value of every key: what a compacted topic is sure to keep, in order."""
    out = subprocess.run(["kcat", "-b", broker.kafka, "-C", "-t", "_schemas", "-e", "-q", "-o", "beginning", "-Z",
                          "-f", "%k\t%s\n"], check=True, capture_output=True, text=True, timeout=60).stdout
    last = {}
    for line in out.splitlines():
        key, value = line.split("\t")
        last.pop(key, None)
        last[key] = value
    return last


def hold(make_weir, broker, subject_of):
    options = ("--roles", "registry", "--bootstrap-servers", broker.kafka)
    both = [ready(make_weir(*options)), ready(make_weir(*options))]
    urls = [weir.registry for weir in both]
    requests.put(urls[0] + "/config", data='{"compatibility":"NONE"}', headers=TYPE, timeout=60).raise_for_status()
    answers = write_from_both(urls, subject_of)
    assert len(answers) > THREADS * ROUNDS  # most get through
    check(urls, answers)
    kept = [json.loads(value) for key, value in compacted(broker).items() if '"SCHEMA"' in key and value != "NULL"]
    assert sorted((v["schema"], v["id"]) for v in kept) == sorted(answers)
    versions = [requests.get(f"{url}/schemas", timeout=60).json() for url in urls]
    assert versions[0] == versions[1]
    later = ready(make_weir(*options))  # reads it all from the topic
    check([later.registry], answers)
    assert requests.get(f"{later.registry}/schemas", timeout=60).json() == versions[0]
    metrics = [requests.get(f"http://127.0.0.1:{weir.ports['admin']}/metrics", timeout=60).text for weir in both]
    collisions = sum(int(line.split()[1]) for m in metrics for line in m.splitlines()
                     if line.startswith("weir_registry_write_collisions_total"))
    assert collisions > 0, "the two never met: the test shows nothing"


def test_different_subjects(make_weir, broker):
    hold(make_weir, broker, lambda thread, i: f"s{thread}-{i}")


def test_one_subject(make_weir, broker):
    hold(make_weir, broker, lambda thread, i: "s")


def test_shared_subjects(make_weir, broker):
    """Id and version are lost to different records: a version may be free whose id is taken."""
    hold(make_weir, broker, lambda thread, i: f"s{i}")


@pytest.mark.cluster
def test_on_apache_kafka(make_weir, apache_kafka):
    hold(make_weir, apache_kafka, lambda thread, i: f"s{i}")


def key_of(subject, version):
    return '{"keytype":"SCHEMA","subject":"%s","version":%d,"magic":1}' % (subject, version)


def value_of(subject, version, schema_id, schema, deleted=False):
    return json.dumps({"subject": subject, "version": version, "id": schema_id, "schema": schema, "deleted": deleted})


def put(broker, key, value, settles=None):
    """As another registry would write it; value None: a tombstone."""
    mark = ["-H", f"weir.settles={settles}"] if settles is not None else []
    subprocess.run(["kcat", "-b", broker.kafka, "-P", "-t", "_schemas", "-p", "0", "-Z", "-K", "\t", *mark],
                   input=f"{key}\t{value or ''}\n", text=True, check=True, timeout=60)


def end(broker):
    out = subprocess.run(["kcat", "-b", broker.kafka, "-Q", "-t", "_schemas:0:-1"], check=True, capture_output=True,
                         text=True, timeout=60).stdout
    return int(out.split()[-1])


def schemas(weir):
    return requests.get(f"{weir.registry}/schemas?deleted=true", timeout=60).json()


@pytest.fixture
def alone(make_weir, broker):
    """One registry, with A as id 1 and version 1 of subject s."""
    weir = ready(make_weir("--roles", "registry", "--bootstrap-servers", broker.kafka))
    requests.put(weir.registry + "/config", data='{"compatibility":"NONE"}', headers=TYPE, timeout=60)
    assert register(weir.registry, "s", text("A")) == (text("A"), 1)
    return weir


def settled(broker, expected):
    """What compaction would keep under the keys of versions is what the registry says."""
    def same():
        kept = {key: json.loads(value) for key, value in compacted(broker).items()
                if '"SCHEMA"' in key and value != "NULL"}
        assert {key: (v["id"], v["schema"]) for key, v in kept.items()} == expected
        return True
    wait_for(same, "what a dead registry left is put right")


def test_the_record_of_a_loser_that_died_is_put_right_by_who_writes_next(make_weir, broker, alone):
    put(broker, key_of("s", 1), value_of("s", 1, 2, text("B")))  # the version is A's
    put(broker, key_of("t", 1), value_of("t", 1, 1, text("C")))  # the id is A's
    assert register(alone.registry, "u", text("D")) == (text("D"), 2)
    right = {key_of("s", 1): (1, text("A")), key_of("u", 1): (2, text("D"))}
    alone.stop()
    later = ready(make_weir("--roles", "registry", "--bootstrap-servers", broker.kafka))
    assert register(later.registry, "u", text("E")) == (text("E"), 3)
    settled(broker, right | {key_of("u", 2): (3, text("E"))})
    assert [(v["subject"], v["version"], v["id"]) for v in schemas(later)] == [("s", 1, 1), ("u", 1, 2), ("u", 2, 3)]


@pytest.mark.parametrize("late", [None, value_of("s", 2, 2, text("B"), deleted=True)],
                         ids=["tombstone", "version"])
def test_a_settling_record_that_comes_too_late_takes_nothing_back(make_weir, broker, alone, late):
    put(broker, key_of("s", 2), value_of("s", 2, 1, text("LOST")))  # the version is free, the id is A's
    lost = end(broker) - 1
    assert register(alone.registry, "s", text("B")) == (text("B"), 2)
    put(broker, key_of("s", 2), late, settles=lost)
    assert register(alone.registry, "u", text("C")) == (text("C"), 3)
    answer = schemas(alone)
    assert [(v["subject"], v["version"], v["id"]) for v in answer] == [("s", 1, 1), ("s", 2, 2), ("u", 1, 3)]
    later = ready(make_weir("--roles", "registry", "--bootstrap-servers", broker.kafka))
    assert schemas(later) == answer
    assert register(later.registry, "u", text("D")) == (text("D"), 4)  # a start looks for what is unsettled
    settled(broker, {key_of("s", 1): (1, text("A")), key_of("s", 2): (2, text("B")), key_of("u", 1): (3, text("C")),
                     key_of("u", 2): (4, text("D"))})


def test_who_reads_what_compaction_left_takes_the_settling_record(make_weir, broker, alone):
    """The log as it would be if only the loser's record and the one that settles it were left."""
    put(broker, key_of("v", 1), value_of("v", 1, 7, text("LOSER")))
    put(broker, key_of("v", 1), value_of("v", 1, 5, text("FIRST")), settles=end(broker) - 1)
    put(broker, key_of("w", 1), value_of("w", 1, 6, text("ALONE")), settles=0)
    put(broker, key_of("x", 1), value_of("x", 1, 8, text("GONE")))
    put(broker, key_of("x", 1), None, settles=end(broker) - 1)
    wait_for(lambda: [(v["subject"], v["id"]) for v in schemas(alone)] == [("s", 1), ("v", 5), ("w", 6)], "all is read")
    assert requests.get(f"{alone.registry}/schemas/ids/7", timeout=60).status_code == 404
