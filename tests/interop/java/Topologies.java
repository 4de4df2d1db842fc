// Prints the descriptions of the topologies that tests/support/topology_dump.c builds, as Kafka Streams names them.
import java.time.Duration;
import java.util.*;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.*;

public class Topologies {
    static StreamsBuilder b;

    static void print(String name) {
        System.out.println("== " + name);
        System.out.print(b.build().describe());
        b = new StreamsBuilder();
    }

    static KStream<String, String> stream(String topic) {
        return b.stream(topic);
    }

    static KStream<String, String> byValue(KStream<String, String> s) {
        return s.selectKey((k, v) -> v);
    }

    static TimeWindows minutes() {
        return TimeWindows.ofSizeWithNoGrace(Duration.ofMinutes(1));
    }

    public static void main(String[] args) {
        b = new StreamsBuilder();
        stream("in").filter((k, v) -> true).filterNot((k, v) -> false).map(KeyValue::new).mapValues(v -> v)
            .flatMapValues(v -> List.of(v)).peek((k, v) -> { }).to("out");
        print("stateless");

        KStream<String, String> many = stream("in");
        many.to("z");
        many.peek((k, v) -> { }).to("y");
        many.filter((k, v) -> true).mapValues(v -> v).to("x");
        many.mapValues(v -> v).to("w");
        many.to("v");
        print("fan-out");

        KStream<String, String> source = stream("in");
        KStream<String, String> left = source.filter((k, v) -> true);
        KStream<String, String> right = source.mapValues(v -> v).peek((k, v) -> { });
        left.merge(right).merge(stream("other")).to("out");
        print("merge");

        stream("in").groupByKey().count().toStream().to("out");
        stream("in").groupByKey().count(Materialized.as("named")).toStream().to("out2");
        print("one topic twice");

        stream("in").groupByKey().count(Materialized.with(Serdes.String(), Serdes.Long())).toStream().to("out");
        print("count, store not named");

        stream("in").groupByKey().windowedBy(minutes()).reduce((x, y) -> y).toStream().map((k, v) -> KeyValue.pair(k.key(), v))
            .to("out");
        stream("in2").groupByKey().reduce((x, y) -> y, Materialized.as("last"));
        stream("in3").groupByKey().windowedBy(minutes()).aggregate(() -> "", (k, v, a) -> a).toStream();
        stream("in4").groupByKey().aggregate(() -> "", (k, v, a) -> a, Materialized.with(Serdes.String(), Serdes.String()));
        stream("in5").groupByKey().windowedBy(minutes()).count(Materialized.with(Serdes.String(), Serdes.Long()));
        stream("in6").groupByKey().windowedBy(minutes()).count(Materialized.as("minutes"));
        print("aggregations");

        byValue(stream("in")).groupByKey().count().toStream().to("out");
        stream("in2").groupBy((k, v) -> v).windowedBy(minutes()).count().toStream((k, v) -> k.key()).to("out2");
        stream("in3").groupBy((k, v) -> v, Grouped.as("by-value")).reduce((x, y) -> y);
        byValue(stream("in4")).groupByKey(Grouped.as("again")).aggregate(() -> "", (k, v, a) -> a, Materialized.as("all"));
        stream("in5").map(KeyValue::new).filter((k, v) -> true).groupByKey().count(Materialized.as("last-store"));
        print("repartition");

        KGroupedStream<String, String> grouped = stream("in").groupBy((k, v) -> v, Grouped.as("shared"));
        grouped.count().toStream().to("counts");
        grouped.reduce((x, y) -> y).toStream().to("last");
        print("two aggregations of a named group");

        KGroupedStream<String, String> unnamed = stream("in").groupBy((k, v) -> v);
        unnamed.count().toStream().to("counts");
        unnamed.reduce((x, y) -> y).toStream().to("last");
        print("two aggregations of a group");

        stream("in").leftJoin(b.<String, String>table("t"), (x, y) -> x).to("out");
        print("left join");

        KTable<String, String> table = b.table("t", Materialized.<String, String, KeyValueStore<org.apache.kafka.common.utils.Bytes, byte[]>>as("table"));
        stream("a").join(table, (x, y) -> x).to("out");
        byValue(stream("b")).leftJoin(table, (x, y) -> x).to("out");
        print("joins");

        KTable<String, String> looked = b.table("t");
        KStream<String, String> rekeyed = byValue(stream("in"));
        rekeyed.join(looked, (x, y) -> x).to("out");
        rekeyed.leftJoin(b.<String, String>table("u"), (x, y) -> x).to("out2");
        print("two joins of one rekeyed stream");

        KStream<String, String> keyed = byValue(stream("in"));
        keyed.join(b.<String, String>table("t"), (x, y) -> x).to("out");
        keyed.groupByKey().count().toStream().to("out2");
        print("a join and a count of one rekeyed stream");

        b.<String, String>table("t").toStream().to("out");
        b.<String, String>table("u", Materialized.<String, String, KeyValueStore<org.apache.kafka.common.utils.Bytes, byte[]>>as("u-store")).toStream();
        print("tables");

        KStream<String, String> joined = byValue(stream("in")).leftJoin(b.<String, String>table("t"), (x, y) -> x);
        byValue(joined).groupByKey().count().toStream().to("out");
        print("a chain of repartitions");

        b.<String, String>stream(List.of("b", "a"), Consumed.as("both")).filter((k, v) -> true).to("out", Produced.as("end"));
        b.<String, String>stream(List.of("purchases", "returns", "travel_flags", "alerts")).mapValues(v -> v)
            .leftJoin(b.<String, String>table("t", Consumed.as("flags")), (x, y) -> x).to("out2");
        print("names of sources and sinks");

        KStream<String, String> s = stream("in");
        stream("first").groupBy((k, v) -> v).count().toStream().mapValues(v -> "" + v).merge(s).to("out");
        print("numbers of sub-topologies");

        KStream<String, String> root = stream("in");
        for (int i = 0; i < 8; i++) {
            KStream<String, String> branch = root;
            for (int k = 0; k <= i * 7 % 5; k++) {
                branch = k % 2 == 0 ? branch.mapValues(v -> v) : branch.peek((key, v) -> { });
            }
            branch.to("out" + i);
            if (i % 3 == 0) branch.merge(root.filter((k, v) -> true)).to("more" + i);
        }
        print("a wide one");
    }
}
