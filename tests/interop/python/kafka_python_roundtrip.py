"""kafka-python: infers the broker's release from its version ranges, then produces and consumes in a group."""
import sys

from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic


def main():
    servers = sys.argv[1]
    admin = KafkaAdminClient(bootstrap_servers=servers)
    admin.create_topics([NewTopic("kpy", 2, 1)])
    for codec in (None, "gzip"):
        producer = KafkaProducer(bootstrap_servers=servers, acks="all", compression_type=codec)
        futures = [producer.send("kpy", key=b"k%d" % i, value=b"v%d" % i) for i in range(300)]
        offsets = [f.get(30) for f in futures]
        assert all(o.offset >= 0 for o in offsets)
        producer.close()
    consumer = KafkaConsumer("kpy", bootstrap_servers=servers, group_id="kpy-group", auto_offset_reset="earliest",
                             consumer_timeout_ms=30000)
    got = []
    for message in consumer:
        got.append(message)
        if len(got) == 600:
            break
    assert len(got) == 600, len(got)
    consumer.commit()
    ends = consumer.end_offsets(list(consumer.assignment()))
    assert sum(ends.values()) == 600, ends
    consumer.close()
    assert ("kpy-group", "consumer") in admin.list_consumer_groups()
    described = admin.describe_consumer_groups(["kpy-group"])
    assert described[0].group == "kpy-group"
    admin.close()
    print("ok")


main()
