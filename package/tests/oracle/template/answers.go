// Package template says what Go's own text/template makes of the cases in this folder, with the functions, the options
// and the context that Package Operator gives it.
package template

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"text/template"
	"unicode/utf8"
)

// Case is a set of files of which one is executed.
type Case struct {
	// Context is the name of one of the contexts, "plain" where it is empty.
	Context string      `json:"context,omitempty"`
	Files   [][2]string `json:"files"`
	Execute string      `json:"execute"`
	Output  *string     `json:"output,omitempty"`
	Error   string      `json:"error,omitempty"`
}

// answer executes a case. What is not valid UTF-8 is an error, since no file of objects may contain it.
func answer(c *Case) error {
	set := template.New("pkg").Option("missingkey=error")
	set = set.Funcs(funcs(set, packageFiles))
	for _, file := range c.Files {
		if _, err := set.New(file[0]).Parse(file[1]); err != nil {
			c.Error = err.Error()
			return nil
		}
	}
	dot, err := dot(c.Context)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := set.ExecuteTemplate(&out, c.Execute, dot); err != nil {
		c.Error = err.Error()
		return nil
	}
	if !utf8.Valid(out.Bytes()) {
		c.Error = "ours: the output is not valid UTF-8"
		return nil
	}
	text := out.String()
	c.Output = &text
	return nil
}

// dot is a context as templates see it: it went through JSON, and an empty map of mapsOfStrings is a map of strings. One
// with entries is a map of anything.
func dot(name string) (any, error) {
	encoded, err := json.Marshal(contexts[name])
	if err != nil {
		return nil, err
	}
	through := map[string]any{}
	if err := json.Unmarshal(encoded, &through); err != nil {
		return nil, err
	}
	stringMaps(through)
	return through, nil
}

// stringMaps turns each empty map of mapsOfStrings into a map of strings.
func stringMaps(dot map[string]any) {
	for _, path := range mapsOfStrings {
		at, last := dot, len(path)-1
		for _, key := range path[:last] {
			at, _ = at[key].(map[string]any)
		}
		if at == nil {
			continue
		}
		if entries, _ := at[path[last]].(map[string]any); len(entries) == 0 {
			at[path[last]] = map[string]string{}
		}
	}
}

// Answers is the file of all cases, one a line, each with its output or its error.
func Answers() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	out.WriteString("{\"offered\":\n")
	if err := encoder.Encode(offered()); err != nil {
		return nil, err
	}
	out.WriteString(",\"refused\":\n")
	if err := encoder.Encode(refused()); err != nil {
		return nil, err
	}
	out.WriteString(",\"mapsOfStrings\":\n")
	if err := encoder.Encode(mapsOfStrings); err != nil {
		return nil, err
	}
	out.WriteString(",\"contexts\":{\n")
	for index, name := range slices.Sorted(maps.Keys(contexts)) {
		if index > 0 {
			out.WriteString(",")
		}
		out.WriteString("\"" + name + "\":\n")
		if err := encoder.Encode(contexts[name]); err != nil {
			return nil, err
		}
	}
	out.WriteString("},\"cases\":[\n")
	for index, c := range allCases() {
		if index > 0 {
			out.WriteString(",")
		}
		if err := answer(&c); err != nil {
			return nil, err
		}
		if err := encoder.Encode(c); err != nil {
			return nil, err
		}
	}
	out.WriteString("]}\n")
	return out.Bytes(), nil
}
