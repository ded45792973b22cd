package template

import (
	"bytes"
	"maps"
	"strings"
	"text/template"
)

// Render parses those of a package's files that are templates and executes each, as Package Operator does it anew for
// every package that is installed. What they write stands in the place of the templates.
func Render(files map[string]string, dot map[string]any, cel func(string) (bool, error)) (map[string]string, error) {
	stringMaps(dot)
	set := template.New("pkg").Option("missingkey=error")
	set = set.Funcs(funcs(set, files)).Funcs(template.FuncMap{"cel": cel})
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
