import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;
import org.apache.avro.SchemaCompatibility;

/**
 * What Apache Avro makes of schemas. A line in: {"references": [text], "schema": text, "old": text}; a line out:
 * {"error": text}, or {"text": canonical text, "findings": [[type, location, message]]} of reading old with schema
 * (type THROWN: the check ended with an exception).
 */
public class AvroCheck {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static Schema.Parser parser() {
        Schema.Parser parser = new Schema.Parser(NameValidator.STRICT_VALIDATOR);
        parser.setValidateDefaults(true);
        return parser;
    }

    private static ObjectNode check(JsonNode request) {
        ObjectNode answer = JSON.createObjectNode();
        Schema.Parser parser = parser();
        List<Schema> references = new ArrayList<>();
        for (JsonNode text : request.get("references")) {
            references.add(parser.parse(text.asText()));
        }
        Schema schema = parser.parse(request.get("schema").asText());
        answer.put("text", schema.toString(references, false));
        if (request.has("old")) {
            Schema old = parser().parse(request.get("old").asText());
            ArrayNode findings = answer.putArray("findings");
            try {
                for (SchemaCompatibility.Incompatibility found :
                        SchemaCompatibility.checkReaderWriterCompatibility(schema, old).getResult().getIncompatibilities()) {
                    findings.addArray().add(found.getType().name()).add(found.getLocation()).add(found.getMessage());
                }
            } catch (RuntimeException thrown) {
                findings.removeAll().addArray().add("THROWN").add("").add(thrown.getMessage());
            }
        }
        return answer;
    }

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode answer;
            try {
                answer = check(JSON.readTree(line));
            } catch (RuntimeException refused) {
                answer = JSON.createObjectNode().put("error", String.valueOf(refused.getMessage()));
            }
            out.println(JSON.writeValueAsString(answer));
        }
        out.flush();
    }
}
