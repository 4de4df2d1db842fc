// Runs topologies on records with Kafka Streams' own test driver; tests/support/topology_run.c runs the same on ours, and
// what the two print must be equal. Input lines: "topology NAME SIZE ADVANCE GRACE TOPIC...", then "record TOPIC KEY VALUE
// TIMESTAMP" ("~" is null), then "end". Output: what each record added to each TOPIC, in hexadecimal, then the dropped ones.
import java.io.*;
import java.time.*;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.processor.TimestampExtractor;
import org.apache.kafka.streams.state.*;
import org.apache.kafka.streams.test.TestRecord;

public class Semantics {
    static StreamsBuilder b;
    static TimeWindows windows;
    static long size;
    static String stateDirectory;

    static String concat(String a, String v) {
        if ("d".equals(v)) return null;
        String both = a + (v == null ? "-" : v);
        return both.length() > 12 ? both.substring(6) : both;
    }

    static Produced<Windowed<String>, String> windowedText() {
        return Produced.with(new WindowedSerdes.TimeWindowedSerde<>(Serdes.String(), size), Serdes.String());
    }

    static Produced<Windowed<String>, Long> windowedCount() {
        return Produced.with(new WindowedSerdes.TimeWindowedSerde<>(Serdes.String(), size), Serdes.Long());
    }

    static Produced<String, Long> count() {
        return Produced.with(Serdes.String(), Serdes.Long());
    }

    static KStream<String, String> in() {
        return b.stream("in");
    }

    static final TimestampExtractor BY_VALUE = (record, partitionTime) -> {
        String v = (String) record.value();
        return v == null || v.equals("p") ? partitionTime : Long.parseLong(v);
    };

    static void build(String name) {
        switch (name) {
        case "windowed-count":
            in().groupByKey().windowedBy(windows).count().toStream().to("out", windowedCount());
            break;
        case "windowed-reduce":
            in().groupByKey().windowedBy(windows).reduce(Semantics::concat).toStream().to("out", windowedText());
            break;
        case "windowed-aggregate":
            in().groupByKey().windowedBy(windows).aggregate(() -> "", (k, v, a) -> concat(a, v)).toStream()
                .to("out", windowedText());
            break;
        case "count":
            in().groupByKey().count().toStream().to("out", count());
            break;
        case "reduce":
            in().groupByKey().reduce(Semantics::concat).toStream().to("out");
            break;
        case "aggregate":
            in().groupByKey().aggregate(() -> "", (k, v, a) -> concat(a, v)).toStream().to("out");
            break;
        case "join":
            in().join(b.<String, String>table("t"), (l, r) -> l + "/" + r).to("out");
            break;
        case "left-join":
            in().leftJoin(b.<String, String>table("t"), (l, r) -> l + "/" + r).to("out");
            break;
        case "table":
            b.<String, String>table("t", Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("kept")).toStream()
                .to("out");
            b.<String, String>stream("in").to("out");
            break;
        case "rekey":
            in().selectKey((k, v) -> v).groupByKey().count().toStream().to("out", count());
            break;
        case "rekey-window":
            in().map((k, v) -> KeyValue.pair(v, k)).groupByKey().windowedBy(windows).count().toStream()
                .to("out", windowedCount());
            break;
        case "stateless":
            in().filter((k, v) -> !"c".equals(k)).filterNot((k, v) -> "e".equals(v))
                .flatMapValues(v -> v == null ? List.of("n") : v.chars().mapToObj(c -> "" + (char) c).collect(Collectors.toList()))
                .map((k, v) -> KeyValue.pair(v, k)).merge(b.stream("t")).to("out");
            break;
        case "extractor":
            b.<String, String>stream("in", Consumed.<String, String>with(BY_VALUE)).groupByKey().windowedBy(windows).count()
                .toStream().to("out", windowedCount());
            break;
        default:
            throw new IllegalArgumentException(name);
        }
    }

    static byte[] bytes(String text) {
        return text.equals("~") ? null : text.getBytes();
    }

    static String hex(byte[] data) {
        return data == null ? "~" : HexFormat.of().formatHex(data);
    }

    static void run(String[] head, BufferedReader lines) throws IOException {
        size = Long.parseLong(head[2]);
        windows = TimeWindows.ofSizeAndGrace(Duration.ofMillis(size), Duration.ofMillis(Long.parseLong(head[4])))
            .advanceBy(Duration.ofMillis(Long.parseLong(head[3])));
        b = new StreamsBuilder();
        build(head[1]);
        Properties props = new Properties();
        props.put("application.id", "app");
        props.put("bootstrap.servers", "none:1");
        props.put("state.dir", stateDirectory);
        props.put("statestore.cache.max.bytes", "0");
        props.put("default.key.serde", Serdes.StringSerde.class.getName());
        props.put("default.value.serde", Serdes.StringSerde.class.getName());
        try (TopologyTestDriver driver = new TopologyTestDriver(b.build(), props, Instant.ofEpochMilli(0))) {
            Map<String, TestInputTopic<byte[], byte[]>> inputs = new HashMap<>();
            List<TestOutputTopic<byte[], byte[]>> outputs = new ArrayList<>();
            for (int i = 5; i < head.length; i++)
                outputs.add(driver.createOutputTopic(head[i], new ByteArrayDeserializer(), new ByteArrayDeserializer()));
            for (String line = lines.readLine(); !line.equals("end"); line = lines.readLine()) {
                String[] r = line.split(" ");
                inputs.computeIfAbsent(r[1], t -> driver.createInputTopic(t, new ByteArraySerializer(), new ByteArraySerializer()))
                    .pipeInput(new TestRecord<>(bytes(r[2]), bytes(r[3]), Instant.ofEpochMilli(Long.parseLong(r[4]))));
                System.out.println(line);
                for (int i = 0; i < outputs.size(); i++)
                    for (TestRecord<byte[], byte[]> out : outputs.get(i).readRecordsToList())
                        System.out.println("  " + head[5 + i] + " " + hex(out.key()) + " " + hex(out.value()) + " "
                            + out.timestamp());
            }
            double dropped = driver.metrics().entrySet().stream().filter(m -> m.getKey().name().equals("dropped-records-total"))
                .mapToDouble(m -> (double) m.getValue().metricValue()).sum();
            System.out.println("dropped " + (long) dropped);
        }
    }

    public static void main(String[] args) throws IOException {
        stateDirectory = args[0];
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            System.out.println(line);
            run(line.split(" "), lines);
        }
    }
}
