// Package template says what Go's own text/template makes of the cases in this folder, with the functions and the options
// that Package Operator gives it.
package template

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/gobwas/glob"
	"sigs.k8s.io/yaml"
)

// Case is a set of files of which one is executed.
type Case struct {
	Files   [][2]string `json:"files"`
	Execute string      `json:"execute"`
	Output  *string     `json:"output,omitempty"`
	Error   string      `json:"error,omitempty"`
}

var packageFiles = map[string]string{
	"notes.txt":       "hello\nworld\n",
	"conf/a.json":     `{"a": 1}`,
	"conf/b.json":     `{"b": 2}`,
	"conf/deep/c.txt": "deep",
}

func funcs(set *template.Template) template.FuncMap {
	all := sprig.FuncMap()
	own := template.FuncMap{}
	for _, name := range strings.Fields(sprigNames) {
		own[name] = all[name]
	}
	own["include"] = func(name string, data any) (string, error) {
		var out strings.Builder
		err := set.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	own["required"] = func(message string, value any) (any, error) {
		if text, ok := value.(string); value == nil || (ok && text == "") {
			return nil, errors.New(message)
		}
		return value, nil
	}
	own["b64decMap"] = func(data map[string]any) (map[string]any, error) {
		decoded := map[string]any{}
		for key, value := range data {
			if text, ok := value.(string); ok {
				plain, err := base64.StdEncoding.DecodeString(text)
				if err != nil {
					return nil, err
				}
				decoded[key] = string(plain)
			}
		}
		return decoded, nil
	}
	own["toYAML"] = func(value any) (string, error) {
		out, err := yaml.Marshal(value)
		return string(out), err
	}
	own["toYaml"] = func(value any) (string, error) {
		out, err := yaml.Marshal(value)
		return strings.TrimSuffix(string(out), "\n"), err
	}
	fromYAML := func(text string) (any, error) {
		var value any
		err := yaml.Unmarshal([]byte(text), &value)
		return value, err
	}
	own["fromYAML"], own["fromYaml"] = fromYAML, fromYAML
	own["getFile"] = func(path string) (string, error) {
		content, ok := packageFiles[path]
		if !ok {
			return "", errors.New("file not found")
		}
		return content, nil
	}
	own["getFileGlob"] = func(pattern string) (map[string]string, error) {
		compiled, err := glob.Compile(pattern, '/')
		if err != nil {
			return nil, err
		}
		found := map[string]string{}
		for path, content := range packageFiles {
			if compiled.Match(path) {
				found[path] = content
			}
		}
		return found, nil
	}
	return own
}

// answer executes a case.
func answer(c *Case) {
	fail := func(err error) { c.Error = err.Error() }
	set := template.New("pkg").Option("missingkey=error")
	set = set.Funcs(funcs(set))
	for _, file := range c.Files {
		if _, err := set.New(file[0]).Parse(file[1]); err != nil {
			fail(err)
			return
		}
	}
	var through any
	encoded, err := json.Marshal(context)
	if err == nil {
		err = json.Unmarshal(encoded, &through)
	}
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	if err := set.ExecuteTemplate(&out, c.Execute, through); err != nil {
		fail(err)
		return
	}
	text := out.String()
	c.Output = &text
}

// Answers is the file of all cases, one a line, each with its output or its error.
func Answers() ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	out.WriteString("{\"context\":\n")
	if err := encoder.Encode(context); err != nil {
		return nil, err
	}
	out.WriteString(",\"cases\":[\n")
	for index, c := range allCases() {
		if index > 0 {
			out.WriteString(",")
		}
		answer(&c)
		if err := encoder.Encode(c); err != nil {
			return nil, err
		}
	}
	out.WriteString("]}\n")
	return out.Bytes(), nil
}
