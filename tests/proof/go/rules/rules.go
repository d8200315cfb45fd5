// Package rules is what a client does with what the service says: the x- extensions of the description, carried out. Copy it; conformance proves it.
package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jmespath/go-jmespath"
)

// Values is an object of JSON.
type Values = map[string]any

// --- values

var number = regexp.MustCompile(`^[-+]?\d{1,40}(\.\d{1,40})?$`)

// word is a scalar as it is compared: texts without case and outer space; a number equals the text that spells it, a boolean no number.
func word(value any) any {
	switch value := value.(type) {
	case bool:
		return strconv.FormatBool(value)
	case float64:
		return value
	case string:
		text := strings.ToLower(strings.TrimSpace(value))
		if number.MatchString(text) {
			if parsed, err := strconv.ParseFloat(text, 64); err == nil {
				return parsed
			}
		}
		return text
	}
	return nil
}

// Among says whether a value is the same word as one of several.
func Among(value any, words []any) bool {
	said := word(value)
	return said != nil && slices.ContainsFunc(words, func(one any) bool { return word(one) == said })
}

// IsPresent says whether there is something: not null, not false, not empty. 0 is something.
func IsPresent(value any) bool {
	switch value := value.(type) {
	case nil:
		return false
	case bool:
		return value
	case string:
		return value != ""
	case []any:
		return len(value) > 0
	case Values:
		return len(value) > 0
	}
	return true
}

// Path says where a value is: a JMESPath, or one whose text holds JSON, looked into with Then.
type Path struct{ Field, Encoding, Then string }

// UnmarshalJSON reads a path in either form.
func (path *Path) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &path.Field) == nil {
		return nil
	}
	var whole struct{ Field, Encoding, Then string }
	err := json.Unmarshal(data, &whole)
	*path = Path(whole)
	return err
}

// Find is the value at a path, or nil.
func (path Path) Find(data any) any {
	value := Find(path.Field, data)
	if text, ok := value.(string); ok && path.Encoding == "json" {
		if json.Unmarshal([]byte(text), &value) != nil {
			return text
		}
	}
	if path.Then == "" {
		return value
	}
	return Find(path.Then, value)
}

// Find is the value at a JMESPath, or nil.
func Find(path string, data any) any {
	if path == "" {
		return nil
	}
	value, err := jmespath.Search(path, data)
	if err != nil {
		return nil // a function of the path was given another type: the response is not as described
	}
	return value
}

// Test is true when a field is among values or, without values, present.
type Test struct {
	Field  string
	Values []any
	Data   string
	Binary bool
}

func (test Test) holds(data any) bool {
	value := Find(test.Field, data)
	if test.Values != nil {
		return Among(value, test.Values)
	}
	return IsPresent(value)
}

func textOrNil(value any) any {
	if text, ok := value.(string); ok && text != "" {
		return text
	}
	return nil
}

// --- tasks

// TaskStatus is x-task-status.
type TaskStatus struct {
	State                      *Path
	Pending, Succeeded, Failed []any
	Done                       *Test
	Progress                   *struct {
		Field string
		Of    *float64
	}
	Outputs []Path
	Error   struct{ Message, Code string }
}

// Reading is what a response says of a task.
type Reading struct {
	State    string   `json:"state"`
	Outputs  []string `json:"outputs"`
	Message  any      `json:"message"`
	Code     any      `json:"code"`
	Progress any      `json:"progress"`
}

// Read says what a response means for a task.
func (rule TaskStatus) Read(response any, isFile bool) Reading {
	reading := Reading{State: "pending", Outputs: []string{}}
	if isFile && rule.Done != nil && rule.Done.Binary {
		reading.State, reading.Progress = "succeeded", 1.0
		return reading
	}
	outputs := urls(rule.Outputs, response)
	reading.Progress = rule.share(response)
	reading.State = rule.state(response, len(outputs) > 0 && (reading.Progress == nil || reading.Progress == 1.0))
	switch reading.State {
	case "succeeded":
		reading.Outputs, reading.Progress = outputs, 1.0
	case "failed":
		reading.Message, reading.Code = textOrNil(Find(rule.Error.Message, response)), Find(rule.Error.Code, response)
	}
	return reading
}

func (rule TaskStatus) state(response any, hasOutputs bool) string {
	said := rule.word(response)
	if listed := rule.listed(said); listed != "" {
		return listed
	}
	if rule.Done != nil {
		if !rule.Done.Binary && rule.Done.holds(response) {
			return "succeeded"
		}
		return "pending"
	}
	if said != nil && hasOutputs {
		return "succeeded"
	}
	return "pending"
}

func (rule TaskStatus) word(response any) any {
	if rule.State == nil {
		return nil
	}
	return rule.State.Find(response)
}

func (rule TaskStatus) listed(said any) string {
	switch {
	case Among(said, rule.Succeeded):
		return "succeeded"
	case Among(said, rule.Failed):
		return "failed"
	case Among(said, rule.Pending):
		return "pending"
	}
	return ""
}

var isURL = regexp.MustCompile(`(?i)^(https?://|data:)`)

func urls(paths []Path, response any) []string {
	found := []string{}
	for _, path := range paths {
		value := path.Find(response)
		items, isList := value.([]any)
		if !isList {
			items = []any{value}
		}
		for _, item := range items {
			if text, ok := item.(string); ok && isURL.MatchString(text) && !slices.Contains(found, text) {
				found = append(found, text)
			}
		}
	}
	return found
}

func (rule TaskStatus) share(response any) any {
	if rule.Progress == nil {
		return nil
	}
	whole := 1.0
	if rule.Progress.Of != nil {
		whole = *rule.Progress.Of
	}
	switch value := Find(rule.Progress.Field, response).(type) {
	case float64:
		return math.Min(math.Max(value/whole, 0), 1)
	case string:
		if strings.Contains(value, "%") {
			whole = 100
		}
		if parsed, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), "%"), 64); err == nil {
			return math.Min(math.Max(parsed/whole, 0), 1)
		}
	}
	return nil
}

// BegunTask is the parameters of the call that gets a task's status; nil if the response began no task.
func BegunTask(parameters map[string]string, response any) Values {
	found := Values{}
	for name, path := range parameters {
		found[name] = Find(path, response)
		if found[name] == nil || found[name] == "" {
			return nil
		}
	}
	return found
}

// --- failures

// Failure is the code and message of a failure.
type Failure struct {
	Code    any `json:"code"`
	Message any `json:"message"`
}

// Success is x-success.
type Success struct {
	Field, Message, Code string
	Values               []any
}

// Rules are the extensions that tell a failure.
type Rules struct {
	Success *Success    `json:"x-success"`
	Status  *TaskStatus `json:"x-task-status"`
}

var (
	messages = strings.Fields("message_en message msg readableMessage error_message description detail details message_cn message_jp status_msg")
	codes    = strings.Fields("err_code error_code code status_code")
)

// FailureIn is the failure that a response of status 200 reports, or nil.
func (rules Rules) FailureIn(response any) *Failure {
	object, isObject := response.(Values)
	if isObject && rules.Status != nil && rules.Status.listed(rules.Status.word(object)) != "" {
		return nil
	}
	if isObject && rules.Success != nil {
		value := Find(rules.Success.Field, object)
		if value != nil && !Among(value, rules.Success.Values) {
			failure := Failure{Code: value}
			if rules.Success.Code != "" {
				failure.Code = Find(rules.Success.Code, object)
			}
			if text, ok := Find(rules.Success.Message, object).(string); ok {
				failure.Message = text
			}
			return &failure
		}
	}
	if list, ok := response.([]any); ok && len(list) == 1 && isBare(list[0]) {
		object, isObject = list[0].(Values)
	}
	if !isObject || !isError(object) {
		return nil
	}
	failure := Explain(response)
	return &failure
}

func isError(data Values) bool {
	switch value := data["error"].(type) {
	case Values:
		said := value["err_code"]
		if !IsPresent(said) || said == 0.0 {
			said = value["message"]
		}
		switch said.(type) {
		case Values, []any:
			return false
		}
		return IsPresent(said)
	case string:
		return strings.TrimSpace(value) != "" && isBare(data)
	}
	return false
}

// isBare says whether an object holds nothing but its error.
func isBare(data any) bool {
	object, ok := data.(Values)
	if _, has := object["error"]; !ok || !has {
		return false
	}
	for name, value := range object {
		if name != "error" && IsPresent(value) {
			return false
		}
	}
	return true
}

// Explain is the code and message of any error body, English first.
func Explain(body any) Failure {
	if list, ok := body.([]any); ok && len(list) > 0 {
		body = list[0]
	}
	object, ok := body.(Values)
	if !ok {
		text, _ := body.(string)
		text = strings.Join(strings.Fields(text), " ")
		if strings.HasPrefix(text, "<") {
			text = ""
		}
		return Failure{Message: textOrNil(text)}
	}
	var levels []Values
	for _, level := range []any{object["error"], object["base_resp"], object["output"], object} {
		if level, ok := level.(Values); ok {
			levels = append(levels, level)
		}
	}
	isText := func(value any) bool { return textOrNil(value) != nil }
	failure := Failure{Code: first(levels, codes, isScalar), Message: first(levels, messages, isText)}
	if failure.Code == nil {
		failure.Code = first(levels, []string{"type"}, isText)
	}
	if failure.Message == nil {
		failure.Message = otherMessage(object)
	}
	return failure
}

func isScalar(value any) bool {
	switch value.(type) {
	case string, float64:
		return true
	}
	return false
}

func first(levels []Values, names []string, fits func(any) bool) any {
	for _, level := range levels {
		for _, name := range names {
			if fits(level[name]) {
				return level[name]
			}
		}
	}
	return nil
}

func otherMessage(body Values) any {
	if text, ok := body["error"].(string); ok {
		return text
	}
	if detail, ok := body["detail"].([]any); ok {
		return spaced(detail)
	}
	return nil
}

// spaced is JSON with a space behind each comma and colon.
func spaced(value any) string {
	var parts []string
	switch value := value.(type) {
	case []any:
		for _, one := range value {
			parts = append(parts, spaced(one))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case Values:
		for name, one := range value {
			parts = append(parts, fmt.Sprintf("%q: %s", name, spaced(one)))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ", ") + "}"
	}
	text, _ := json.Marshal(value)
	return string(text)
}

var byCode = map[string]string{
	"authentication": "-10001 -10005 Unauthorized invalid_api_key authentication_error",
	"quota":          "-10004 -10006 -10007 -10012 -10018 InsufficientBalance insufficient_quota",
	"permission":     "-10002 -10013 -10014",
	"not_found":      "-10010",
	"bad_request":    "-10009 -10011 -10015 -10016 -10600 InvalidParameter MissingParameter",
	"too_large":      "-10017",
	"rate_limit":     "RateLimitExceeded rate_limit_exceeded rate_limit_error",
	"server":         "-10003 -1024 -10504 InternalError",
	"no_channel":     "-10008",
}

var byStatus = map[int]string{
	400: "bad_request", 401: "authentication", 402: "quota", 403: "permission", 404: "not_found", 413: "too_large", 422: "bad_request", 429: "rate_limit",
}

// APIError is a response of status 400 or more.
type APIError struct {
	Failure
	Kind       string `json:"kind"`
	Status     int    `json:"status"`
	RetryAfter any    `json:"retry_after"`
}

// NewAPIError says what kind of error a response is.
func NewAPIError(status int, headers map[string]string, body any) APIError {
	failure := Explain(body)
	kind := byStatus[status]
	if kind == "" && status >= 500 {
		kind = "server"
	} else if kind == "" {
		kind = "other"
	}
	for known, listed := range byCode {
		if failure.Code != nil && slices.Contains(strings.Fields(listed), fmt.Sprint(failure.Code)) {
			kind = known
		}
	}
	return APIError{failure, kind, status, retryAfter(headers)}
}

func retryAfter(headers map[string]string) any {
	for _, one := range []struct {
		name string
		unit float64
	}{{"retry-after-ms", 1000}, {"retry-after", 1}} {
		seconds, err := strconv.ParseFloat(headers[one.name], 64)
		if err == nil && seconds >= 0 && !math.IsInf(seconds, 0) && !math.IsNaN(seconds) {
			return seconds / one.unit
		}
	}
	if at, err := time.Parse(time.RFC1123, headers["retry-after"]); err == nil {
		return math.Max(0, time.Until(at).Seconds())
	}
	return nil
}

// --- repeating

// Outcome is why a call failed: Connection is refused, timeout or broken; else Error is the response.
type Outcome struct {
	Connection string
	Error      APIError
}

const longestWait = 60

// RepeatAfter is the seconds before a call that failed is made again; nil if it is not. chance is from 0 to 1.
func RepeatAfter(outcome Outcome, isFree bool, attempt, retries int, chance float64) any {
	if attempt >= retries || !mayRepeat(outcome, isFree) {
		return nil
	}
	asked, ok := outcome.Error.RetryAfter.(float64)
	switch {
	case !ok:
		return math.Min(0.5*math.Pow(2, float64(attempt)), 8) * (1 - 0.25*chance)
	case asked <= longestWait:
		return asked + 0.1*chance
	}
	return nil
}

func mayRepeat(outcome Outcome, isFree bool) bool {
	switch {
	case outcome.Connection != "":
		return outcome.Connection == "refused" || isFree
	case outcome.Error.Kind == "rate_limit" || outcome.Error.Kind == "no_channel":
		return true
	}
	passing := outcome.Error.Kind == "server" || outcome.Error.Status == 408 || outcome.Error.Status == 425
	return isFree && passing
}

// --- streams

// Stream is x-stream.
type Stream struct {
	Done                              Test
	Error, Text, Accumulate, Complete string
}

// Events are what came of a stream: its outcome is whole, cut or error.
type Events struct {
	Outcome string `json:"outcome"`
	Events  []any  `json:"events"`
	Text    string `json:"text"`
}

// Read makes the events of a body, however it is cut into pieces.
func (rule Stream) Read(pieces [][]byte, isBroken bool) Events {
	read := Events{Events: []any{}}
	var rest []byte
	for _, piece := range pieces {
		rest = append(rest, piece...)
		held := len(rest) - len(bytes.TrimSuffix(rest, []byte("\r"))) // its LF may yet come
		blocks := bytes.Split(lines(rest[:len(rest)-held]), []byte("\n\n"))
		rest = append(slices.Clone(blocks[len(blocks)-1]), rest[len(rest)-held:]...)
		if rule.take(&read, blocks[:len(blocks)-1]) {
			return rule.withText(read)
		}
	}
	if rule.take(&read, bytes.Split(lines(rest), []byte("\n\n"))) {
		return rule.withText(read)
	}
	read.Outcome = "cut"
	if !isBroken && len(read.Events) > 0 && rule.isComplete(read.Events) {
		read.Outcome = "whole"
	}
	return rule.withText(read)
}

func lines(data []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\r"), []byte("\n"))
}

// take adds the events of some blocks, and says whether one of them ends the stream.
func (rule Stream) take(read *Events, blocks [][]byte) bool {
	for _, block := range blocks {
		name, data := eventOf(strings.TrimPrefix(string(block), "\ufeff"))
		if data == "[DONE]" || data != "" && data == rule.Done.Data {
			read.Outcome = "whole"
			return true
		}
		var value any
		if data == "" || json.Unmarshal([]byte(data), &value) != nil || isScalar(value) || value == nil {
			continue
		}
		if name == "error" || rule.isError(value) {
			read.Outcome = "error"
			return true
		}
		read.Events = append(read.Events, value)
		if rule.Done.Field != "" && rule.Done.holds(value) {
			read.Outcome = "whole"
			return true
		}
	}
	return false
}

func eventOf(block string) (name, data string) {
	var found []string
	bare := ""
	for _, line := range strings.Split(block, "\n") {
		if value, ok := strings.CutPrefix(line, "data:"); ok {
			found = append(found, strings.TrimPrefix(value, " "))
		} else if value, ok := strings.CutPrefix(line, "event:"); ok {
			name = strings.TrimSpace(value)
		} else if strings.HasPrefix(line, "{") && bare == "" {
			bare = line
		}
	}
	if data = strings.TrimSpace(strings.Join(found, "\n")); data == "" {
		data = bare
	}
	return name, data
}

func (rule Stream) isError(value any) bool {
	object, ok := value.(Values)
	return ok && (IsPresent(object["error"]) || object["type"] == "error" || IsPresent(Find(rule.Error, value)))
}

// isComplete says whether events without their end make a whole response: every choice that began has its finish_reason.
func (rule Stream) isComplete(events []any) bool {
	if rule.Accumulate != "openai_chat" || rule.Complete == "" {
		return false
	}
	choices := map[any]any{}
	for _, event := range events {
		listed, _ := Find("choices", event).([]any)
		for _, choice := range listed {
			choice, _ := choice.(Values)
			if choice["finish_reason"] != nil || choices[choice["index"]] == nil {
				choices[choice["index"]] = Values{"finish_reason": choice["finish_reason"]}
			}
		}
	}
	all := []any{}
	for _, choice := range choices {
		all = append(all, choice)
	}
	return Find(rule.Complete, Values{"choices": all}) == true
}

func (rule Stream) withText(read Events) Events {
	for _, event := range read.Events {
		if text, ok := Find(rule.Text, event).(string); ok {
			read.Text += text
		}
	}
	return read
}

// --- uploads and pages

// Upload is x-upload.
type Upload struct {
	Address, Finish, Put, Etag, File string
	Parameters                       map[string]string
}

// Steps says how an upload goes on, from what its steps give. The PUT never sees the API key.
func (rule Upload) Steps(first any, put map[string]string, last any) Values {
	made := Values{}
	if rule.Finish == "" {
		return rule.addressed(made, "first", first)
	}
	begun := BegunTask(rule.Parameters, first)
	url, _ := Find(rule.Put, first).(string)
	if begun == nil || rule.Put != "" && !strings.HasPrefix(url, "https://") && !strings.HasPrefix(url, "http://") {
		return Values{"fails": "first"}
	}
	if rule.Put != "" {
		made["put"], made["key_at_put"] = url, false
	}
	if rule.Etag != "" {
		if put["etag"] == "" {
			made["fails"] = "put"
			return made
		}
		begun[rule.Etag] = put["etag"]
	}
	if rule.File != "" {
		begun[rule.File] = true
	}
	made["finish"] = begun
	return rule.addressed(made, "last", last, first)
}

func (rule Upload) addressed(made Values, step string, responses ...any) Values {
	for _, response := range responses {
		if address, ok := Find(rule.Address, response).(string); ok {
			made["address"] = address
			return made
		}
	}
	made["fails"] = step
	return made
}

// Pages is x-pages.
type Pages struct {
	Items, Parameter, Counts, Size, More string
	First, Step                          *float64
	Next                                 map[string]string
}

// All asks get for page after page, each with the parameters of its place, and returns the items of each page.
func (rule Pages) All(asked Values, get func(cursor Values) any) [][]any {
	pages := [][]any{}
	var before []any
	for cursor := rule.start(asked); cursor != nil; {
		response := get(cursor)
		items, _ := Find(rule.Items, response).([]any)
		if rule.Parameter != "" && len(items) == 0 || before != nil && reflect.DeepEqual(items, before) {
			break
		}
		before = items
		pages = append(pages, items)
		cursor = rule.following(asked, cursor, response, len(items))
	}
	return pages
}

func (rule Pages) start(asked Values) Values {
	if rule.Parameter == "" {
		return Values{}
	}
	if value, ok := asked[rule.Parameter]; ok {
		return Values{rule.Parameter: value}
	}
	if rule.First != nil {
		return Values{rule.Parameter: *rule.First}
	}
	return Values{rule.Parameter: 1.0}
}

func (rule Pages) following(asked, cursor Values, response any, count int) Values {
	if rule.More != "" {
		switch Find(rule.More, response) {
		case false, 0.0, "false":
			return nil
		}
	}
	next := Values{}
	for name, value := range cursor {
		next[name] = value
	}
	goesOn := rule.Parameter != ""
	for name, path := range rule.Next {
		if value := Find(path, response); value != nil && value != "" {
			next[name], goesOn = value, true
		}
	}
	if rule.Parameter != "" {
		at, _ := cursor[rule.Parameter].(float64)
		next[rule.Parameter] = at + rule.step(asked, count)
	}
	if !goesOn {
		return nil
	}
	return next
}

func (rule Pages) step(asked Values, count int) float64 {
	if rule.Counts != "items" {
		return 1
	}
	if size, ok := asked[rule.Size].(float64); ok && size > 0 {
		return size
	}
	if rule.Step != nil {
		return *rule.Step
	}
	return float64(count)
}
