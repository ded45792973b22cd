// Package render takes the time that Go's libraries need for the main part of what Package Operator does with a package:
// parsing its templates, executing them, and reading what they write as objects. Everything else that it does for a
// rendering is left out: manifest, configuration, conditions, checks.
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
	var all []time.Duration
	for range rounds {
		begin := time.Now()
		objects, err := objects(one)
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

// objects renders a package and counts its objects.
func objects(one input) (int, error) {
	written, err := template.Render(one.Files, one.Context)
	if err != nil {
		return 0, err
	}
	count := 0
	for name, text := range written {
		base := path.Base(name)
		if strings.HasPrefix(base, "_") || (path.Ext(base) != ".yaml" && path.Ext(base) != ".yml") || isManifest(name) {
			continue
		}
		for _, document := range documents.Documents(text) {
			object := map[string]any{}
			if err := yaml.Unmarshal([]byte(document), &object); err != nil {
				return 0, fmt.Errorf("%s: %w", name, err)
			}
			if len(object) == 0 {
				continue
			}
			label(object, one.Labels)
			count++
		}
	}
	return count, nil
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
