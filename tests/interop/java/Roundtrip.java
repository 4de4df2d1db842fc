// Java kafka-clients: admin, idempotent producer with each codec, group consumer. Prints "ok" at the end.
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.*;

public class Roundtrip {
    public static void main(String[] args) throws Exception {
        Map<String, Object> base = Map.of("bootstrap.servers", args[0]);
        try (Admin admin = Admin.create(base)) {
            admin.createTopics(List.of(new NewTopic("java", 3, (short) 1).configs(Map.of("segment.bytes", "1048576")))).all().get();
            TopicDescription described = admin.describeTopics(List.of("java")).allTopicNames().get().get("java");
            check(described.partitions().size() == 3, "partitions " + described);
            ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, "java");
            String bytes = admin.describeConfigs(List.of(resource)).all().get().get(resource).get("segment.bytes").value();
            check("1048576".equals(bytes), "segment.bytes " + bytes);
            admin.incrementalAlterConfigs(Map.of(resource, List.of(new AlterConfigOp(new ConfigEntry("retention.ms", "7200000"), AlterConfigOp.OpType.SET)))).all().get();
            check("7200000".equals(admin.describeConfigs(List.of(resource)).all().get().get(resource).get("retention.ms").value()), "retention.ms");
            check(admin.describeCluster().clusterId().get() != null, "cluster id");
            admin.createPartitions(Map.of("java", NewPartitions.increaseTo(4))).all().get();
        }
        int total = 0;
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            Map<String, Object> settings = new HashMap<>(base);
            settings.put("compression.type", codec);
            settings.put("acks", "all");
            settings.put("enable.idempotence", true);
            try (Producer<String, String> producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
                List<java.util.concurrent.Future<RecordMetadata>> sent = new ArrayList<>();
                for (int i = 0; i < 500; i++) sent.add(producer.send(new ProducerRecord<>("java", "k" + i, codec + i)));
                for (var future : sent) check(future.get().offset() >= 0, "offset");
                total += 500;
            }
        }
        Map<String, Object> settings = new HashMap<>(base);
        settings.put("group.id", "java-group");
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", false);
        Set<String> values = new HashSet<>();
        try (Consumer<String, String> consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of("java"));
            long end = System.currentTimeMillis() + 40000;
            while (values.size() < total && System.currentTimeMillis() < end)
                for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(200))) values.add(record.value());
            consumer.commitSync();
            check(values.size() == total, values.size() + " of " + total);
            long sum = consumer.endOffsets(consumer.assignment()).values().stream().mapToLong(Long::longValue).sum();
            check(sum == total, "end offsets " + sum);
        }
        try (Admin admin = Admin.create(base)) {
            long committed = admin.listConsumerGroupOffsets("java-group").partitionsToOffsetAndMetadata().get().values().stream().mapToLong(OffsetAndMetadata::offset).sum();
            check(committed == total, "committed " + committed);
            check(admin.describeConsumerGroups(List.of("java-group")).all().get().containsKey("java-group"), "group");
            admin.deleteConsumerGroups(List.of("java-group")).all().get();
            admin.deleteTopics(List.of("java")).all().get();
        }
        System.out.println("ok");
    }

    static void check(boolean condition, String what) {
        if (!condition) throw new AssertionError(what);
    }
}
