// Package yaml answers what YAML means to the libraries that Package Operator and kubectl read it with.
package yaml

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	kubernetes "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// A value is a document, what is read of it, and what is written again of that.
type value struct {
	Text string `json:"text"`
	// As an object has it: whole numbers that fit are int64, all others float64.
	Value json.RawMessage `json:"value,omitempty"`
	// What toYAML makes of what fromYAML reads, for which every number is float64.
	Written *string `json:"written,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// A file is what kubectl and Package Operator find in it. Both leave empty documents out.
type file struct {
	Text string `json:"text"`
	// Split as kubectl does it, each document then without space around it, as Package Operator reads one.
	Documents []json.RawMessage `json:"documents,omitempty"`
	Error     string            `json:"error,omitempty"`
	// What Package Operator itself reads.
	Original      []json.RawMessage `json:"original,omitempty"`
	OriginalError string            `json:"originalError,omitempty"`
}

// Answers is the file of answers, one case a line.
func Answers() ([]byte, error) {
	var out bytes.Buffer
	line := func(begin string, answer any) error {
		var encoded bytes.Buffer
		encoder := json.NewEncoder(&encoded)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(answer); err != nil {
			return err
		}
		out.WriteString(begin)
		out.Write(bytes.TrimSuffix(encoded.Bytes(), []byte("\n")))
		return nil
	}
	begin := "{\"values\":[\n"
	for _, text := range values() {
		if err := line(begin, read(text)); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		begin = ",\n"
	}
	begin = "\n],\"files\":[\n"
	for _, text := range files() {
		if err := line(begin, split(text)); err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		begin = ",\n"
	}
	out.WriteString("\n]}\n")
	return out.Bytes(), nil
}

func read(text string) value {
	found, err := document([]byte(text))
	if err != nil {
		return value{Text: text, Error: err.Error()}
	}
	var floats any
	if err := yaml.Unmarshal([]byte(text), &floats); err != nil {
		panic(err)
	}
	again, err := yaml.Marshal(floats)
	if err != nil {
		panic(err)
	}
	written := string(again)
	return value{Text: text, Value: found, Written: &written}
}

// document is a document as JSON, with numbers as they are in an object.
func document(text []byte) (json.RawMessage, error) {
	var found any
	if err := kubernetes.Unmarshal(text, &found); err != nil {
		return nil, err
	}
	return json.Marshal(found)
}

func split(text string) file {
	answer := file{Text: text}
	var err error
	if answer.Documents, err = each(asKubectl(text)); err != nil {
		answer.Error, answer.Documents = err.Error(), nil
	}
	if answer.Original, err = each(Documents(text), nil); err != nil {
		answer.OriginalError, answer.Original = err.Error(), nil
	}
	return answer
}

func each(texts []string, err error) ([]json.RawMessage, error) {
	var all []json.RawMessage
	for _, text := range texts {
		found, err := document([]byte(text))
		if err != nil {
			return nil, err
		}
		if string(found) != "null" {
			all = append(all, found)
		}
	}
	return all, err
}

func asKubectl(text string) ([]string, error) {
	reader := kubernetes.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	var all []string
	for {
		part, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		// The reader leaves the line of dashes at the beginning of what follows it.
		all = append(all, strings.TrimSpace(string(part)))
	}
}

// Documents splits a file as Package Operator does it: it takes dashes and line breaks off both ends of a file, and separates at lines of three dashes alone.
func Documents(text string) []string {
	var all []string
	var part []string
	for _, line := range append(strings.Split(strings.Trim(text, "-\n"), "\n"), "---") {
		if line != "---" {
			part = append(part, line)
			continue
		}
		all = append(all, strings.TrimSpace(strings.Join(part, "\n")))
		part = nil
	}
	return all
}
