"""/metrics on the admin port: what the broker counts."""
import re
import urllib.request

import pytest

from harness import ANY_PORTS, Weir, wait_for
from wire import Wire, batch


@pytest.fixture
def weir(tmp_path):
    weir = Weir(tmp_path / "weir", "--roles", "broker", *ANY_PORTS).start()
    yield weir
    weir.kill()


def scrape(weir):
    with urllib.request.urlopen(f"http://127.0.0.1:{weir.ports['admin']}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    values = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            assert name not in values, f"twice: {name}"
            values[name] = float(value)
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    return values, types


def test_requests_bytes_logs_and_groups_are_counted(weir):
    before, types = scrape(weir)
    assert types["weir_broker_requests_total"] == "counter"
    assert types["weir_broker_connections"] == "gauge"
    assert types["weir_broker_request_seconds"] == "histogram"
    assert before['weir_broker_request_seconds_count{api="produce"}'] == 0
    with Wire(weir.kafka) as client:
        client.create_topic("counted")
        for _ in range(3):
            client.produce("counted", batch([b"x" * 1000]))
        client.fetch("counted", 0)
        client.call(8, 2, b"\0\1g\xff\xff\xff\xff\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0")  # OffsetCommit of nothing

        def counted():
            now, _ = scrape(weir)
            return now if now['weir_broker_request_seconds_count{api="offset_commit"}'] == 1 else None
        after = wait_for(counted, "the last request in /metrics")

    def grown(name):
        return after[name] - before[name]
    assert grown('weir_broker_request_seconds_count{api="produce"}') == 3
    assert grown('weir_broker_request_seconds_bucket{api="produce",le="+Inf"}') == 3
    assert grown('weir_broker_request_seconds_sum{api="produce"}') > 0
    assert grown('weir_broker_request_seconds_count{api="fetch"}') == 1
    assert after["weir_broker_connections"] == 1
    assert grown("weir_broker_connections_accepted_total") == 1
    assert 3000 < grown("weir_broker_received_bytes_total") < 6000
    assert 3000 < grown("weir_broker_sent_bytes_total") < 6000  # the fetched records went by sendfile
    assert grown("weir_broker_appends_total") == 3
    assert grown("weir_broker_append_bytes_total") == grown("weir_broker_log_size_bytes") > 3000
    assert grown("weir_broker_partitions") == 1 + 50  # and __consumer_offsets
    assert 1 <= grown("weir_broker_flush_seconds_count") <= grown("weir_broker_flushes_total")
    assert after["weir_broker_stopped_partitions"] == 0
    assert after["weir_broker_groups"] >= 0
