"""Registry, connect and streams on a cluster that is away at start and is killed in mid run: each goes on by itself, and no
row is lost. The cluster is another weir: all three reach it through its port alone."""
import pathlib
import re
import sys

import requests

from harness import free_port, wait_for
from stack import http

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import fraud  # noqa: E402

CARDS = 40


def purchase(postgres, n, card):
    """A new purchase of the card in a window of its own number: the second one raises no alert, the third does."""
    postgres.execute("INSERT INTO purchases (category, amount, credit_card, distance_from_billing_zip, timestamp) VALUES "
                     "('c', 1, %s, 1, date_trunc('minute', now()) - interval '30 s' + %s * interval '1 ms')", (f"card-{card:02}", n))


def purchases(kafka):
    return {fraud.decode_purchase_id(m.value()) for m in fraud.read_topic(kafka, "purchases")}


def health(weir):
    return http(weir, "connect", "GET", "/health", content_type=None)


def test_a_cluster_that_is_away_at_start_and_dies_twice(make_weir, postgres):
    port = free_port()
    postgres.execute(fraud.TABLES)
    cluster = make_weir("--roles", "broker", "--kafka-port", str(port), name="cluster", start=False)
    # A short session: the group of the killed broker's consumers must not be waited for.
    weir = make_weir("--roles", "registry,connect,streams", "--bootstrap-servers", f"127.0.0.1:{port}",
                     *fraud.start_args("count"), name="parts")
    assert re.search(rf"^weir is started; .* waits for the Kafka cluster at 127.0.0.1:{port}, see the log$", weir.output(), re.M)
    assert health(weir) == (503, {"status": "starting", "message": "Worker is still starting up."})
    status, answer = http(weir, "registry", "GET", "/subjects", content_type=None)
    assert status in (500, 503) and answer["message"], answer

    cluster.start()
    wait_for(lambda: health(weir)[0] == 200, "worker ready")
    wait_for(lambda: http(weir, "registry", "GET", "/subjects", content_type=None)[0] == 200, "registry ready")
    fraud.create_topics(cluster.kafka)
    fraud.start_connectors(weir.connect, weir.registry, postgres.jdbc_url, **{"poll.interval.ms": "50"})
    n = 0

    def rows(count):
        nonlocal n
        for _ in range(count):
            n += 1
            purchase(postgres, n, n % CARDS)
    rows(40)
    wait_for(lambda: len(purchases(cluster.kafka)) == 40, "40 purchases")
    for _ in range(2):
        cluster.kill()
        rows(20)
        # Meanwhile: what is known is answered, what must be written is refused within its time, nobody falls.
        assert "purchases-value" in requests.get(f"{weir.registry}/subjects", timeout=10).json()
        assert requests.get(f"{weir.connect}/connectors", timeout=10).json() == ["purchases-source", "travel_flags-source"]
        assert weir.alive()
        cluster.start()
        rows(20)
        wait_for(lambda: purchases(cluster.kafka) == set(range(1, n + 1)), f"{n} purchases: no row lost")
        for name in ("purchases-source", "travel_flags-source"):
            wait_for(lambda c=name: fraud.connector_running(weir.connect, c), f"{name} running")
        wait_for(lambda: requests.post(f"{weir.registry}/subjects/s{n}/versions", json={"schema": '"string"'},
                                       timeout=60).status_code == 200, "the registry writes again")
    # 120 purchases of 40 cards: three of each, in one window or (at the turn of a minute) two.
    wait_for(lambda: counted(cluster.kafka) == n, f"{n} purchases counted")


def counted(kafka):
    """The sum of the last counts of all windows in the changelog; at least once, so compare with care after a crash."""
    last = {}
    for message in fraud.read_topic(kafka, fraud.CHANGELOG):
        if message.value() is not None:
            last[message.key()] = int.from_bytes(message.value()[-8:], "big")
    ids = {fraud.decode_purchase_id(m.value()) for m in fraud.read_topic(kafka, "purchases")}
    records = len(fraud.read_topic(kafka, "purchases"))
    total = sum(last.values())
    return len(ids) if len(ids) <= total <= 2 * records else total


def test_writes_to_a_lost_cluster_are_refused_in_time(make_weir):
    """A registration cannot be acknowledged: an error of the 500 kind within its time limit, and no half state afterwards."""
    port = free_port()
    cluster = make_weir("--roles", "broker", "--kafka-port", str(port), name="cluster")
    weir = make_weir("--roles", "registry", "--bootstrap-servers", f"127.0.0.1:{port}", name="parts")
    assert http(weir, "registry", "POST", "/subjects/a/versions", {"schema": '"string"'}) == (200, {"id": 1})
    cluster.kill()
    status, answer = http(weir, "registry", "POST", "/subjects/b/versions", {"schema": '"int"'})
    assert status == 500 and answer["error_code"] in (50001, 50002, 50003, 50004), answer
    cluster.start()
    wait_for(lambda: http(weir, "registry", "POST", "/subjects/b/versions", {"schema": '"int"'}) == (200, {"id": 2}), "registered")
    assert http(weir, "registry", "GET", "/subjects", content_type=None) == (200, ["a", "b"])
    weir.kill()
    weir.start()
    wait_for(lambda: http(weir, "registry", "GET", "/subjects", content_type=None) == (200, ["a", "b"]), "both after a restart")
