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
