package sample;

import api302.ApiClient;
import api302.model.AbstractOpenApiSchema;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Prints the name of each generated method that carries out a call, and the unions among its parameters, one method a line. */
public final class Methods {
    public static void main(String[] arguments) throws Exception {
        Path classes = Path.of(ApiClient.class.getProtectionDomain().getCodeSource().getLocation().toURI()).resolve("api302/api");
        List<String> files;
        try (Stream<Path> each = Files.list(classes)) {
            files = each.map(file -> file.getFileName().toString()).filter(name -> name.endsWith("Api.class")).sorted().toList();
        }
        for (String file : files) {
            for (Method method : Class.forName("api302.api." + file.replace(".class", "")).getMethods()) {
                // Each call has a second method, which also gives the status and the headers.
                if (method.getDeclaringClass() != Object.class && !method.getName().matches(".*WithHttpInfo|[gs]etApiClient")) {
                    Stream<Class<?>> unions = Stream.of(method.getParameterTypes()).filter(AbstractOpenApiSchema.class::isAssignableFrom);
                    System.out.println(method.getName() + unions.map(type -> " " + type.getSimpleName()).collect(Collectors.joining()));
                }
            }
        }
    }

    private Methods() {}
}
