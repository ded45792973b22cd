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

// A question is a number of packages, and how often each is rendered for its one answer.
type question struct {
	Rounds   int     `json:"rounds"`
	Packages []input `json:"packages"`
}

type input struct {
	Name    string            `json:"name"`
	Files   map[string]string `json:"files"`
	Context json.RawMessage   `json:"context"`
	Labels  map[string]string `json:"labels"`
}

// An answer is the median of all rounds, and how many objects there were.
type answer struct {
	Name        string `json:"name"`
	Objects     int    `json:"objects"`
	Nanoseconds int64  `json:"nanoseconds"`
	Error       string `json:"error,omitempty"`
}

// Time reads a question and writes the answers, one for each package, in order.
func Time(in io.Reader, out io.Writer) error {
	var asked question
	if err := json.NewDecoder(in).Decode(&asked); err != nil {
		return err
	}
	answers := make([]answer, 0, len(asked.Packages))
	for _, one := range asked.Packages {
		answers = append(answers, timed(one, asked.Rounds))
	}
	return json.NewEncoder(out).Encode(answers)
}

func timed(one input, rounds int) answer {
	found := answer{Name: one.Name}
	filter, err := readFilter(one.Files["manifest.yaml"])
	if err != nil {
		found.Error = err.Error()
		return found
	}
	var all []time.Duration
	for range rounds {
		begin := time.Now()
		objects, err := objects(one, filter)
		all = append(all, time.Since(begin))
		if err != nil {
			found.Error = err.Error()
			return found
		}
		found.Objects = objects
	}
	slices.Sort(all)
	found.Nanoseconds = all[(len(all)-1)/2].Nanoseconds()
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
