# A union of scalars and lists with `oneOf` in place of `anyOf`, of which the client in Rust makes a struct without fields.
# Not where two branches, or a list of objects that are not described, would have names that Rust cannot read.
def is_scalar: (.type // "object") | . != "object" and . != "array";
def is_described($schemas): has("$ref") and ($schemas[.["$ref"] | split("/") | last] | has("properties"));
def is_plain($schemas):
  type == "object" and (is_scalar or (.type == "array" and (.items | is_scalar or is_described($schemas))));
def are_distinct: map(.type) | length == (unique | length);

.components.schemas as $schemas
| walk(
    if type == "object" and (.anyOf | type) == "array" and (.anyOf | all(is_plain($schemas)) and are_distinct)
    then .oneOf = .anyOf | del(.anyOf)
    else .
    end
  )
