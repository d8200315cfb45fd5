// Package examples holds the generated types against every JSON example of the document:
//
//	go test ./examples -document openapi-3.0.json
package examples

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"api302.example/proof/api302"
)

var document = flag.String("document", "openapi-3.0.json", "the document that the types were made from, as JSON")

type operation struct {
	ID          string `json:"operationId"`
	RequestBody body
	Responses   map[string]body
}

type body struct {
	Content map[string]struct {
		Examples map[string]struct{ Value json.RawMessage }
	}
}

// TestOperations finds a method for each operation; an example that goes through a Go value comes out as it was.
func TestOperations(t *testing.T) {
	text, err := os.ReadFile(*document)
	if err != nil {
		t.Fatal(err)
	}
	var parsed struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	methods := map[string]reflect.Type{} // by the operation's name in lower case, without underscores
	for method := range reflect.TypeFor[*api302.ClientWithResponses]().Methods() {
		if name, ok := strings.CutSuffix(strings.ToLower(method.Name), "withresponse"); ok {
			methods[name] = method.Type
		}
	}
	operations, examples := 0, 0
	for _, item := range parsed.Paths {
		for key, value := range item {
			var operation operation
			if json.Unmarshal(value, &operation) != nil || operation.ID == "" {
				continue // parameters and the like
			}
			operations++
			name := strings.ReplaceAll(operation.ID, "_", "")
			typed, upload := methods[name], methods[name+"withbody"]
			if typed == nil && upload == nil {
				t.Errorf("%s %s has no method", key, operation.ID)
				continue
			}
			if typed != nil {
				request := typed.In(typed.NumIn() - 2) // before the editors
				for name, example := range operation.RequestBody.Content["application/json"].Examples {
					examples++
					roundTrip(t, operation.ID+" request "+name, example.Value, request)
				}
			} else {
				typed = upload
			}
			for code, response := range operation.Responses {
				for name, example := range response.Content["application/json"].Examples {
					field, ok := typed.Out(0).Elem().FieldByName("JSON" + code)
					if !ok {
						t.Errorf("%s has no type for its %s", operation.ID, code)
						continue
					}
					examples++
					roundTrip(t, fmt.Sprintf("%s %s %s", operation.ID, code, name), example.Value, field.Type)
				}
			}
		}
	}
	fmt.Printf("%d operations, %d examples\n", operations, examples)
}

func roundTrip(t *testing.T, where string, example json.RawMessage, kind reflect.Type) {
	value := reflect.New(kind).Interface()
	if err := json.Unmarshal(example, value); err != nil {
		t.Errorf("%s does not fit %s: %v", where, kind, err)
		return
	}
	again, err := json.Marshal(value)
	if err != nil {
		t.Errorf("%s: %v", where, err)
		return
	}
	var before, after any
	if json.Unmarshal(example, &before) != nil || json.Unmarshal(again, &after) != nil {
		t.Errorf("%s is not JSON", where)
	} else if before, after := withoutNull(before), withoutNull(after); !reflect.DeepEqual(before, after) {
		t.Errorf("%s has changed on the way through %s:\n%s\n%s", where, kind, example, again)
	}
}

// withoutNull drops fields that are null: to Go an absent field and null are one.
func withoutNull(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if inner == nil {
				delete(value, key)
			} else {
				value[key] = withoutNull(inner)
			}
		}
	case []any:
		for i, inner := range value {
			value[i] = withoutNull(inner)
		}
	}
	return value
}
