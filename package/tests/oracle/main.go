// Command oracle says what the Go libraries that Package Operator is built of make of our cases. The answers are
// committed, and the tests of our crates compare themselves with them.
//
//	go run . write    writes the answers, after cases were added or a library was raised
//	go run . check    fails when the committed answers are not what the libraries say
//	go run . time     takes the time of renderings, as JSON from standard input to standard output
package main

import (
	"bytes"
	"fmt"
	"os"

	"stevedore.dev/package/tests/oracle/render"
	"stevedore.dev/package/tests/oracle/template"
	"stevedore.dev/package/tests/oracle/yaml"
)

// A corpus is one file of answers and what makes it. Each has a package of its own.
type corpus struct {
	file    string
	answers func() ([]byte, error)
}

var corpora = []corpus{
	{"../../template/tests/golden/template.json", template.Answers},
	{"../../template/tests/golden/yaml.json", yaml.Answers},
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "oracle:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 1 && args[0] == "time" {
		return render.Time(os.Stdin, os.Stdout)
	}
	if len(args) != 1 || (args[0] != "write" && args[0] != "check") {
		return fmt.Errorf("usage: go run . write|check|time")
	}
	for _, corpus := range corpora {
		answers, err := corpus.answers()
		if err != nil {
			return fmt.Errorf("%s: %w", corpus.file, err)
		}
		if args[0] == "write" {
			err = os.WriteFile(corpus.file, answers, 0o644)
		} else {
			err = compare(corpus.file, answers)
		}
		if err != nil {
			return err
		}
		fmt.Printf("%s: %d lines\n", corpus.file, bytes.Count(answers, []byte("\n")))
	}
	return nil
}

// compare fails with the first line in which the committed answers differ from the right ones.
func compare(file string, right []byte) error {
	committed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if bytes.Equal(committed, right) {
		return nil
	}
	theirs, ours := bytes.Split(right, []byte("\n")), bytes.Split(committed, []byte("\n"))
	for number, line := range theirs {
		if number >= len(ours) {
			return fmt.Errorf("%s ends before line %d: %s", file, number+1, line)
		}
		if !bytes.Equal(line, ours[number]) {
			return fmt.Errorf("%s, line %d:\ncommitted: %s\nright:     %s\n\"go run . write\" writes the right ones",
				file, number+1, ours[number], line)
		}
	}
	return fmt.Errorf("%s goes on after line %d", file, len(theirs))
}
