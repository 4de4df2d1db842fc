"""confluent-kafka as Debian ships it: producers with acks=all and idempotence, consumers by partition."""
import threading

import time

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from harness import DEADLINE_S, wait_for


def produce(broker, topic, values, **settings):
    failed = []
    producer = Producer({"bootstrap.servers": broker.kafka, **{k.replace("_", "."): v for k, v in settings.items()}})
    for value in values:
        while True:
            try:
                producer.produce(topic, value, on_delivery=lambda error, _: failed.append(error) if error else None)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(DEADLINE_S) == 0
    assert failed == []


def consumer(broker, *partitions, **settings):
    c = Consumer({"bootstrap.servers": broker.kafka, "group.id": "unused", "enable.auto.commit": False,
                  "auto.offset.reset": "error", **{k.replace("_", "."): v for k, v in settings.items()}})
    c.assign(list(partitions))
    return c


def read(c, count):
    messages = []

    def enough():
        for message in c.consume(count - len(messages), 0.5):
            assert message.error() is None, message.error()
            messages.append(message)
        return len(messages) == count

    wait_for(enough, f"{count} messages, got {len(messages)}")
    return messages


@pytest.mark.parametrize("settings", [
    {"acks": "all"},
    {"acks": "1"},
    {"enable_idempotence": True},
    {"enable_idempotence": True, "compression_type": "lz4", "linger_ms": 20},
    {"acks": "all", "linger_ms": 0, "batch_num_messages": 1, "max_in_flight": 1000},
], ids=str)
def test_order_and_completeness(broker, settings):
    values = [b"%d" % i for i in range(5000)]
    produce(broker, "t", values, **settings)
    c = consumer(broker, TopicPartition("t", 0, OFFSET_BEGINNING))
    messages = read(c, len(values))
    assert [m.value() for m in messages] == values
    assert [m.offset() for m in messages] == list(range(len(values)))
    c.close()


def test_acks_0(broker):
    produce(broker, "t", [b"%d" % i for i in range(1000)], acks="0")
    c = consumer(broker, TopicPartition("t", 0, OFFSET_BEGINNING))
    assert [m.value() for m in read(c, 1000)] == [b"%d" % i for i in range(1000)]
    c.close()


def test_consumer_at_the_end_sees_new_records(broker):
    produce(broker, "t", [b"old"])
    c = consumer(broker, TopicPartition("t", 0, OFFSET_END), enable_partition_eof=True)

    def at_end():
        message = c.poll(0.1)
        return message is not None and message.error().code() == KafkaError._PARTITION_EOF

    wait_for(at_end, "the end of the partition")
    produce(broker, "t", [b"new"])
    assert read(c, 1)[0].value() == b"new"
    c.close()


def test_offsets(broker):
    produce(broker, "t", [b"%d" % i for i in range(10)])
    c = consumer(broker)
    assert c.get_watermark_offsets(TopicPartition("t", 0), timeout=DEADLINE_S) == (0, 10)
    assert c.offsets_for_times([TopicPartition("t", 0, 0)], timeout=DEADLINE_S)[0].offset == 0
    c.close()


def test_many_producers_one_topic(broker):
    def run(name):
        produce(broker, "t", [b"%s-%d" % (name, i) for i in range(500)], enable_idempotence=True)

    threads = [threading.Thread(target=run, args=(name,)) for name in (b"a", b"b", b"c", b"d")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    c = consumer(broker, TopicPartition("t", 0, OFFSET_BEGINNING))
    values = [m.value() for m in read(c, 2000)]
    for name in (b"a", b"b", b"c", b"d"):
        assert [v for v in values if v.startswith(name)] == [b"%s-%d" % (name, i) for i in range(500)]
    c.close()


def test_idempotent_producer_goes_on_after_a_kill(broker):
    """The broker dies while a producer sends: afterwards every record is there, once, in order."""
    port = broker.ports["kafka"]
    producer = Producer({"bootstrap.servers": broker.kafka, "enable.idempotence": True, "linger.ms": 1,
                         "retry.backoff.ms": 20, "reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100})
    errors = []
    for i in range(3000):
        producer.produce("t", b"%d" % i, on_delivery=lambda error, _: errors.append(error) if error else None)
        if i == 1000:
            producer.poll(0.05)
            broker.kill()
            broker.args += ["--kafka-port", str(port)]
            broker.start()
    assert producer.flush(DEADLINE_S) == 0
    assert errors == []
    c = consumer(broker, TopicPartition("t", 0, OFFSET_BEGINNING))
    assert [m.value() for m in read(c, 3000)] == [b"%d" % i for i in range(3000)]
    c.close()


def test_transactions_are_refused_clearly(broker):
    producer = Producer({"bootstrap.servers": broker.kafka, "transactional.id": "tx"})
    begin = time.monotonic()
    with pytest.raises(KafkaException, match="no transactions"):
        producer.init_transactions(30)
    assert time.monotonic() - begin < 10  # told, not timed out
