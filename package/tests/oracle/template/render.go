package template

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"text/template"
)

// Render parses those of a package's files that are templates and executes each, as Package Operator does it anew for
// every package that is installed. The context is JSON. What they write stands in the place of the templates.
func Render(files map[string]string, context []byte) (map[string]string, error) {
	dot := map[string]any{}
	if err := json.Unmarshal(context, &dot); err != nil {
		return nil, err
	}
	stringMaps(dot)
	set := template.New("pkg").Option("missingkey=error")
	set = set.Funcs(funcs(set, files)).Funcs(template.FuncMap{"cel": noCEL})
	for path, text := range files {
		if !strings.HasSuffix(path, suffix) {
			continue
		}
		if _, err := set.New(path).Parse(text); err != nil {
			return nil, err
		}
	}
	written := maps.Clone(files)
	for path := range files {
		name, ok := strings.CutSuffix(path, suffix)
		if !ok {
			continue
		}
		var out bytes.Buffer
		if err := set.ExecuteTemplate(&out, path, dot); err != nil {
			return nil, err
		}
		delete(written, path)
		written[name] = out.String()
	}
	return written, nil
}

// suffix is what the path of a template ends with.
const suffix = ".gotmpl"

func noCEL(string) (bool, error) {
	return false, errors.New("the oracle has no CEL")
}
