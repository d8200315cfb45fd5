# In a union, null is a branch of its own, of type string, which ogen takes for a second text.
walk(
  if type == "object" and (.anyOf | type) == "array" then
    (.anyOf | map(select((type == "object" and .enum == [null]) | not))) as $rest
    | if ($rest | length) == (.anyOf | length) then . else (.anyOf = $rest | .nullable = true) end
  else . end
)
