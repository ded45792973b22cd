package template

import (
	"fmt"
	"strings"
)

// groups are templates, each executed alone with the context above.
var groups = [][]string{lexing, fields, control, pipelines, comparing, printing, printfs, strs, listFns,
	dictFns, numbers, encoding, regexes, patternCases(patterns, matched), patternCases(goPatterns, goMatched), expansions(),
	semvers, constraintCases(), types, yamls, failures, callCases(), generatedCases(), mustCases(listFns, dictFns, encoding, regexes)}

// mustCases are the given cases once more, with the functions of sprig that fail in place of those that do not.
func mustCases(groups ...[]string) []string {
	var cases []string
	for _, name := range strings.Fields(sprigNames) {
		plain, isMust := strings.CutPrefix(name, "must")
		if !isMust {
			continue
		}
		plain = strings.ToLower(plain[:1]) + plain[1:]
		for _, group := range groups {
			for _, source := range group {
				twin := strings.ReplaceAll(source, "{{"+plain+" ", "{{"+name+" ")
				if twin != source {
					cases = append(cases, twin)
				}
			}
		}
	}
	return cases
}

func allCases() []Case {
	var cases []Case
	for _, group := range groups {
		for _, source := range group {
			cases = append(cases, Case{Files: [][2]string{{"f", source}}, Execute: "f"})
		}
	}
	for _, files := range sets {
		cases = append(cases, Case{Files: files, Execute: files[0][0]})
	}
	return append(cases, packageCases()...)
}

var lexing = []string{
	``, `plain`, `{{/* c */}}x`, `a {{- /* c */ -}} b`, "a  \n {{- 3 -}} \n b", "a {{- \"x\" }} b", "a {{ \"x\" -}} b",
	`{{"{{"}}`, `{{ "}}" }}`, "{{`raw\n\"q\" \\n`}}", `{{"esc \" \\ \n \t \x41 \u00e9 \U0001F600 \101"}}`,
	`{{'a'}} {{'\n'}} {{'\''}} {{'é'}}`, `{{1}} {{-3}} {{+4}} {{- 5}}`, `{{0x1F}} {{0o17}} {{0b101}} {{017}} {{1_000}}`,
	`{{1.5}} {{.5}} {{1e3}} {{1E-7}} {{0x1p4}} {{1_0.5}} {{2.}} {{-.5e1}}`, `{{1.0}} {{100000000.0}} {{1e21}}`,
	`{{true}} {{false}}`, `{{nil}}`, `{{99999999999999999999}}`, `{{0x}}`, `{{1x}}`, `{{"unclosed}}`, "{{`unclosed}}",
	`{{'ab'}}`, `{{/* unclosed`, `{{/* c */ x}}`, `{{`, `{{ 1`, `}}`, `{ {1} }`, `{{{1}}}`, `{{.name}}}`, `{{(1}}`, `{{1)}}`, `{{()}}`,
	`{{.name|}}`, `{{|.name}}`, `{{.}}{{#}}`, `{{.name;}}`, `{{$}}`, `{{ . }}{{ end }}`, `{{else}}`, "{{\n.name\n}}", "{{.name\n|\nupper}}",
	`{{09}}`, `{{1__0}}`, `{{_}}`, `{{"a\qb"}}`, `{{"\xff" | len}}`, `{{.name-}}`, `{{3-}}`, `{{- -3 -}}`, `a{{- ""}}b`, `{{break}}`, `{{""}}`,
	`{{ "a" "b" }}`, `{{.1}}`, `{{..name}}`, `{{.name.}}`, `{{$.name}}`, `{{$x}}`, `{{.żółw}}`, "x\r\n {{- 1 -}} \r\n y", `{{if}}{{end}}`, `{{1 | 2}}`,
	`{{9223372036854775807}}`, `{{9223372036854775808}}`, `{{-9223372036854775808}}`, `{{0x7fffffffffffffff}}`, `{{1e19}}`, `{{printf "%d" 1e3}}`,
}

var fields = []string{
	`{{.name}}`, `{{.map.d.e}}`, `{{.missing}}`, `{{.map.missing}}`, `{{.null}}`, `{{.null.x}}`, `{{.name.x}}`, `{{.map.d.f}}`, `{{.one.x}}`,
	`{{$.map.a}}`, `{{(.map).a}}`, `{{(index .items 0).name}}`, `{{.items.name}}`, `{{.void}}`, `{{.none}}`, `{{.map}}`, `{{.list}}`, `{{.mixed}}`,
	`{{.nums}}`, `{{$x := .map}}{{$x.d.e}}`, `{{with .map}}{{.a}}{{$.name}}{{end}}`, `{{.name "arg"}}`, `{{"x" | .name}}`, `{{(.map) "x"}}`, `{{nil.x}}`,
	`{{"s".x}}`, `{{true.x}}`, `{{(.null).x}}`, `{{.labels.region}}`, `{{index .labels "kubernetes.io/arch"}}`, `{{(dict "a" 1).a}}`, `{{(dict "a" 1).b}}`,
	`{{(split "/" "a/b")._1}}`, `{{(split "/" "a/b")._2}}`, `{{.big}} {{.huge}} {{.tiny}} {{.long}} {{.million}} {{.half}} {{.neg}} {{.three}}`,
}

var control = []string{
	`{{if .yes}}y{{else}}n{{end}}`, `{{if .no}}y{{else}}n{{end}}`, `{{if .empty}}y{{end}}`, `{{if .zero}}y{{else if .one}}1{{else}}n{{end}}`,
	`{{if .none}}y{{else}}n{{end}}{{if .void}}y{{else}}n{{end}}{{if .null}}y{{else}}n{{end}}{{if .half}}y{{end}}{{if .map}}y{{end}}`,
	`{{if .missing}}y{{end}}`, `{{if and .yes .missing}}y{{end}}`, `{{if and .no .missing}}y{{else}}n{{end}}`, `{{if or .yes .missing}}y{{end}}`,
	`{{with .name}}[{{.}}]{{end}}`, `{{with .empty}}[{{.}}]{{else}}none{{end}}`, `{{with .empty}}x{{else with .name}}{{.}}{{else}}z{{end}}`, `{{with $x := .map.d}}{{$x.e}}{{.e}}{{end}}`,
	`{{range .list}}{{.}},{{end}}`, `{{range $v := .list}}{{$v}},{{end}}`, `{{range $i, $v := .list}}{{$i}}={{$v}},{{end}}`, `{{range .none}}x{{else}}empty{{end}}`,
	`{{range $k, $v := .labels}}{{$k}}={{$v}};{{end}}`, `{{range .labels}}{{.}};{{end}}`, `{{range $k, $v := .map}}{{$k}}:{{$v}} {{end}}`, `{{range .void}}x{{else}}e{{end}}`, `{{range .null}}x{{else}}e{{end}}`,
	`{{range 3}}{{.}}{{end}}`, `{{range $i := 3}}{{$i}}{{end}}`, `{{range $i, $v := 3}}{{$i}}{{end}}`, `{{range 0}}x{{else}}z{{end}}`, `{{range .three}}x{{end}}`, `{{range int .three}}{{.}}{{end}}`, `{{range .name}}x{{end}}`, `{{range true}}x{{end}}`, `{{range add 1 1}}{{.}}{{end}}`, `{{range -2}}x{{else}}none{{end}}`,
	`{{range .list}}{{if eq . "b"}}{{break}}{{end}}{{.}}{{end}}`, `{{range .list}}{{if eq . "b"}}{{continue}}{{end}}{{.}}{{end}}`, `{{range $i, $e := .list}}{{range $.nums}}{{if gt . 2.0}}{{continue}}{{end}}{{$i}}{{.}} {{break}}{{end}}{{end}}`,
	`{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}`, `{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}`, `{{range .list}}{{$x := .}}{{end}}{{$x}}`, `{{$x = 1}}`, `{{$x := 0}}{{range .nums}}{{$x = add $x .}}{{end}}{{$x}}`,
	`{{$i := "o"}}{{$v := "p"}}{{range $i, $v = .list}}{{$i}}{{$v}}{{end}}{{$i}}{{$v}}`, `{{$v := 9}}{{range $v = .list}}{{$v}}{{end}}{{$v}}`, `{{range $i, $v := .none}}{{else}}{{$i}}{{end}}`, `{{range $i, $j, $k := .list}}{{end}}`, `{{range $i,}}{{end}}`, `{{range $i, 3}}{{end}}`, `{{$a, $b := .list}}`,
	`{{if .yes}}`, `{{if .yes}}{{else}}{{else}}{{end}}`, `{{range .list}}{{end}}{{end}}`, `{{with .name}}{{else if .name}}{{end}}`, `{{if .yes}}{{else with .name}}{{end}}`, `{{define "x"}}{{break}}{{end}}`, `{{range .list}}{{block "b" .}}{{break}}{{end}}{{end}}`,
	`{{define "t"}}<{{.}}>{{end}}{{template "t" .name}}{{template "t" .one}}`, `{{template "t"}}{{define "t"}}[{{.}}]{{end}}`, `{{template "nope"}}`, `{{template .name}}`, `{{block "b" .name}}({{.}}){{end}}`, `{{define "t"}}{{$.name}}{{end}}{{template "t" .}}`, `{{define "t"}}{{$x}}{{end}}`, `{{$x := 1}}{{define "t"}}{{$}}{{end}}{{template "t" $x}}`,
	`{{define "a"}}1{{end}}{{define "a"}}2{{end}}`, `{{define "a"}}1{{end}}{{define "a"}} {{end}}{{template "a"}}`, `{{define "a"}} {{end}}{{define "a"}}2{{end}}{{template "a"}}`, `{{if true}}{{define "x"}}{{end}}{{end}}`, `{{define "x" 1}}{{end}}`, `{{define x}}{{end}}`, `{{define "x"}}`, "{{define `raw`}}r{{end}}{{template \"raw\"}}",
	`{{define "r"}}{{if gt (int .) 0}}{{.}}{{template "r" sub . 1}}{{end}}{{end}}{{template "r" 5}}`, `{{define "t"}}x{{end}}{{include "t" .}}{{include "t" . | upper}}`, `{{include "no" .}}`, `{{define "t"}}{{.a}}{{end}}{{include "t" (dict "a" .name) | quote}}`, `{{define "t"}}{{.missing}}{{end}}{{include "t" .}}`, `{{range $i, $x := .items}}{{if $i}}, {{end}}{{$x.name}}:{{$x.port}}{{end}}`,
	`{{with $x := 3}}{{end}}{{$x}}`, `{{if $x := .name}}{{$x}}{{else}}{{$x}}{{end}}`, `{{range $x := until 3}}{{$x}}{{end}}`, `{{range $k, $v := split "," "a,b"}}{{$k}}{{$v}} {{end}}`, `{{range .list}}{{.}}{{else}}`, `{{continue}}`,
	`{{range $i, $v := .list}}{{$i = 5}}{{$i}}{{end}}`, `{{with .null}}x{{else}}{{.name}}{{end}}`, `{{template "x" 1 2}}{{define "x"}}{{end}}`, `{{end}}`, `{{block "b"}}{{end}}`, `{{ if eq 1 1 -}} a {{- end }}`,
}

var pipelines = []string{
	`{{.name | upper | quote}}`, `{{"a" | printf "%s-%s" "b"}}`, `{{printf "%d" 3 | len}}`, `{{(printf "%s" .name) | upper}}`, `{{.list | len}}`, `{{len .list | printf "%03d"}}`, `{{not .yes | not}}`, `{{and 1 0 2}}`, `{{and 1 2}}`, `{{or 0 "" 3}}`, `{{or 0 ""}}`, `{{or .null "x"}}`, `{{and}}`, `{{or}}`, `{{not}}`, `{{0 | and 1}}`, `{{2 | and 1}}`, `{{2 | or 0}}`, `{{2 | or 1}}`, `{{1 | and 0}}`,
	`{{index .list 1}}`, `{{index .list 3}}`, `{{index .list -1}}`, `{{index .list 1.0}}`, `{{index .list .one}}`, `{{index .map "a"}}`, `{{index .map "zzz"}}`, `{{index .map "d" "e"}}`, `{{index .map "zzz" "e"}}`, `{{index .map 1}}`, `{{index .name 0}}`, `{{index .null 1}}`, `{{index .one 1}}`, `{{index .list}}`, `{{index .items 1 "name"}}`, `{{index .mixed 4 "k"}}`, `{{index .map nil}}`,
	`{{slice .list 1}}`, `{{slice .list 0 2}}`, `{{slice .list 2 1}}`, `{{slice .list 0 9}}`, `{{slice .none 1 2}}`, `{{len .name}} {{len .uni}} {{len .map}} {{len .none}}`, `{{len .null}}`, `{{len 3}}`, `{{len nil}}`, `{{call .name}}`, `{{call nil}}`, `{{html .html}}`, `{{html .null 1}}`, `{{js .html .ctl}}`, `{{js .uni}}`, `{{urlquery .html " " .uni}}`, `{{html .list}}`, `{{.html | html | len}}`,
	`{{upper}}`, `{{upper "a" "b"}}`, `{{upper 3}}`, `{{upper nil}}`, `{{upper .null}}`, `{{upper .one}}`, `{{nosuch .name}}`, `{{now}}`, `{{env "HOME"}}`, `{{uuidv4}}`, `{{tpl "x" .}}`, `{{$x := .name | upper}}{{$x}}`, `{{$x := 1 | add 2}}{{$x}}`, `{{(add 1 2) | mul 3 (sub 9 5)}}`, `{{ternary "a" "b" (eq .one 1.0)}}`, `{{if not (has "z" .list)}}no z{{end}}`, `{{$f := list 1 2}}{{index $f 0}}`, `{{print (print (print (print 1)))}}`,
}

var comparing = []string{
	`{{eq 1 1}} {{eq 1 2}} {{eq "a" "a"}} {{eq true true}} {{eq 1.5 1.5}}`, `{{eq .three 3}}`, `{{eq .three 3.0}}`, `{{eq (int .three) 3}}`, `{{eq 1 2 3 1}}`, `{{eq .name "a" "lighthouse"}}`, `{{eq 1}}`, `{{eq 1 "a"}}`, `{{eq 1 1 "a"}}`, `{{eq 2 1 "a"}}`, `{{eq .null nil}}`, `{{eq .null .name}}`, `{{eq nil nil}}`, `{{eq .list .list}}`, `{{eq .map .map}}`, `{{eq .list nil}}`, `{{eq .map .null}}`, `{{eq .list .map}}`, `{{eq .list 1}}`, `{{eq (rest .none) nil}}`, `{{eq (int64 3) 3}}`, `{{eq (index .name 0) 108}}`,
	`{{ne 1 2}} {{ne "a" "a"}}`, `{{ne 1 "a"}}`, `{{ne .null nil}}`, `{{ne 1 2 3}}`, `{{lt 1 2}} {{lt 2 1}} {{lt "a" "b"}} {{lt 1.5 2.5}} {{lt .half .three}}`, `{{lt 1 2.0}}`, `{{lt .three 4}}`, `{{lt true false}}`, `{{lt .null 1}}`, `{{lt .list .list}}`, `{{le 1 1}} {{le 2 1}} {{gt 2 1}} {{gt 1 1}} {{ge 1 1}} {{ge 0 1}}`, `{{ge "b" "a"}}`, `{{gt .three 2.0}}`, `{{gt (len .list) 2}}`, `{{lt (int64 1) 2}}`, `{{lt (index .name 0) 200}}`, `{{lt 1}}`, `{{not 0}} {{not 1}} {{not ""}} {{not nil}} {{not .list}}`,
	`{{deepEqual .list (list "a" "b" "c")}} {{deepEqual .map .map}} {{deepEqual 1 (int64 1)}} {{deepEqual (list) (rest (list))}} {{deepEqual .nums (list 3.0 1.0 2.5)}} {{deepEqual nil .null}} {{deepEqual (splitList "," "a") (list "a")}}`,
}

var printing = []string{
	`{{print 1 2 "a" "b" 3 4.5 true nil}}`, `{{print "a" 1 "b"}}`, `{{print}}`, `{{println 1 "a" 2.5}}`, `{{println}}`, `{{print .map}}`, `{{print .mixed}}`, `{{print .null}}`, `{{.null | print}}`, `{{print .big .huge .tiny}}`, `{{print (list)}} {{print (dict)}}`, `{{print (list nil (list) (dict "a" nil))}}`, `{{print 1e6}} {{print 123456.0}} {{print 1234567.0}} {{print 0.0001}} {{print 0.00001}} {{print 1e20}} {{print 1e100}} {{print -0.0}} {{print 3.14159}}`, `{{print (splitList "," "a,b")}} {{print (until 3)}} {{print (split "," "a,b")}}`,
	`{{print "a" "b"}} {{print 1 2}} {{print 1 "b" 2}} {{print true false}}`, `{{.uni}} {{.ctl | quote}} {{.quoted}}`,
}

var printfs = []string{
	`{{printf "%d|%5d|%-5d|%05d|%+d|% d|%x|%X|%o|%b|%c|%q|%U|%#x|%#o|%O" 42 42 42 42 42 42 42 42 42 42 65 65 65 42 42 42}}`, `{{printf "%d %s" "x" 3}}`, `{{printf "%d" .three}}`, `{{printf "%s" .three}}`, `{{printf "%v %v %v %v" .three .name .yes .null}}`, `{{printf "%t %t" .yes .name}}`, `{{printf "%s|%10s|%-10s|%.3s|%q|%x|%X|% x|%#x" .name .name .name .name .name "hi" "hi" "hi" "hi"}}`, `{{printf "%f|%.2f|%8.2f|%-8.2f|%08.2f|%+.1f|%e|%E|%.3e|%g|%G|%.3g" 3.14159 3.14159 3.14159 3.14159 3.14159 3.14159 3.14159 3.14159 3.14159 3.14159 3.14159 3.14159}}`, `{{printf "%g %g %g %g %.10g %.1g" .big .huge .tiny 100000.0 1234567.0 0.05}}`, `{{printf "%T %T %T %T %T %T %T %T" 1 1.5 "s" true .list .map nil (int64 1)}}`, `{{printf "%%"}}`, `{{printf "%"}}`, `{{printf "%d"}}`, `{{printf "x" 1 "a"}}`, `{{printf "%z" 1}}`, `{{printf "%!"}}`, `{{printf "%d %d" 1}}`, `{{printf "%v %v" .list .map}}`, `{{printf "%d" .list}}`, `{{printf "%s" .mixed}}`, `{{printf "%q" .list}}`, `{{printf "%5v|%-5v|%05v" 1 2 3}}`, `{{printf "%5t|%-7t|" true false}}`, `{{printf "%*d|%-*d|" 5 1 5 2}}`, `{{printf "%.*f" 2 3.14159}}`, `{{printf "%[2]d %[1]d" 1 2}}`, `{{printf "%[3]d" 1 2}}`, `{{printf "%[x]d" 1}}`, `{{printf "%#v %#v %#v %#v" 1 "a" .list .map}}`, `{{printf "%+v" .map}}`, `{{printf "%6.2f%%" 12.345}}`, `{{printf "%05s|%5q" "ab" "c"}}`, `{{printf "%x" -42}} {{printf "%08b" 5}} {{printf "%+05d" 42}} {{printf "%.5d" 42}} {{printf "%8.5d|" 42}} {{printf "%.0d|" 0}}`, `{{printf "%s %v" nil nil}}`, `{{printf "%s %d" .null .null}}`, `{{printf 3}}`, `{{printf "%-10s|" .uni}} {{printf "%10s|" .uni}} {{printf "%.4s|" .uni}} {{printf "%q %+q" .uni .uni}}`, `{{printf "%q %#q" .ctl "a"}}`, `{{printf "%c%c" 0x6f22 0x1F600}}`, `{{printf "%s" true}} {{printf "%f" 1}} {{printf "%d" true}}`, `{{printf "%v" (int64 5)}} {{printf "%03d" (add 1 2)}}`, `{{printf "%#q" "a\x60b"}}`, `{{printf "%e %e" 0.0 1e100}}`, `{{printf "%.0f %.0f %.0f" 0.5 1.5 2.5}}`, `{{printf "%10.3v|%-10.3v|" 3.14159 "abcdef"}}`, `{{printf "%v" .ctl}}`, `{{printf "%s-%s" .name (index .list 0)}}`, `{{printf "%08.3f|%+08.3f|%-8.3f|% .2f" -3.14159 3.14159 3.14159 2.0}}`, `{{printf "%6d|%-6d|%06d" -42 -42 -42}}`, `{{printf "%U %#U" 0x1F600 0x1F600}}`, `{{printf "%v %d" (index .name 0) (index .name 0)}}`, `{{printf "%s" (list "a" 1)}}`, `{{printf "%x" (list "a" 1)}}`, `{{printf "%t" .map}}`,
}

var strs = []string{
	`{{quote .name 1 nil true}}`, `{{quote .quoted}} {{quote .multi}} {{quote .uni}} {{quote .ctl}}`, `{{squote .name 1 nil}}`, `{{.list | quote}}`, `{{quote}}`, `{{quote .three}} {{quote .big}} {{quote .half}}`, `{{.map | toJson | quote}}`, `{{upper "aßżé"}} {{lower "AŻÉİ"}} {{title "hello wörld-foo_bar x'y"}}`, `{{trim "  x \n\t"}}|`, `{{trimAll "$" "$x$y$"}} {{trimAll "ab" "abxba"}}`, `{{trimPrefix "a" "aab"}} {{trimSuffix "b" "abb"}} {{trimSuffix "z" "abb"}}`, `{{contains "ght" .name}} {{contains "" .name}} {{contains "z" .name}}`, `{{hasPrefix "li" .name}} {{hasSuffix "se" .name}} {{hasPrefix "x" .name}}`, `{{replace "o" "0" "foo boo"}} {{replace "" "-" "abc"}} {{replace "" "-" ""}} {{replace "x" "y" "abc"}} {{replace "ab" "" "ababc"}}`, `{{repeat 3 "ab"}} {{repeat 0 "x"}}|`, `{{repeat -1 "x"}}`, `{{repeat "3" "x"}}`, `{{indent 4 .multi}}|`, `{{nindent 2 .multi}}|`, `{{indent -1 "x"}}`, `{{indent 2 ""}}|`, `{{indent .three "x"}}`,
	`{{trunc 3 .name}} {{trunc -3 .name}} {{trunc 99 .name}} {{trunc -99 .name}} {{trunc 0 .name}}|`, `{{substr 0 3 .name}} {{substr 2 -1 .name}} {{substr -1 3 .name}} {{substr 3 99 .name}}`, `{{substr 5 3 .name}}`, `{{substr 99 -1 .name}}`, `{{cat "a" 1 nil true .list}}`, `{{cat}}|`, `{{split "," "a,b,,c"}}`, `{{splitList "," "a,b,,c" | toJson}} {{splitList "" "aé" | toJson}} {{splitList "," "" | toJson}} {{splitList "" "" | toJson}}`, `{{join "-" .list}} {{join "," .nums}} {{join "," "abc"}} {{join "," .mixed}} {{join "," nil}}|`, `{{join "," (until 4)}} {{join "," .none}}|`, `{{plural "one" "many" 1}} {{plural "one" "many" 2}}`, `{{sha256sum "hello"}}`, `{{b64enc "hello ż"}} {{b64dec "aGVsbG8="}}`, `{{b64enc 3}}`, `{{toString 3}} {{toString .three}} {{toString nil}} {{toString .list}} {{toString true}}`, `{{sortAlpha (list "c" "a" "b")}} {{sortAlpha (list 3 10 2)}} {{sortAlpha "x"}}`, `{{toStrings (list 1 "a" nil true) | toJson}}`, `{{.name | trunc 5 | upper | nindent 2}}`, `{{trimSuffix "-" (trunc 6 "abcde-fgh")}}`, `{{upper .uni}} {{title .uni}} {{.uni | trunc 4 | len}}`,
}

var listFns = []string{
	`{{list 1 "a" nil true}} {{list}}|{{tuple 1 2}}`, `{{first .list}} {{last .list}} {{rest .list}} {{initial .list}}`, `{{first .none}} {{last .none}} {{rest .none}} {{initial .none}}`, `{{rest .none | toJson}} {{list | toJson}} {{rest (list 1) | toJson}} {{concat | toJson}} {{concat (list) | toJson}}`, `{{append .list "d"}} {{prepend .list "z"}} {{push .list 1}}`, `{{append nil 1}}`, `{{append .name 1}}`, `{{first nil}}`, `{{first .name}}`, `{{concat .list .nums (list true)}}`, `{{concat .list "x"}}`, `{{has "a" .list}} {{has 3 .nums}} {{has 3.0 .nums}} {{has 1 nil}}`, `{{has 1 .name}}`, `{{uniq (list 1 2 1 "a" "a" 1.0)}}`, `{{without .list "a" "c"}} {{without .list}} {{without (list 1 2) 2}}`, `{{compact (list 0 1 "" "a" nil false)}}`, `{{reverse .list}}`, `{{slice .list 1 2}} {{slice (list 1 2 3) 1}} {{slice .list "1"}} {{slice .list 1.0 2.0}}`, `{{until 4}} {{until 0}} {{until -3}} {{untilStep 1 10 3}} {{untilStep 10 1 -3}} {{untilStep 1 10 -1}} {{untilStep 1 10 0}}`, `{{until 3.0}} `, `{{until .three}}`, `{{until "3"}}`, `{{until (add 1 1)}}`, `{{until (int (add 1 1))}}`, `{{$l := .list}}{{$l2 := append $l "x"}}{{len $l}} {{len $l2}}`, `{{first (splitList "/" "a/b")}} {{index (splitList "/" "a/b") 1 | upper}} {{rest (splitList "/" "a/b") | toJson}}`, `{{list 1 2 | first}}`, `{{range $i, $e := concat .list (list "d")}}{{$i}}{{$e}}{{end}}`, `{{empty .none}} {{empty .list}} {{empty nil}} {{empty 0}} {{empty "x"}} {{empty .void}} {{empty false}} {{empty 0.0}}`, `{{all 1 "a" true}} {{all 1 0}} {{any 0 "" 1}} {{any 0 nil}}`, `{{coalesce 0 "" nil "x" "y"}} {{coalesce 0 nil}}`, `{{uniq .none}} {{uniq .items}}`, `{{kindOf (rest .list)}} {{typeOf (slice (splitList "," "a,b") 1)}}`,
}

var dictFns = []string{
	`{{dict "a" 1 "b" "x"}} {{dict}} {{dict "a"}} {{dict 1 2}} {{dict "a" 1 "a" 2}} {{dict nil 1}}`, `{{get .map "a"}} {{get .map "zzz"}}|{{get .map "d"}}`, `{{get .labels "kubernetes.io/arch"}}`, `{{get nil "a"}}|`, `{{get .list "a"}}`, `{{$d := dict "a" 1}}{{$_ := set $d "b" 2}}{{$d}}`, `{{$d := dict}}{{set $d "a" 1}}{{unset $d "a"}}{{$d}}`, `{{set nil "a" 1}}`, `{{$_ := set . "name" "other"}}{{.name}}`, `{{$_ := set .map "new" 1}}{{.map.new}} {{len .map}}`, `{{$_ := unset .map "a"}}{{hasKey .map "a"}}`, `{{hasKey .map "a"}} {{hasKey .map "zz"}} {{hasKey nil "x"}}`, `{{hasKey .name "a"}}`, `{{hasKey .list "a"}}`, `{{hasKey (split "," "a") "_0"}}`, `{{hasKey .map 1}}`, `{{keys .labels | sortAlpha}} {{keys (dict "x" 1) (dict "x" 2)}} {{keys}}`, `{{values (dict "a" 1)}} {{values .void}}`, `{{pluck "name" (index .items 0) (index .items 1) .map}}`, `{{pick .map "a" "zz" "b"}}`, `{{omit .map "a" "c" "d"}}`, `{{merge (dict "a" 1) (dict "a" 2 "b" 3)}}`, `{{merge (dict) .map}}`, `{{merge (dict "d" (dict "e" "mine")) .map | toJson}}`, `{{merge (dict "d" "str") .map | toJson}}`, `{{merge (dict "a" "" "b" 0 "c" (list)) .map | toJson}}`, `{{merge (dict "x" nil) (dict "x" 1)}} {{merge (dict "x" 1) (dict "x" nil "y" nil)}}`, `{{mergeOverwrite (dict "a" 9 "d" (dict "e" "x" "z" 1)) .map | toJson}}`, `{{mergeOverwrite (dict "a" 1) (dict "a" nil)}} {{mergeOverwrite (dict "a" 1) (dict "a" 0)}} {{mergeOverwrite (dict "l" (list 1 2)) (dict "l" (list))}}`, `{{$a := dict "n" (dict "x" 1)}}{{$b := merge (dict) $a}}{{$_ := set $b.n "x" 2}}{{$a.n.x}}`, `{{merge (dict "a" (list 1)) (dict "a" (list 2))}} {{merge (dict "a" (list 1)) (dict "a" "s")}} {{merge (dict "a" (dict "b" 1)) (dict "a" "s")}}`, `{{merge (dict "a" 1)}} {{merge .void (dict "q" 1)}}{{.void}}`, `{{dig "d" "e" "def" .map}} {{dig "d" "nope" "def" .map}} {{dig "x" "y" "def" .map}}`, `{{dig "a" "b" "def" .map}}`, `{{dig "a" .map}}`, `{{dig 1 "def" .map}}`, `{{dig "a" "def" .list}}`, `{{dig "d" "f" "def" .map}}`,
	`{{default "x" .empty}} {{default "x" .name}} {{default 3 .zero}} {{default "d" .null}} {{default "d" .none}} {{default "d" .no}} {{default "x"}}`, `{{.empty | default "piped"}}`, `{{default "x" .missing}}`, `{{ternary "a" "b" true}} {{ternary "a" "b" false}} {{.yes | ternary 1 2}}`, `{{ternary 1 2 3}}`, `{{ternary 1 2 .null}}`, `{{required "need" .name}}`, `{{required "need" .empty}}`, `{{required "need" .null}}`, `{{required "need" .zero}}`, `{{fail "boom"}}`, `{{if false}}{{fail "boom"}}{{end}}ok`, `{{(get .map "d").e}}`, `{{$d := dict "k" .list}}{{index $d.k 1}}`, `{{$d := dict}}{{range .list}}{{$_ := set $d . true}}{{end}}{{$d}}`, `{{b64decMap .b64}}`, `{{b64decMap (dict "a" "!!")}}`, `{{b64decMap nil}}`, `{{getFile "notes.txt"}}`, `{{getFile "nope"}}`, `{{getFileGlob "conf/*.json"}}`, `{{range $p, $c := getFileGlob "**"}}{{$p}};{{end}}`, `{{getFileGlob "conf/*"}} {{getFileGlob "conf/**.txt"}} {{getFileGlob "conf/?.json"}} {{getFileGlob "conf/[ab].json"}} {{getFileGlob "conf/[!a].json"}} {{getFileGlob "{notes.txt,conf/a.json}"}} {{getFileGlob "zzz"}}`, `{{getFile 3}}`, `{{getFileGlob "[a"}}`, `{{hasKey (getFileGlob "conf/*.json") "x"}}`, `{{toJson (getFileGlob "conf/a*")}}`, `{{getFile "notes.txt" | b64enc}} {{getFile "notes.txt" | indent 2}}`,
}

var numbers = []string{
	`{{add 1 2 3}} {{add}} {{add .three .half}} {{add "4" 1}} {{add "x" 1}} {{add true 1}} {{add nil 1}}`, `{{add1 5}} {{sub 5 3}} {{sub 1 .three}} {{mul 2 3 4}} {{mul 2}} {{div 7 2}} {{div -7 2}} {{mod 7 3}} {{mod -7 3}}`, `{{div 1 0}}`, `{{mod 1 0}}`, `{{div 1 .zero}}`, `{{max 1 5 3}} {{min 4 2 8}} {{max .three 1}} {{biggest 1 2}} {{min 1.9 1.5}}`, `{{int "12"}} {{int "0x1f"}} {{int "010"}} {{int "1.0"}} {{int "1.5"}} {{int 3.9}} {{int -3.9}} {{int true}} {{int nil}} {{int .list}} {{int ""}} {{int "1_000"}}`, `{{int64 .big}} {{int64 "7"}} {{float64 "1.5"}} {{float64 "x"}} {{float64 3}} {{float64 nil}} {{float64 "1e3"}} {{float64 true}}`, `{{atoi "12"}} {{atoi "x"}} {{atoi "-3"}} {{atoi "+3"}} {{atoi "99999999999999999999"}} {{atoi "0x1f"}} {{atoi ""}}`, `{{atoi 3}}`, `{{int 1e30}} {{int .huge}}`, `{{floor 1.9}} {{ceil 1.1}} {{floor -1.5}} {{floor "2.7"}}`, `{{mul .half 4}} {{mul 1000000 1000000}}`, `{{typeOf (add 1 2)}} {{typeOf (int 1)}} {{typeOf .three}} {{typeOf (len .list)}}`, `{{.three | int | until}}`, `{{add 9223372036854775807 1}}`, `{{printf "%d" (int .big)}} {{int .long}} {{.long | int64}}`, `{{eq (add 1 1) 2}}`, `{{sub 1}}`, `{{int .big | toString}}`,
}

var encoding = []string{
	`{{toJson .map}}`, `{{toJson .}}`, `{{toJson .html}} {{toRawJson .html}}`, `{{toPrettyJson .map}}`, `{{toPrettyJson .none}} {{toPrettyJson .void}} {{toPrettyJson (list (list) (dict))}}`, `{{toJson nil}} {{toJson 1}} {{toJson 1.5}} {{toJson "a"}} {{toJson true}} {{toJson (until 2)}}`, `{{toJson .uni}} {{toJson .ctl}} {{toJson .quoted}} {{toJson .multi}}`, `{{toJson .big}} {{toJson .huge}} {{toJson .tiny}} {{toJson .half}} {{toJson .long}} {{toJson 1e20}} {{toJson 0.000001}} {{toJson 1e-7}}`, `{{toJson "\xff\u2028"}}`, `{{(fromJson .json).a}} {{fromJson .json}} {{fromJson "bad"}} {{fromJson "3"}} {{fromJson "[1]"}}`, `{{mustFromJson "bad"}}`, `{{mustToJson .list}}`, `{{(fromJson "{\"a\":{\"b\":[1,2]}}").a.b}}`, `{{fromJson 3}}`, `{{toJson (dict "b" 1 "a" (list nil))}}`, `{{toRawJson .map}}`, `{{toPrettyJson .items}}`, `{{index (fromJson "[10,20]") 1}}`, `{{toJson (rest .none)}}`, `{{toJson (split "," "a,b")}}`, `{{"\u007f" | toJson}}`,
}

var regexes = []string{
	`{{regexMatch "^l.*e$" .name}} {{regexMatch "x" .name}} {{regexMatch "(" .name}}`, `{{mustRegexMatch "(" .name}}`, `{{regexFind "[a-f]+" .name}} {{regexFind "z" .name}}|`, `{{regexFind "(" "x"}}`, `{{regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W"}}`, `{{regexReplaceAll "a(x*)b" "-ab-axxb-" "$1W"}}`, `{{regexReplaceAll "a*" "baaac" "x"}}`, `{{regexReplaceAll "[^a-z0-9]" "A-b.C/d" "-"}}`, `{{regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}"}}`, `{{regexMatch "\\d+" "a1"}} {{regexMatch "^\\w+$" "żółć"}} {{regexMatch "^\\d$" "٣"}} {{regexMatch "\\bx\\b" "a x b"}}`, `{{regexMatch "^[\\w.-]+$" "a.b-c"}} {{regexMatch "[[:alpha:]]" "1"}} {{regexMatch "^[[]$" "["}} {{regexMatch "[a&&b]" "&"}}`, `{{regexMatch "(?i)LIGHT" .name}} {{regexMatch "(?s)a.b" "a\nb"}} {{regexMatch "a.b" "a\nb"}} {{regexMatch "(?m)^b$" "a\nb"}}`, `{{regexMatch "\\Qa.b\\E" "a.b"}} {{regexMatch "\\<" "<"}} {{regexMatch "a**" "a"}} {{regexMatch "(?x)a b" "ab"}} {{regexMatch "\\pL" "ż"}} {{regexMatch "\\x41" "A"}}`, `{{regexReplaceAll "(?P<first>\\w)(\\w*)" "ab cd" "${2}${first}"}}`, `{{regexReplaceAll "" "abc" "-"}}`, `{{regexReplaceAll "b" "abc" "$$"}} {{regexReplaceAll "b" "abc" "$"}} {{regexReplaceAll "b" "abc" "$9"}}|`, `{{regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" .name}}`, `{{regexFind "a+?" "aaa"}} {{regexFind "a{2}" "aaa"}} {{regexFind "a{2,}" "aaaa"}}`, `{{regexMatch "[^\\d]" "1"}} {{regexMatch "[\\D]" "x"}} {{regexMatch "\\S" " "}} {{regexMatch "\\s" "\v"}}`, `{{regexMatch "a|b" "b"}} {{regexMatch "^$" ""}} {{regexMatch "\\." "a"}}`, `{{regexMatch "[]a]" "]"}} {{regexMatch "[^]a]" "]"}} {{regexMatch "[a-]" "-"}} {{regexMatch "\\z" "x"}} {{regexMatch "\\Z" "x"}}`,
}

var semvers = []string{
	`{{semverCompare ">=1.30.0" .version}} {{semverCompare "<1.30" .version}} {{semverCompare "^1.2" .version}} {{semverCompare "~1.36" .version}} {{semverCompare "1.36.3" .version}} {{semverCompare "1.x" .version}} {{semverCompare "*" .version}}`, `{{semverCompare ">=1.30.0-0" "v1.36.3-gke.100"}} {{semverCompare ">=1.30.0" "v1.36.3-gke.100"}}`, `{{semverCompare ">1.2 <2 || >3" "3.5.0"}} {{semverCompare ">1.2, <2" "1.2.9"}} {{semverCompare "1.2 - 1.4" "1.3.9"}} {{semverCompare "1.2 - 1.4.5" "1.5.0"}}`, `{{semverCompare "bad" "1.0.0"}}`, `{{semverCompare ">1" "bad"}}`, `{{semverCompare "!=1.2.x" "1.2.3"}} {{semverCompare "!=1.2.3" "1.2.3"}} {{semverCompare "!=1.x" "2.0.0"}} {{semverCompare "!=1.2.3" "1.2.3-beta"}}`, `{{semverCompare "^0.2.3" "0.2.9"}} {{semverCompare "^0.2.3" "0.3.0"}} {{semverCompare "^0.0.3" "0.0.4"}} {{semverCompare "^0" "0.9.0"}} {{semverCompare "^0.0" "0.0.9"}} {{semverCompare "~0" "5.0.0"}} {{semverCompare "~0.0.0" "5.0.0"}}`, `{{semverCompare ">1.2" "1.2.9"}} {{semverCompare ">11" "11.1.0"}} {{semverCompare "<=1.2" "1.2.9"}} {{semverCompare "<=1" "1.9.9"}} {{semverCompare "=>1.2" "1.2.0"}} {{semverCompare "=<1.2" "1.2.0"}}`, `{{semverCompare ">1.0.0-alpha" "1.0.0-alpha.1"}} {{semverCompare ">1.0.0-alpha.9" "1.0.0-alpha.10"}} {{semverCompare ">1.0.0-1" "1.0.0-a"}} {{semverCompare "<1.0.0" "1.0.0-rc.1"}} {{semverCompare "<1.0.0-0" "0.9.0-rc.1"}}`, `{{semverCompare "=1.0.0" "1.0.0+build"}} {{semverCompare "1.0" "v1.0.7"}} {{semverCompare ">=v1.2" "1.2.0"}}`, `{{semverCompare "" "1.0.0"}}`, `{{semverCompare ">=1.0.0" "1.0.0-01"}}`, `{{semverCompare ">= 1.2.3, != 1.4.0" "1.4.0"}} {{semverCompare ">=1.2.3 !=1.4.0" "1.5.0"}}`, `{{semverCompare ">=1" "1.99999999999999999999.0"}}`,
}

var types = []string{
	`{{typeOf nil}} {{typeOf .list}} {{typeOf .map}} {{typeOf (split "," "a")}} {{typeOf (splitList "," "a")}} {{typeOf (until 1)}} {{typeOf .yes}} {{typeOf 'a'}} {{typeOf (index .name 0)}}`, `{{kindOf nil}} {{kindOf .list}} {{kindOf .map}} {{kindOf .one}} {{kindOf 1}} {{kindOf .yes}} {{kindOf "x"}} {{kindOf (int64 1)}} {{kindOf .null}}`, `{{kindIs "map" .map}} {{kindIs "slice" .list}} {{kindIs "string" .one}} {{kindIs "invalid" nil}} {{typeIs "float64" .one}} {{typeIsLike "string" .name}} {{kindIs "float64" .one}}`, `{{kindIs 1 .map}}`, `{{typeOf (keys .map)}} {{typeOf (values .map)}} {{typeOf (dict)}} {{typeOf (getFileGlob "x")}} {{typeOf (fromJson "1")}} {{typeOf (get .map "zz")}}`,
}

var yamls = []string{
	`{{toYaml .map}}`, `{{toYAML .map}}|`, `{{toYaml .list}}`, `{{toYaml .none}} {{toYaml .void}} {{toYaml nil}} {{toYaml 1}} {{toYaml "x"}} {{toYaml true}} {{toYaml .half}}`, `{{toYaml .items}}`, `{{toYaml .config | nindent 4}}`, `{{toYaml (dict "a" (list (list 1 2) (dict "b" (list (dict "c" 1)))))}}`, `{{toYaml (dict "a" "" "b" "yes" "c" "1" "d" "null" "e" "~" "f" "true" "g" "1.5" "h" "0x1f" "i" "on" "j" "2001-01-01" "k" "1e3" "l" ".5" "m" "y" "n" "NO" "o" "0o7" "p" "010" "q" "1_000" "r" ".inf" "s" "=" "t" "<<")}}`, `{{toYaml (dict "a" "x: y" "b" "- x" "c" "#x" "d" "x #y" "e" "[x" "f" "{x}" "g" "*x" "h" "&x" "i" "!x" "j" "%x" "k" "@x" "l" "'x" "m" "\"x" "n" "x'y" "o" "x:" "p" ":x" "q" "-x" "r" "?x" "s" "? x" "t" "a, b" "u" "|x" "v" ">x" "w" " x" "x" "x " "y" "a  b" "z" "-")}}`, `{{toYaml (dict "m" .multi "u" .uni "c" .ctl "q" .quoted "h" .html)}}`, `{{toYaml (dict "a" "one\ntwo" "b" "one\n\ntwo\n\n" "c" "\nx" "d" "  lead\nx" "e" "trail \nx" "f" "x\n" "g" "\n" "h" "tab\there" "i" "a\r\nb")}}`, `{{toYaml (dict "long" (repeat 30 "word "))}}`, `{{toYaml (dict "long" (repeat 200 "x"))}}`, `{{toYaml (dict "1" 1 "true" 2 "null" 3 "a b" 4 "" 5 "x: y" 6 "kubernetes.io/arch" 7)}}`, `{{toYaml (list "a\nb" (list "c\nd") (dict "e" "f\ng"))}}`, `{{toYaml .big}} {{toYaml .huge}} {{toYaml .tiny}} {{toYaml .long}} {{toYaml .neg}} {{toYaml .million}}`, `{{toYaml (dict "a" nil "b" (list nil nil))}}`, `{{(fromYaml .yaml).a}} {{(fromYaml .yaml).b}}`, `{{fromYaml "x"}} {{fromYaml "3"}} {{fromYaml "yes"}} {{fromYaml ""}} {{fromYaml "[1, a, true, null]"}} {{fromYaml "1.0"}} {{fromYaml "0o17"}} {{fromYaml "010"}}`, `{{fromYaml "a: [1"}}`, `{{fromYAML "a: {b: [1, 2.5, x]}"}}`, `{{fromYaml "a: 1\nb: |\n  x\n  y\n" | toJson}}`, `{{toYaml (fromYaml .yaml)}}`, `{{fromYaml "1: a\ntrue: b" | toJson}}`, `{{toYaml (dict "z" 1 "a10" 2 "a9" 3 "B" 4 "b" 5)}}`, `{{toYaml .labels | nindent 6}}`, `{{toYaml (dict "a" "---x" "b" "...x" "c" "it's: so" "d" "x\u00a0y" "e" "\U0001F600" "f" "a\tb" "g" "12:30" "h" "2001-13-01" "i" "2001-1-1 1:2:3" "j" "2001-01-01T00:00:00Z" "k" "1.2.3" "l" "0b11" "m" "08" "n" "1e400" "o" "+1" "p" "0xfg" "q" "a #b" "r" "a#b" "s" "x,y" "t" "\r" "u" "nUll" "v" "Yes" "w" "1__0" "x" "--x")}}`,
	`{{toYaml (dict "k" (printf "%s" (repeat 40 "ab: ")))}}`, `{{toYaml (dict "k" (repeat 30 "it's "))}}`, `{{toYaml (dict "k" (printf "%s\t%s" (repeat 30 "word ") (repeat 30 "a  b ")))}}`, `{{toYaml (dict (repeat 130 "k") 1 "a\nb" 2 "c" (dict (repeat 40 "key ") (list 1)))}}`, `{{toYaml (list (list) (dict) (list (list (list 1))) (dict "a" (dict)) nil)}}`, `{{toYaml "a\nb"}}`, `{{toYaml (dict "a" (dict "b" (dict "c" "x\ny\n")) "d" (list "x\n\n"))}}`, `{{toYaml (list (dict "a" 1 "b" (list 1 2)) (dict "c" (dict "d" 1)))}}`, `{{toYaml (dict "x10" 1 "x9" 2 "x" 3 "x01" 5 "x-1" 6 "x_1" 7 "x.1" 8 "X" 9 "-" 10 "0" 11 "00" 12)}}`, `{{toYaml (until 3)}} {{toYaml (splitList "," "a,b")}} {{toYaml (rest .none)}}`, `{{toYaml (dict "a" 1e20 "b" 1.5e-9 "c" 1234567.5 "d" 100.0 "e" 18446744073709551615.0)}}`, `{{toYaml (dict "args" (list "--flag=x" "--a" "-b" "a=b" "100m" "1Gi" "0.5" "*.example" "http://x:80/y"))}}`,
}

var failures = []string{
	"line one\nline two {{.missing}}", "a\n  {{upper 1}}", "a\n\n{{nosuch}}", `{{template "x" .missing}}{{define "x"}}{{end}}`, `{{$x.name}}`, `{{.name | nosuch}}`, `{{if .missing.deeper}}{{end}}`, `{{range .missing}}{{end}}`, `{{with .missing}}{{end}}`, `{{$d := dict "a" 1}}{{$d.b}}`, `{{(index .items 0).nope}}`, `{{.list.0}}`, `{{index .map "d" "e" "f"}}`, `{{range $x}}{{end}}`, `{{break}}`, `{{define "a"}}{{template "b"}}{{end}}{{template "a"}}`,
}

// sets are packages of several files; the first is executed.
var sets = [][][2]string{
	{{"a.yaml.gotmpl", `{{template "helper" .}}`}, {"z.gotmpl", `{{define "helper"}}H:{{.name}}{{end}}`}},
	{{"a", `{{include "b" .}}`}, {"b", `file b {{.one}}`}},
	{{"a", `{{template "x"}}`}, {"b", `{{define "x"}}first{{end}}`}, {"c", `{{define "x"}}second{{end}}`}},
	{{"a", `{{template "x"}}`}, {"b", `{{define "x"}}first{{end}}`}, {"c", `{{define "x"}}  {{end}}`}},
	{{"a", `{{block "x" .}}default{{end}}`}, {"b", `{{define "x"}}override{{end}}`}},
	{{"a", `ok`}, {"b", `{{nosuch}}`}},
	{{"a", `{{template "sub/b" .}}`}, {"sub/b", "B {{.name}}\n"}},
	{{"a", `{{include "labels" . | nindent 4}}`}, {"h", "{{define \"labels\"}}app: {{.name}}\nregion: {{.labels.region}}{{end}}"}},
	{{"a", `{{template "bad" .}}`}, {"h", "{{define \"bad\"}}\n{{.nope}}{{end}}"}},
	{{"a", "{{- $ns := default .name .empty }}\n{{- range $i, $part := list \"lamp\" \"horn\" }}\n---\nname: {{ printf \"%s-%s\" $.name $part }}\nns: {{ $ns }}\n{{- end }}\n"}},
	{{"a", "{{- if and (hasKey . \"proxy\") (index . \"proxy\") }}proxy{{ else }}none{{ end }}\nenv: {{ .config | toJson | quote }}\nreplicas: {{ .config.replicas }}\n"}},
}

// patterns are what Go's expressions can be made of, and what they cannot.
var patterns = []string{
	`^{.*}$`, `{`, `}`, `a{`, `a{1`, `a{1,`, `a{1,2`, `a{,3}`, `a{2}`, `a{2,}`, `a{1,2}`, `a{01}`, `a{ 1}`, `{2}`, `a{2}{3}`, `a*{2}`, `a{2}?`, `a{2}??`, `a{2}*`,
	`a{1000}`, `a{1001}`, `a{3,2}`, `(a{10}){101}`, `(a{10}){100}`, `a{99999999999}`, `(?:a{2}){2}`, `a{0}`, `\012`, `\12`, `\0`, `\1`, `\18`, `\8`, `\101`, `\0101`, `[\012-\x41]`, `\_`, `\ `, `\-`, `\C`, `\Z`,
	`(?i)*`, `^*a`, `a||b`, `(|a)*`, `(*)`, `|*`, `**`, `a**`, `a*+`, `a+?`, `a+??`, `[a-b-c]`, `[+--]`, `[--a]`, `[a-\d]`, `[\d-a]`, `[[:foo:]]`, `[[:^alpha:]]`, `[[:alpha]`, `[a\b]`, `[z-a]`, `[]`, `[]a]`, `[^]a]`,
	`[^^]`, `[a-]`, `[-a]`, `[a-[:alpha:]]`, `[[:word:]&&[a]]`, `[a~~b]`, `[\]]`, `[\[-\]]`, `[\Q]\E]`, `(?P<n>a+)`, `(?<n>a+)`, `(?P<>a)`, `(?P=n)`, `(?=a)`, `(?i-)`, `(?-i)A`, `(?i-s:A.)`, `(?)a`,
	`()`, `(?z)`, `(?i`, `(?--i)`, `(?U)a+`, `(?U)a+?`, `(?i)AB`, `\pN`, `\p{^Greek}`, `\P{^Greek}`, `[\p{Greek}]`, `\p`, `\p{`, `\x4`, `\x{110000}`, `\x{3b1}`, `\x{}`, `\x41`, `)`, `(`, `((a)`, `\Q*\E+`, `\Q\E+`, `\Qa{1}\E`, `\Q{`,
	`\Q\`, `\z`, `\b{2}`, `\bb\b`, `a\`, `\$\(\w+\)`, `#`, `a b`, `"`,
}

// matched are texts that show what the patterns mean.
var matched = []string{"{a}", "aaaaaa", "a{,3} a{01} a{1,2 a{ 1}", "Ab AB ab", "]-+ [b] ^&~|", "\n\x00 \x01010 A1", "α β", `{{ \_ \Q* $(b) # "`, ""}

// goPatterns are expressions that other engines refuse or read otherwise.
var goPatterns = []string{
	`\B`, `k\B`, `\Bk`, `\B\B.`, `\bſ`, `\b`, `k(?i)*`, `k*(?i)*`, `k+(?s)+`, `k\Q\E*`, `(?P<1>k)`, `(?P<n>k)|(?P<n>K)`, `(?<n>k)(?P<n>.)`,
	`\x{d800}`, `k|\x{dfff}`, `[\x{d800}-\x{dfff}]`, `[^\x{d800}]`, `[a-\x{dfff}]`, `[\x{dbff}-\x{e000}]`, `\x{000000000000006b}`, `(?ii)K`, `(?i-i)k`, `(?-s).`,
	`((k{600}){0,}){2}`, `((k{600}){0}){2}`, `((k{600})*){2}`, `((k{600})?){2}`, `((k{500}){1}){2}`, `k{0,1000}`, `k{0}K`, `(k){0}(K)`, `(?:k{2}){500}`, `[[:]`, `[[:]]`, `[[::]]`, `[[:^foo:]]`,
	`\C`, `\Z`, `\G`, `\E`, `\z`, `k\z`, `\Ak`, `$`, `(?m)$`, `(?m)^.$`, `(?s).`, `(?s)k.K`, `(?-s)k.K`, `(?s-m:k.K)`, `(?s:.)k`, `\Qk.K`, `\Qk\\E`, `[\E]`, `(?U)k*`, `(?U)k*?`, `(?U)k{1,2}`, `(?U:k+)k`,
	`\p{greek}`, `\p{ Gre_ek }`, `\p{Alphabetic}`, `\p{gc=L}`, `\p{L&}`, `\p{LC}`, `\p{Any}`, `\p{ASCII}`, `\p{Assigned}`, `\pL`, `\PL`, `\p{^L}`, `\P{^L}`, `\p{Lowercase_Letter}`, `\p{}`, `\p{^}`, `(?i)\p{Lu}`, `(?i)\P{Lu}`,
	`\d`, `\D`, `\s`, `\S`, `\w`, `\W`, `(?i)\w`, `(?i)\W`, `(?i)[\W]`, `(?i)[^\W]`, `(?i)[^k]`, `(?i)k`, `(?i)ſ`, `(?i)[[:lower:]]`, `(?i)[[:^lower:]]`, `[[:space:]]`, `[^[:space:]]`, `[[:word:]]`, `[[:punct:]]`, `[[:cntrl:]]`,
	`[\d\D]`, `[^\d\D]`, `[\x00-\x{10FFFF}]`, `[^\x00-\x{10FFFF}]`, `(|k)*`, `(|k)+`, `(k|kK)(K|)`, `(k*)*`, `(k*)+`, `(?:)`, `(?:)*`, `()|k`, `k||K`, `(?:k|)+?K`, `\v`, `\f`, `\a`, `\0`, `\x0b`, `\u006b`, `\k`, `\'`, `\<`, `\é`, `[\é]`,
}

var goMatched = []string{"kK", "kkkkkkK", "Kſ", "k\n\n\vK", "٣ 3", "α.β", "k\\ k.K", "é", ""}

func patternCases(patterns, matched []string) []string {
	var sources []string
	for _, pattern := range patterns {
		source := ""
		for _, text := range matched {
			source += fmt.Sprintf("{{regexMatch %q %q}} ", pattern, text)
		}
		sources = append(sources, source)
		source = ""
		for _, text := range matched {
			source += fmt.Sprintf("{{regexReplaceAll %q %q \"<$0>\" | quote}} ", pattern, text)
		}
		sources = append(sources, source)
	}
	return sources
}

// expansions are replacements that name groups, rightly and wrongly.
func expansions() []string {
	var sources []string
	for _, replacement := range []string{
		"$1", "${1}", "$1k", "${1}k", "$n", "${n}", "$nk", "${n}k", "$2", "$9", "$10", "${01}", "$01", "$0", "$00", "$$", "$$1", "$$$1", "$", "${", "${1", "${}", "${ 1}", "${n }", "$-1",
		"$é", "${é}", "$_", "$1$n", "<$1|${n}|$0>", "$99999999999999999999", "\\1", "$n$n$n", "$1-$2", "$one", "${one}",
	} {
		sources = append(sources, fmt.Sprintf("{{regexReplaceAll `(?P<n>k)|(?P<n>K)|(?P<1>x)(?P<one>y)` \"kKxy-k\" %q | quote}}", replacement))
	}
	return sources
}

// constraintCases are constraints, each with many versions.
func constraintCases() []string {
	versions := []string{
		"0.0.0", "0.0.1", "0.0.2", "0.1.0", "0.1.5", "0.2.0", "1", "1.0.1", "1.2", "v1.2.3", "1.2.4", "1.3.0", "2.0.0", "10.0.0", "01.2.3",
		"1.2.3-alpha", "1.2.3-alpha.10", "1.2.3-beta", "1.2.3-1", "1.2.3-10", "1.2.3+build", "0.0.0-a", "2.0.0-0", "1.3.0-0",
	}
	var sources []string
	for _, operator := range []string{"", "!=", ">", "<", ">=", "<=", "~", "^"} {
		for _, version := range []string{
			"0", "0.0", "0.0.0", "0.0.1", "0.1", "0.1.0", "1", "1.2", "1.2.3", "1.x", "1.2.x", "x", "*", "v1.2.3", "1.2.3-alpha", "1.2.3-0", "0.0.0-0", "1.2-beta", "1.x.3", "2",
		} {
			source := ""
			for _, given := range versions {
				source += fmt.Sprintf("{{semverCompare %q %q}} ", operator+version, given)
			}
			sources = append(sources, source)
		}
	}
	for _, constraint := range []string{
		">1.0 <2.0", ">1.0, <2.0", ">=1.2.3 <1.3 || ^2", "1.0 - 1.2.3", "1.0 - 2.x", "0.1 - 1.2 || 2.0.0", "1 || 2 || 0.0.1", "!=1.2.3, >1", " >= 1.0 ", "^1.2 !=1.2.4", "=1.2.3", "=>1.2", "=<1.2", "~>1.2", "=1.x",
	} {
		source := ""
		for _, given := range versions {
			source += fmt.Sprintf("{{semverCompare %q %q}} ", constraint, given)
		}
		sources = append(sources, source)
	}
	for _, pair := range [][2]string{
		{"", "1.0.0"}, {">", "1.0.0"}, {">=1.0.0 <", "1.0.0"}, {"1.0.0 ||", "1.0.0"}, {"a", "1.0.0"}, {"1.0.0.0", "1.0.0"}, {">1", ""}, {">1", "a"}, {">1", "1.2.3.4"}, {">1", "1.2.3-"},
		{">1", "1.2.3-01"}, {">1", "1.2.3-a..b"}, {">1", "1.2.3+"}, {">1", "99999999999999999999.0.0"}, {">1", " 1.2.3"}, {"1x", "1.2.3"}, {"1.|", "1.2.3"}, {">1.2.3-01", "1.2.3"}, {">>1", "2.0.0"}, {"1,2", "1.0.0"},
	} {
		sources = append(sources, fmt.Sprintf("{{semverCompare %q %q}}", pair[0], pair[1]))
	}
	return sources
}
