import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.util.HexFormat;
import org.apache.kafka.common.protocol.ByteBufferAccessor;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.ObjectSerializationCache;

/**
 * Reads "schema version hex" lines (tests/support/message_dump.c), decodes each with the class that
 * Apache Kafka generates for that message, encodes it again and compares the bytes. Versions that
 * this release of Kafka does not have are counted, not checked.
 */
public final class MessageCheck {
    private static Class<?> find(String schema) throws ClassNotFoundException {
        StringBuilder name = new StringBuilder();
        for (String word : schema.split("_")) {
            name.append(Character.toUpperCase(word.charAt(0))).append(word.substring(1));
        }
        String[] candidates = {
            "org.apache.kafka.common.message." + name + "Data",
            "org.apache.kafka.common.message." + name,
            "org.apache.kafka.coordinator.group.generated." + name,
            "org.apache.kafka.coordinator.group." + name,
            "kafka.internals.generated." + name,
        };
        for (String candidate : candidates) {
            try {
                return Class.forName(candidate);
            } catch (ClassNotFoundException next) {
                continue;
            }
        }
        throw new ClassNotFoundException(schema);
    }

    private static String check(String schema, short version, byte[] bytes) throws Exception {
        Message message = (Message) find(schema).getDeclaredConstructor().newInstance();
        if (version < message.lowestSupportedVersion() || version > message.highestSupportedVersion()) {
            return "skip";
        }
        ByteBufferAccessor in = new ByteBufferAccessor(ByteBuffer.wrap(bytes));
        message.read(in, version);
        if (in.remaining() != 0) {
            return in.remaining() + " bytes left";
        }
        ObjectSerializationCache cache = new ObjectSerializationCache();
        int size = message.size(cache, version);
        ByteBuffer out = ByteBuffer.allocate(size);
        message.write(new ByteBufferAccessor(out), cache, version);
        return java.util.Arrays.equals(out.array(), bytes)
            ? "ok" : "differs: " + HexFormat.of().formatHex(out.array());
    }

    public static void main(String[] args) throws Exception {
        int good = 0;
        int skipped = 0;
        int bad = 0;
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] words = line.split(" ", -1);
            String result;
            try {
                result = check(words[0], Short.parseShort(words[1]), HexFormat.of().parseHex(words[2]));
            } catch (Exception e) {
                result = e.toString();
            }
            if (result.equals("ok")) {
                good++;
            } else if (result.equals("skip")) {
                skipped++;
            } else {
                bad++;
                System.out.println(words[0] + " v" + words[1] + ": " + result + "\n  ours:  " + words[2]);
            }
        }
        System.out.println(good + " equal, " + skipped + " not in this Kafka, " + bad + " different");
        System.exit(bad == 0 && good > 0 ? 0 : 1);
    }
}
