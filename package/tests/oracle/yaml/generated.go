package yaml

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// A writer writes documents that nobody would think of, the same ones each time.
type writer struct {
	random  *rand.Rand
	anchors int
	keys    int
}

func generated(count int) []string {
	all := make([]string, 0, count)
	for number := range count {
		w := writer{random: rand.New(rand.NewPCG(7, uint64(number)))}
		all = append(all, w.block(0, 0))
	}
	return all
}

func (w *writer) one(of ...string) string { return of[w.random.IntN(len(of))] }

// scalar is one that may stand anywhere, also in brackets and as a key.
func (w *writer) scalar() string {
	switch w.random.IntN(9) {
	case 0:
		return fmt.Sprint(w.random.Int64() >> w.random.IntN(64))
	case 1:
		return fmt.Sprint(w.random.NormFloat64() * 1e3)
	case 2:
		return fmt.Sprintf("%de%d", w.random.IntN(10000), w.random.IntN(500)-100)
	case 3:
		return fmt.Sprintf("0%o", w.random.IntN(1<<20))
	case 4:
		return w.one("'it''s'", "\"q\\tq\"", "'12'", "\"yes\"", "''", "\"\\u00e9\"", "'a: b'", "\"# no\"")
	case 5:
		return w.one("!!str 12", "!!int '7'", "!!float 3", "!own x", "!!binary aGk=", "!!bool no")
	case 6:
		return w.one("yes", "off", "~", "null", "True", "N", "1_000", "0x1F", "0b11", "1.10", "190:20:30", "2001-01-01")
	default:
		return w.one("lamp", "a b", "é", "v1.2", "10Mi", "x-y", "a_b", "http://a.example/b", "café au lait", "k8s.io/name")
	}
}

// meanings are the keys that are read as another text. Two keys of a map that differ and are read as the same text
// overwrite each other there in an order that is random, so that no map gets both.
var meanings = map[string]string{
	"y": "true", "on": "true", "true": "true", "1": "1", "'1'": "1", "1.10": "1.1", "0777": "511", "1e3": "1000", "0x10": "16",
	"\"q\"": "q", "a b": "a b", "2001-01-01": "2001-01-01", "k/l": "k/l",
}

// key is one of a map that has those of taken, by what they are read as.
func (w *writer) key(taken map[string]string) string {
	key := w.one("y", "on", "1", "1.10", "0777", "1e3", "'1'", "true", "\"q\"", "a b", "0x10", "2001-01-01", "k/l")
	meaning := meanings[key]
	if other, isTaken := taken[meaning]; w.random.IntN(3) == 0 && (!isTaken || other == key) {
		taken[meaning] = key
		return key
	}
	w.keys++
	return fmt.Sprintf("k%d", w.keys%7)
}

// flow is a value in brackets or without.
func (w *writer) flow(depth int) string {
	if depth > 2 || w.random.IntN(3) == 0 {
		return w.scalar()
	}
	var items []string
	open, closing := "[", "]"
	isMap := w.random.IntN(2) == 0
	taken := map[string]string{}
	if isMap {
		open, closing = "{", "}"
	}
	for range w.random.IntN(4) {
		if isMap {
			items = append(items, w.key(taken)+": "+w.flow(depth+1))
		} else {
			items = append(items, w.flow(depth+1))
		}
	}
	return open + strings.Join(items, w.one(", ", ",\n          ", " , ")) + w.one("", " ") + closing
}

func (w *writer) anchored(value string) string {
	if strings.HasPrefix(value, "!") || w.random.IntN(6) > 0 {
		return value
	}
	w.anchors++
	return fmt.Sprintf("&a%d %s", w.anchors, value)
}

// block is a map or a list in lines, indented.
func (w *writer) block(indent, depth int) string {
	var text strings.Builder
	margin := strings.Repeat(" ", indent)
	isList := w.random.IntN(3) == 0
	taken := map[string]string{}
	for range 1 + w.random.IntN(4) {
		if w.random.IntN(8) == 0 {
			text.WriteString(w.one("\n", margin+"# said\n", "# said\n"))
		}
		begin := margin + "-"
		if !isList {
			begin = margin + w.key(taken) + w.one(":", ":", ":", " :")
		}
		text.WriteString(begin)
		choice := w.random.IntN(10)
		switch {
		case choice < 3 && depth < 3:
			text.WriteString("\n" + w.block(indent+1+w.random.IntN(3), depth+1))
		case choice == 3:
			text.WriteString(" " + w.one("|", ">", "|-", ">-", "|+") + "\n")
			for range 1 + w.random.IntN(3) {
				text.WriteString(margin + "  " + w.one("text", "a: b", "- c", "# d", "e  ", "'f'") + w.one("\n", "\n", "\n\n"))
			}
		case choice == 4 && w.anchors > 0:
			fmt.Fprintf(&text, " *a%d\n", 1+w.random.IntN(w.anchors))
		case choice == 5 && !isList:
			text.WriteString(" first\n" + margin + "  second\n")
		case choice == 6:
			text.WriteString(w.one("\n", "  # nothing\n"))
		default:
			text.WriteString(" " + w.anchored(w.flow(0)) + w.one("\n", "\n", " # said\n"))
		}
	}
	if !isList && w.random.IntN(8) == 0 {
		fmt.Fprintf(&text, "%s<<: {%s: %s, merged: 1}\n", margin, w.key(taken), w.flow(2))
	}
	return text.String()
}
