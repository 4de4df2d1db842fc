"""The purchase count on a real cluster, with kill -9 between steps: what Kafka Streams does with the same records."""
import shutil

import pytest

from harness import wait_for
from app import App
from fraud_records import CHANGELOG, COUNT_ALERTS, COUNT_ROWS, NO_TS, Fraud
from produce_gate import ProduceGate


@pytest.fixture(params=[pytest.param("apache", marks=pytest.mark.cluster), "weir"])
def fraud(request, make_weir, tmp_path):
    if request.param == "apache":
        kafka = request.getfixturevalue("apache_kafka").kafka
        registry = make_weir("--roles", "registry", "--bootstrap-servers", kafka).registry
    else:
        weir = make_weir("--roles", "broker,registry")
        kafka, registry = weir.kafka, weir.registry
    f = Fraud(kafka, registry)
    f.app = App(tmp_path, "fraud-count", kafka, registry)
    yield f
    if f.app.process is not None and f.app.process.poll() is None:
        f.app.kill()


def wait_counts(fraud, count):
    wait_for(lambda: len(fraud.counts()) >= count, f"{count} changelog records\n{fraud.app.output()}")


def wait_committed(fraud, offset):
    wait_for(lambda: fraud.committed() >= offset, f"offset {offset} committed\n{fraud.app.output()}")


def test_counts_like_the_original(fraud):
    fraud.app.start()
    fraud.send(*COUNT_ROWS)
    wait_committed(fraud, len(COUNT_ROWS))
    assert fraud.alerts() == COUNT_ALERTS
    counts = fraud.counts()
    assert len(counts) == 28
    assert counts[0] == ("A", 60000, 1, 60000)
    assert ("A", 180000, 4, 185000) in counts
    assert fraud.read(CHANGELOG)[0][0] == bytes.fromhex("41000000000000ea6000000000")
    fraud.app.stop()


def test_counts_like_the_original_when_killed_after_each_commit(fraud):
    """A late first record would be taken after a restart: the rows are cut where the next is on time."""
    done = 0
    for end in (2, 6, 13, len(COUNT_ROWS)):
        fraud.app.start()
        fraud.send(*COUNT_ROWS[done:end])
        wait_committed(fraud, end)
        fraud.app.kill()
        done = end
    assert fraud.alerts() == COUNT_ALERTS
    assert len(fraud.counts()) == 28


def test_a_clean_restart_goes_on_counting(fraud):
    fraud.app.start()
    fraud.send(("A", 60000), ("A", 60001))
    wait_committed(fraud, 2)
    fraud.app.stop()
    fraud.app.start()
    fraud.send(("A", 119999))
    wait_committed(fraud, 3)
    assert fraud.alerts() == [("A", 60000, 119999)]
    fraud.app.stop()
    fraud.app.start()
    fraud.send(("A", 119998))
    wait_counts(fraud, 4)
    assert fraud.counts()[-1] == ("A", 60000, 4, 119999)
    fraud.app.stop()
    assert fraud.alerts() == [("A", 60000, 119999)]


@pytest.mark.parametrize("kept", [True, False])
def test_a_late_first_record(fraud, kept):
    fraud.app.start()
    fraud.send(("A", 60000), ("A", 60001), ("B", 120000))
    wait_committed(fraud, 3)
    fraud.app.stop()
    if not kept:
        shutil.rmtree(fraud.app.state)
    fraud.app.start()
    fraud.send(("A", 61000))
    wait_counts(fraud, 4)
    fraud.app.stop()
    assert fraud.counts()[-1][2] == (3 if kept else 1)
    assert len(fraud.alerts()) == (1 if kept else 0)


@pytest.mark.parametrize("kept", [True, False])
def test_the_first_record_sets_the_time(fraud, kept):
    fraud.app.start()
    fraud.send(("A", 60000), ("A", 60001), ("B", 120000))
    wait_committed(fraud, 3)
    fraud.app.stop()
    if not kept:
        shutil.rmtree(fraud.app.state)
    fraud.app.start()
    fraud.send(("B", 120005), ("A", 61000))
    wait_committed(fraud, 5)
    fraud.app.stop()
    assert len(fraud.counts()) == 4
    assert fraud.alerts() == []


def count_two_then_process_a_third(fraud, arguments):
    """Leaves the third record processed and its offset not committed."""
    fraud.app.start()
    fraud.send(("A", 60000), ("A", 60001))
    wait_committed(fraud, 2)
    fraud.app.stop()
    fraud.app.start("commit.interval.ms=3600000", *arguments)
    fraud.send(("A", 60002))


def replay(fraud):
    assert fraud.committed() == 2
    fraud.app.start()
    wait_committed(fraud, 3)
    fraud.app.stop()


def test_killed_after_count_and_alert_were_written(fraud):
    count_two_then_process_a_third(fraud, [])
    wait_for(lambda: len(fraud.alerts()) == 1 and len(fraud.read("alerts-avro")) == 1, "the alert")
    wait_counts(fraud, 3)
    fraud.app.kill()
    replay(fraud)
    assert [c[2] for c in fraud.counts()] == [1, 2, 3, 4]
    assert len(fraud.alerts()) == 1


@pytest.fixture
def gate(fraud):
    g = ProduceGate(fraud.bootstrap)
    yield g
    g.close()


def test_killed_after_the_count_but_not_the_alert_was_written(fraud, gate):
    gate.hold("alerts-json", "alerts-avro")
    count_two_then_process_a_third(fraud, [f"bootstrap.servers={gate.kafka}"])
    wait_for(lambda: all(gate.held.values()), f"both alerts held back\n{fraud.app.output()}")
    wait_counts(fraud, 3)
    fraud.app.kill()
    assert fraud.alerts() == []
    replay(fraud)
    assert [c[2] for c in fraud.counts()] == [1, 2, 3, 4]
    assert fraud.alerts() == [] and fraud.read("alerts-avro") == []


def test_killed_after_the_alert_but_not_the_count_was_written(fraud, gate):
    gate.hold(CHANGELOG)
    count_two_then_process_a_third(fraud, [f"bootstrap.servers={gate.kafka}"])
    wait_for(lambda: gate.held[CHANGELOG] and len(fraud.alerts()) == 1, f"the count held back\n{fraud.app.output()}")
    fraud.app.kill()
    assert [c[2] for c in fraud.counts()] == [1, 2]
    replay(fraud)
    assert [c[2] for c in fraud.counts()] == [1, 2, 3]
    assert fraud.alerts() == 2 * [("A", 60000, 60002)]


def test_no_offset_is_committed_before_the_alert_was_written(fraud, gate):
    gate.hold("alerts-json")
    fraud.app.start("commit.interval.ms=100", "producer.request.timeout.ms=500",
                    "producer.socket.timeout.ms=1000", f"bootstrap.servers={gate.kafka}")
    fraud.send(("A", 60000), ("A", 60001))
    wait_committed(fraud, 2)
    fraud.send(("A", 60002))
    wait_for(lambda: gate.held["alerts-json"] >= 2, f"the alert sent again\n{fraud.app.output()}")
    assert len(fraud.counts()) == 3 and fraud.committed() == 2
    gate.hold()
    wait_committed(fraud, 3)
    assert fraud.alerts() == [("A", 60000, 60002)]
    assert [c[2] for c in fraud.counts()] == [1, 2, 3]
    fraud.app.stop()


def test_the_partition_time_survives(fraud):
    fraud.app.start()
    fraud.send(("A", 185000))
    wait_committed(fraud, 1)
    fraud.app.kill()
    fraud.app.start()
    fraud.send(("B", NO_TS))
    wait_counts(fraud, 2)
    fraud.app.stop()
    assert fraud.counts()[-1] == ("B", 180000, 1, 185000)
