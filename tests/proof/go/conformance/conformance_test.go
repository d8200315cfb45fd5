// Package conformance holds the rules against the cases: go test ./conformance -cases openapi/conformance
package conformance

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"api302.example/proof/rules"
)

var folder = flag.String("cases", "conformance", "the folder of the cases")

type testCase struct {
	Name                 string
	Rule                 json.RawMessage
	Rules                rules.Rules
	Response, Body, Last any
	First                any
	File, Free           bool
	Status               int
	Headers, Put         map[string]string
	Attempt, Retries     int
	Failure              failure
	Chunks, Pages        []any
	End                  string
	Asked                rules.Values
	Expect               any
}

type failure struct {
	Connection string
	Status     int
	Headers    map[string]string
	Body       any
}

// topics say what is made of a case, as JSON or anything that becomes it.
var topics = map[string]func(*testing.T, testCase) any{
	"task": func(t *testing.T, one testCase) any {
		return read[rules.TaskStatus](t, one.Rule).Read(one.Response, one.File)
	},
	"submit": func(t *testing.T, one testCase) any {
		task := read[struct{ Parameters map[string]string }](t, one.Rule)
		return rules.BegunTask(task.Parameters, one.Response)
	},
	"failure": func(_ *testing.T, one testCase) any { return one.Rules.FailureIn(one.Response) },
	"error":   func(_ *testing.T, one testCase) any { return rules.NewAPIError(one.Status, one.Headers, one.Body) },
	"retry": func(_ *testing.T, one testCase) any {
		outcome := rules.Outcome{Connection: one.Failure.Connection}
		if outcome.Connection == "" {
			outcome.Error = rules.NewAPIError(one.Failure.Status, one.Failure.Headers, one.Failure.Body)
		}
		least := rules.RepeatAfter(outcome, one.Free, one.Attempt, one.Retries, 1)
		most := rules.RepeatAfter(outcome, one.Free, one.Attempt, one.Retries, 0)
		return rules.Values{"after": within(one.Expect, least, most)}
	},
	"stream": func(t *testing.T, one testCase) any {
		var pieces [][]byte
		for _, piece := range one.Chunks {
			pieces = append(pieces, pieceOf(t, piece))
		}
		return read[rules.Stream](t, one.Rule).Read(pieces, one.End == "broken")
	},
	"upload": func(t *testing.T, one testCase) any {
		return read[rules.Upload](t, one.Rule).Steps(one.First, one.Put, one.Last)
	},
	"pages": func(t *testing.T, one testCase) any {
		cursors := []any{}
		items := read[rules.Pages](t, one.Rule).All(one.Asked, func(cursor rules.Values) any {
			cursors = append(cursors, cursor)
			return one.Pages[len(cursors)-1]
		})
		return rules.Values{"cursors": cursors, "items": items}
	},
}

func TestConformance(t *testing.T) {
	count := 0
	for topic, found := range topics {
		for _, one := range load(t, topic) {
			count++
			t.Run(topic+": "+one.Name, func(t *testing.T) {
				if made := plain(t, found(t, one)); !holds(made, one.Expect) {
					t.Errorf("%v is not %v", made, one.Expect)
				}
			})
		}
	}
	t.Logf("%d cases", count)
}

func load(t *testing.T, topic string) []testCase {
	data, err := os.ReadFile(filepath.Join(*folder, topic+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return read[struct{ Cases []testCase }](t, data).Cases
}

func read[T any](t *testing.T, data []byte) (value T) {
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	return value
}

// plain is a value as JSON has it.
func plain(t *testing.T, value any) any {
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return read[any](t, data)
}

// holds says whether what was made has all that is expected.
func holds(made, expect any) bool {
	object, isObject := expect.(rules.Values)
	found, isFound := made.(rules.Values)
	if !isObject || !isFound {
		return reflect.DeepEqual(made, expect)
	}
	for name, value := range object {
		if !reflect.DeepEqual(found[name], value) {
			return false
		}
	}
	_, mayFail := found["fails"]
	_, isExpected := object["fails"]
	return !mayFail || isExpected
}

// within is the expected range if both numbers lie in it, else the numbers.
func within(expect, least, most any) any {
	wanted := expect.(rules.Values)["after"]
	limits, isRange := wanted.([]any)
	low, isLow := least.(float64)
	high, isHigh := most.(float64)
	if !isRange || !isLow || !isHigh {
		if wanted == nil && least == nil && most == nil {
			return nil
		}
		return []any{least, most}
	}
	for _, seconds := range []float64{low, high} {
		if seconds < limits[0].(float64) || seconds > limits[1].(float64)+1e-9 {
			return []any{least, most}
		}
	}
	return wanted
}

func pieceOf(t *testing.T, piece any) []byte {
	if text, ok := piece.(string); ok {
		return []byte(text)
	}
	data, err := base64.StdEncoding.DecodeString(piece.(rules.Values)["base64"].(string))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
