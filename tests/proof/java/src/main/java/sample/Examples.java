package sample;

import api302.ApiClient;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.util.ArrayList;
import java.util.List;

/** Reads each example of a file with the generated class that is named beside it, and prints what the class writes of it. */
public final class Examples {
    public static void main(String[] arguments) throws Exception {
        ObjectMapper mapper = new ApiClient().getJSON().getMapper();
        List<Object> written = new ArrayList<>();
        for (JsonNode example : mapper.readTree(new File(arguments[0]))) {
            written.add(mapper.treeToValue(example.get("value"), Class.forName("api302.model." + example.get("type").textValue())));
        }
        System.out.println(mapper.writeValueAsString(written));
    }

    private Examples() {}
}
