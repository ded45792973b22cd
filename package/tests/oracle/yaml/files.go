package yaml

import (
	"math/rand/v2"
	"strings"
)

// files are files of several documents: those written by hand, and generated ones.
func files() []string {
	all := []string{
		"", "\n", "---", "---\n", "---\n---\n", "# c\n", "a: 1", "a: 1\n", "---\na: 1\n", "---\na: 1\n---\n", "a: 1\n---\nb: 2\n", "a: 1\n---\n---\nb: 2\n", "a: 1\n---\n# c\n---\nb: 2\n", "\n\n---\n\na: 1\n\n---\n\nb: 2\n\n",
		"a: 1\n--- \nb: 2\n", "a: 1\n---\t\nb: 2\n", "a: 1\n--- # c\nb: 2\n", "a: 1\n---#c\nb: 2\n", "a: 1\n---  # c\nb: 2\n---\nc: 3\n", "a: 1\r\n---\r\nb: 2\r\n", "---\r\na: 1\r\n---\r\nb: 2\r\n", "a: 1\n--- # c\n# d\n--- # e\nb: 2\n", "--- # c\na: 1\n--- # d\nb: 2\n", "# c\n--- # d\na: 1\n", "# c\n---\na: 1\n",
		"a: 1\n ---\n", "a: 1\n ---\nb: 2\n", "a:\n  b: 1\n   ---\nc: 2\n", "a:\n  b: 1\n ---\nc: 2\n", "a: |\n  b\n  ---\n  c\n", "a: |\n  b\n---\nc: 1\n", "a: '\n ---\n'\n", "a: [\n---\n]\n",
		"a: 1\n...\nb: 2\n", "a: 1\n...\n---\nb: 2\n", "a: 1\n...\n", "...\na: 1\n", "a: 1\n... # c\n---\nb: 2\n", "a: 1\n...\n# c\n", "a: 1\n ...\n", "a: 1\n...\n...\n---\nb: 2\n", "a: 1\n...x\n",
		"--- {a: 1}\n", "--- a\n", "a: 1\n--- {b: 2}\n", "a: 1\n--- b\n", "a: 1\n--- |\n b\n", "a: 1\n----\nb: 2\n", "----\na: 1\n", "a: 1\n---b: 2\n", "a: 1\n--- &x\nb: 2\n", "a: 1\n--- !!map\nb: 2\n",
		"\ufeffa: 1\n---\n\ufeffb: 2\n", "\ufeff---\na: 1\n", "%YAML 1.1\n---\na: 1\n", "a: 1\n---\n%YAML 1.1\n---\nb: 2\n", "%TAG !h! tag:h.example:\n---\na: !h!x b\n",
		"- a\n-", "- a\n- ", "a: -\n", "a: b-\n", "a: |\n  b\n  ---\n", "a: |\n  -----END-----\n", "a: |\n  -----END-----", "a: --\n---\nb: --\n", "-\n", "- -\n", "-a: 1\n", "- a: 1\n- b: 2\n",
		"a: |\n  b\n", "a: |\n  b\n---\nc: |\n  d\n", "a: |+\n  b\n\n\n---\nc: 1\n", "a: |+\n  b\n\n", "a: |\n  b\n# end\n", "a: >\n  b\n  c\n---\nd: e\n", "a: '\n'\n", "a: b \n---\n c: d\n", "  a: 1\n  b: 2\n", "a: |\n  b\n\n---\n", "\n  a: 1\n---\n  b: 2\n",
		"a: 1\n---\nb: [\n---\nc: 3\n", "a: [\n---\nb: 2\n", "a: 1\n--- # c\nb: [\n", "a: &x 1\n---\nb: *x\n", "1\n---\n[a]\n---\n'b'\n", "~\n---\na: 1\n", "{}\n---\n[]\n", "{a: 1} {b: 2}\n", "{a: 1}\n{b: 2}\n", "[a] b\n", "{\"a\": 1}\n---\n{\"b\": 2}\n", "a: 1\n\x0c---\nb: 2\n", "a: 1\n---\x0b\nb: 2\n", "a: 1\n---\u00a0\nb: 2\n", "a: 1\n---\r", "a: 1\n--- #", "a: 1\n---\rb: 2\n", "a: 1\r---\rb: 2\r",
	}
	random := rand.New(rand.NewPCG(1, 2))
	parts := []string{"a: 1", "b: [x, y]", "# c", "", "  ", "c: |\n  text", "d: {e: f}", "- g", "~", "h: 'i'"}
	between := []string{"---", "---", "---", "--- ", "--- # c", "---\r", "...\n---", "---\n---", "---\t", "..."}
	for range 80 {
		var text strings.Builder
		for number := range 1 + random.IntN(4) {
			if number > 0 || random.IntN(3) == 0 {
				text.WriteString(between[random.IntN(len(between))] + "\n")
			}
			text.WriteString(parts[random.IntN(len(parts))] + "\n")
		}
		all = append(all, text.String())
	}
	return all
}
