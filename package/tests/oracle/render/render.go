// Package render takes the time that Go's libraries need for the main part of what Package Operator does with a package:
// parsing its templates, executing them, reading what they write as objects, and evaluating its conditions. Else nothing
// that it does for a rendering is in that time: not manifest, lock file and configuration, nor any check.
package render

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"stevedore.dev/package/tests/oracle/template"
	documents "stevedore.dev/package/tests/oracle/yaml"
)

// A corpus is what is rendered.
type corpus struct {
	Packages []input `json:"packages"`
}

type input struct {
	Name    string            `json:"name"`
	Files   map[string]string `json:"files"`
	Context json.RawMessage   `json:"context"`
	Labels  map[string]string `json:"labels"`
}

// A question asks for a package, by its place in the corpus, to be rendered so often.
type question struct {
	Package int `json:"package"`
	Rounds  int `json:"rounds"`
}

// An answer is how long each rendering took, and how many objects there were.
type answer struct {
	Objects     int     `json:"objects"`
	Nanoseconds []int64 `json:"nanoseconds"`
	Error       string  `json:"error,omitempty"`
}

// Time reads a corpus, and then answers each question before it reads the next: whoever asks does something else
// meanwhile, so that what disturbs the machine disturbs both.
func Time(in io.Reader, out io.Writer) error {
	var asked corpus
	decoder, encoder := json.NewDecoder(in), json.NewEncoder(out)
	if err := decoder.Decode(&asked); err != nil {
		return err
	}
	for {
		var next question
		if err := decoder.Decode(&next); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if next.Package < 0 || next.Package >= len(asked.Packages) {
			return fmt.Errorf("there is no package %d", next.Package)
		}
		if err := encoder.Encode(timed(asked.Packages[next.Package], next.Rounds)); err != nil {
			return err
		}
	}
}

func timed(one input, rounds int) answer {
	found := answer{Nanoseconds: []int64{}}
	filter, err := readFilter(one.Files["manifest.yaml"])
	if err != nil {
		found.Error = err.Error()
		return found
	}
	for range rounds {
		begin := time.Now()
		objects, err := objects(one, filter)
		taken := time.Since(begin)
		if err != nil {
			found.Error = err.Error()
			return found
		}
		found.Nanoseconds = append(found.Nanoseconds, taken.Nanoseconds())
		found.Objects = objects
	}
	return found
}

// objects renders a package and counts its objects, those that are filtered out included.
func objects(one input, filter filter) (int, error) {
	context, again := map[string]any{}, map[string]any{}
	for _, decoded := range []*map[string]any{&context, &again} {
		if err := json.Unmarshal(one.Context, decoded); err != nil {
			return 0, err
		}
	}
	ofTemplates, err := newConditions(filter, again)
	if err != nil {
		return 0, err
	}
	written, err := template.Render(one.Files, context, ofTemplates.holds)
	if err != nil {
		return 0, err
	}
	all, err := read(written, one.Labels)
	if err != nil {
		return 0, err
	}
	ofObjects, err := newConditions(filter, again)
	if err != nil {
		return 0, err
	}
	for _, path := range filter.Paths {
		if _, err := ofObjects.holds(path.Expression); err != nil {
			return 0, err
		}
	}
	for _, object := range all {
		if _, err := ofObjects.keeps(object); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// read reads the objects in files.
func read(files map[string]string, labels map[string]string) ([]map[string]any, error) {
	var all []map[string]any
	for name, text := range files {
		base := path.Base(name)
		if strings.HasPrefix(base, "_") || (path.Ext(base) != ".yaml" && path.Ext(base) != ".yml") || isManifest(name) {
			continue
		}
		for _, document := range documents.Documents(text) {
			object := map[string]any{}
			if err := yaml.Unmarshal([]byte(document), &object); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			if len(object) == 0 {
				continue
			}
			label(object, labels)
			all = append(all, object)
		}
	}
	return all, nil
}

func isManifest(name string) bool {
	return slices.Contains([]string{"manifest.yaml", "manifest.yml", "manifest.lock.yaml", "manifest.lock.yml"}, name)
}

// label adds labels to an object.
func label(object map[string]any, labels map[string]string) {
	metadata, ok := object["metadata"].(map[string]any)
	if !ok {
		metadata = map[string]any{}
		object["metadata"] = metadata
	}
	merged, ok := metadata["labels"].(map[string]any)
	if !ok {
		merged = map[string]any{}
		metadata["labels"] = merged
	}
	for key, value := range labels {
		merged[key] = value
	}
}
