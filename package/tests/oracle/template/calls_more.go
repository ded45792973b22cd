package template

import (
	"fmt"
	"strings"
)

var listCalls = []call{
	crossed("chunk", []string{"1", "2", "3", "7"}, []string{`.list`, `.none`, `.mixed`, `(until 7)`, `(splitList "," "a,b,c")`, `(rest .none)`}),
	{"chunk", []string{`0 .list`, `0 .none`, `0 (list 1)`, `-1 .list`, `-1 (list 1 2)`, `-1 .none`, `-5 .list`, `-5 .none`, `-2 .list`, `-1 (list 1)`, `2 nil`, `2 .name`, `2 .map`, `"2" .list`, `2.0 .list`, `2 (chunk 2 .list)`, `3 (list 1 2 3 4 5 6 7) | toJson`, `3 .list | len`}},
	{"index (chunk 2 .list)", []string{`0 1`, `1 0`, `1 1`}},
	each("deepCopy", "", values, ""), {"deepCopy", []string{`.map | toJson`, `.mixed | toJson`, `.items | toJson`, `(dict "a" (list 1 nil)) | toYaml`, `(rest .none) | toJson`, `(regexFindAll "z" "a" -1) | toJson`}},
	each("typeOf", "", values, ""), each("kindOf", "", values, ""), each("empty", "", values, ""), each("toJson", "", values, ""), each("toPrettyJson", "", values, ""), each("toRawJson", "", values, ""), each("toYAML", "", values, ""), each("quote", "", values, ""), each("squote", "", values, ""),
	each("print", "", values, ""), each("println", "", values, `"x" 1`), each("html", "", values, ""), each("js", "", values, ""), each("urlquery", "", values, ""), each("len", "", values, ""), each("not", "", values, ""), each("default", `"d"`, values, ""), each("coalesce", "", values, `"c"`), each("all", "", values, "1"),
	each("any", "", values, "0"), each("ternary", "1 2", values, ""), each("toStrings", "", values, ""), each("join", `"-"`, values, ""), each("sortAlpha", "", values, ""), each("first", "", values, ""), each("last", "", values, ""), each("rest", "", values, ""), each("initial", "", values, ""), each("reverse", "", values, ""), each("compact", "", values, ""), each("uniq", "", values, ""),
	each("append", ".list", values, ""), each("push", "(until 2)", values[:9], ""), each("prepend", ".none", values[:9], ""), each("has", "", values, "(list nil 1 1.5 true .list)"), each("without", "(list 1 2 nil)", values, ""), each("concat", ".list", values, ""), each("slice", "", values, "1"), each("index", "", values, "0"), each("list", "", values, ""), each("tuple", "", values, ""), each("dict", `"k"`, values, ""),
	each("typeIs", `"string"`, values, ""), each("typeIsLike", `"semver.Version"`, values, ""), each("kindIs", `"slice"`, values, ""), each("deepEqual", ".list", values, ""), each("required", `"need"`, values, ""), each("fail", "", []string{`"x"`, `""`, `3`, `nil`, `.name`}, ""),
	each("eq", "1", values, ""), each("ne", `"x"`, values, ""), each("lt", "1", values, ""), each("le", "1", values, ""), each("gt", `"a"`, values, ""), each("ge", "1.5", values, ""), each("and", "1", values, ""), each("or", "0", values, ""), each("call", "", values[:9], ""),
	each("hasKey", "", []string{`.map "a"`, `.map ""`, `(dict "" 1) ""`, `.void "a"`, `(split "," "a") "_0"`, `nil "a"`}, ""), each("get", "", []string{`.map "d"`, `.map ""`, `(dict "a" nil) "a"`, `.void "a"`, `nil "a"`}, ""), each("pluck", `"a"`, []string{`.map`, `.map (dict "a" nil)`, `(dict)`, `nil`, `.list`, ``}, ""),
	each("values", "", []string{`(dict "a" nil)`, `nil`, `.void`, `.list`, `(dict "k" .list)`}, ""), each("pick", "", []string{`.map`, `.map "a"`, `.map "zz"`, `nil "a"`, `.map 1`, `.map "d" "a"`}, ""), each("omit", "", []string{`.map`, `.map "a" "b" "c"`, `.map "zz"`, `nil "a"`, `.map 1`}, ""), each("unset", "", []string{`.map "a"`, `.map "zz"`, `nil "a"`, `.list "a"`, `(dict "a" 1) "a"`}, ""), each("set", "", []string{`(dict) "a" nil`, `(dict) "a" (list)`, `nil "a" 1`, `(split "," "a") "a" "b"`}, ""),
	each("dig", "", []string{`"a" 0 .map`, `"d" "e" 0 .map`, `"d" "f" 0 .map`, `"d" "x" (list) .map`, `"a" 0 nil`, `"a" "b" "c" "d" 0 .map`}, ""), each("keys", "", []string{`(dict "b" 1 "a" 2) | sortAlpha`, `.void`, `nil`, `(dict "x" 1)`, `.list`, `(split "," "a")`}, ""),
	each("merge", "", []string{`(dict) (dict "a" 1 "b" (dict "c" nil))`, `(dict "b" (dict "c" 1)) (dict "b" (dict "c" 2 "d" 3))`, `nil (dict "a" 1)`, `(dict "a" 1) nil`, `(dict "a" (list)) (dict "a" (list 1))`, `(dict "a" false) (dict "a" true)`, `.map "x"`}, "| toJson"), each("mergeOverwrite", "", []string{`(dict) (dict "a" 1 "b" (dict "c" nil))`, `(dict "b" (dict "c" 1)) (dict "b" (dict "c" 2 "d" 3))`, `nil (dict "a" 1)`, `(dict "a" 1) nil`, `(dict "a" (list 1)) (dict "a" (list))`, `(dict "a" true) (dict "a" false)`, `(dict "a" (dict "b" 1)) (dict "a" nil)`}, "| toJson"),
}

var encodings = []string{`""`, `"a"`, `"ab"`, `"abc"`, `"abcd"`, `"abcde"`, `"ż\x00\xff"`, `"line\nline\n"`, `"hello"`, `"{\"a\":1}"`}

var encodingCalls = []call{
	each("b64enc", "", encodings, ""), each("b32enc", "", encodings, ""), each("b64dec (b64enc", "", encodings, ")"), each("b32dec (b32enc", "", encodings, ")"),
	{"b64dec", []string{
		`"!!"`, `"a"`, `"aa"`, `"aaa"`, `"aaaa"`, `"aaaaa"`, `"aGVsbG8"`, `"aGVsbG8="`, `"aGVsbG8=="`, `"aGVsbG8=="`, `"aGVs bG8="`, `"aGVs\nbG8=\n"`, `"aG\r\nVsbG8="`, `"aGVsbG8=x"`, `"aGVsbG8=\n\n"`, `"YQ=="`, `"YR=="`, `"YQ="`, `"YQ=\n="`, `"YQ==\nx"`, `"="`, `"=="`, `"===="`, `"a==="`, `"aGVsbG8-_"`, `"ża=="`, `"aaaa!aaa"`, `"aaaaaaaaaaaaaaaa!"`, `"YQ==YQ=="`, `"/+A="`, `"aaa=aaaa"`, `"aaaaaaaaaaa*"`,
		`"aaaaaaaa\naaaa"`, `" "`, `"aa=a"`, `"\n"`, `"a\n"`, `"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"`, `"YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXo=?"`, `"aaaa====aaaa"`,
	}},
	{"b32dec", []string{
		`"!!"`, `"a"`, `"MFRGG==="`, `"mfrgg==="`, `"MFRGGZA="`, `"MFRGGZDF"`, `"MFRGG"`, `"MFRGG=="`, `"MFRGG===="`, `"MF\nRGG==="`, `"MFRGG===x"`, `"MFRGG===\n"`, `"ME======"`, `"MF======"`, `"MFRA===="`, `"M======="`, `"MFR====="`, `"MFRGG=AA"`, `"M1======"`, `"========"`, `"="`, `"MFRGGZDFMFRGG8=="`, `"MFRGGZD="`, `"MFRGGZDF M"`, `"ż"`, `"MFRGGZDFMFRGGZDFA"`, `"M\r\nFRGGZDF"`, `"\n"`, `"MFRGGZDFMFRGG"`, `"MFRGGZDFMFRGGZDF!"`, `"MFRG===="`, `"MFRG===A"`, `"ME=====\n="`, `"ME======ME======"`,
	}},
	{"b64decMap", []string{`(dict)`, `(dict "a" "YQ==" "b" 3)`, `(dict "a" "!")`, `(dict "a" "YQ=")`, `(dict "a" "YQ==\n")`, `nil`, `(split "," "YQ==")`, `.list`, `(dict "a" nil)`}},
	{"toJson", []string{`(float64 "inf")`, `(float64 "nan")`, `(list 1 (float64 "inf"))`, `"<&>\u2028\x01\xff"`, `9007199254740993`, `.config`, `(dict "b" 1 "a" 2 "B" 3 "10" 4 "9" 5)`}}, {"toPrettyJson", []string{`(float64 "inf")`, `.items`, `"<&>"`, `(dict "b" (list) "a" (dict))`}}, {"toRawJson", []string{`(float64 "inf")`, `"<&>\u2028"`, `.html`}},
	{"fromJson", []string{`"9007199254740993"`, `"1e400"`, `"{\"a\":1,\"a\":2}"`, `"[1,2"`, `"{} x"`, `""`, `" null "`, `"\"\\ud800\""`, `"01"`, `"{\"b\":{\"z\":[]}}" | toJson`, `"12345678901234567890" | printf "%.0f"`, `"nul"`, `"{'a':1}"`, `"[1,]"`, `"1.5e3"`}},
	{"fromYAML", []string{`nil`, `3`, `.map`, `.list`, `true`, `""`, `"a: 1\nb: [x, null, 0.5]" | toJson`, `"- 9007199254740993\n- 0x1F\n- 1e3" | toJson`, `"a: &x {b: 1}\nc: *x" | toJson`, `"---\na: 1\n" | toJson`, `"a: 1\n---\nb: 2" | toJson`, `"a: yes\nb: 'yes'\nc: ~" | toJson`, `"{" `, `"a: b: c"`, `"z: 1\nb: 2\na: 3" | toYAML`, `"text: |\n  one\n  two\n" | toYAML`, `(toYAML .map) | toJson`, `(index .name 0)`}},
	{"toYAML", []string{`"x\n"`, `"x\n\n"`, `"a: b"`, `"- dash"`, `"---"`, `"multi\nline"`, `.multi`, `(dict "z" 1 "a" 2 "10" 3 "9" 4)`, `(dict "v" (semver "1.2.3+b"))`, `(list (semver "1.2"))`, `(semver "1.2").Major`, `9007199254740993`, `(int64 9007199254740993)`, `.config`, `(dict "a" 0.1 "b" 1e21 "c" 1e-7 "d" 100000000.0)`, `(float64 "inf")`, `"" `, `"null"`, `"6123e456"`, `"1e3"`, `"0777"`, `"y"`, `.full`}},
	{"getFile", []string{`"notes.txt"`, `"conf/a.json"`, `"./notes.txt"`, `"/notes.txt"`, `""`, `nil`, `"conf"`}}, {"getFileGlob", []string{`"*"`, `"**"`, `"conf/*.{json,txt}"`, `"*/*"`, `""`, `"{a"`, `"{notes.txt"`, `"notes.txt\\"`, `"conf/[a-b].json" | toJson`, `"conf/[b-a].json"`, `"conf/[a-].json"`, `"conf/[-a].json"`, `"conf/[ab-].json"`, `"conf/[].json"`, `"conf/[^a].json"`, `"conf/[!b].json"`, `"conf/[a-bc].json"`, `"conf/{a,b}}.json"`, `"conf/{a,{b,c}}.json"`, `"conf/***"`, `"con?/?.json"`, `"conf]"`, `"conf/[\\a].json"`, `"conf/{b\\,,a}.json"`, `nil`, `"conf/\\a.json"`}},
	{"include", []string{`"nope" .`, `"nope"`, `nil .`, `3 .`}}, {"printf", []string{`"%s" (semver "v1.2.3")`, `"%v|%q|%x" (semver "1.2") (semver "1.2") (semver "1.2")`, `"%d" (semver "1.2.3-a+b")`, `"%T %T" (semver "1.2.3") (semver "1.2.3").IncPatch`, `"%+v" (semver "1.2")`, `"%#v" (semver "v1.2.3-a+b")`, `"%#v %v" (semver "1.2").IncMinor (semver "1.2").IncMinor`, `"%d %x %#v %T %05d" (semver "77.2").Major (semver "77.2").Major (semver "77.2").Major (semver "77.2").Major (semver "77.2").Major`, `"%v" (list (semver "1.2") (semver "3.4").IncPatch)`, `"%t %5s|%-7v|" (semver "1.0") (semver "1.0.0") (semver "1.0.0")`, `"%#v %T" (chunk 2 .list) (chunk 2 .list)`, `"%q %s" (chunk 2 .list) (chunk 2 .list)`}},
}

var regexCalls = append([]call{
	crossed("regexFindAll", []string{`"[a-z]+"`, `"a*"`, `""`, `"(a)(b)?"`, `"b*"`, `"^."`, `"(?m)^."`, `"\\b"`, `"["`, `"é|."`}, []string{`"ab aab" -1`, `"ab aab" 0`, `"ab aab" 1`, `"ab aab" 2`, `"" -1`, `"éaé\nb" -1`}),
	crossed("regexSplit", []string{`","`, `""`, `"a*"`, `"[,;] *"`, `"x"`, `"^"`, `"$"`, `"("`, `"\\s+"`, `"é"`}, []string{`"a,b; c,,d" -1`, `"a,b; c,,d" 0`, `"a,b; c,,d" 1`, `"a,b; c,,d" 2`, `"a,b; c,,d" 3`, `"" -1`, `"aéaxb" -1`, `",a," -1`}),
	{"regexFindAll", []string{`"a" "a" "1"`, `"a" 3 -1`, `"a" "aaa" .three`, `"z" "a" -1 | toJson`, `"z" "a" -1 | kindOf`, `"a{2}" "aaaaa" -1 | toJson`, `"\\d+" "a1b22" -1 | toJson`}}, {"regexSplit", []string{`"," "a,b" 0 | toJson`, `"," "a,b" -1 | toJson`, `"," "" 0 | toJson`, `"," "" -1 | toJson`, `"a" nil 1`, `"" "" -1 | toJson`, `"" "aé" -1 | toJson`, `"," ",," -1 | toJson`}},
	each("regexQuoteMeta", "", append([]string{`"\\.+*?()|[]{}^$"`, `"a-b_c"`, `"é.\n"`, `3`}, texts...), ""),
	{"regexMatch (regexQuoteMeta", []string{`"a.b*c") "a.b*c"`, `"[x]{2}") "[x]{2}"`, `"a") "b"`}},
	{"regexFind", []string{`"a+" ""`, `"(" "a"`, `"a|b" "xb"`, `"^a" "ba"`, `"" "a"`}}, {"regexReplaceAll", []string{`"a" "banana" "$0$0"`, `"(" "a" "b"`, `"x*" "abc" "-"`}}, {"regexReplaceAllLiteral", []string{`"a" "banana" "$0"`, `"(" "a" "b"`, `"x*" "abc" "-"`, `"(b)" "abc" "<$1>"`, `"" "" "-"`, `"é" "aé" ""`}},
}, versionCalls...)

var versions = []string{
	`"1.2.3"`, `"v1.2.3"`, `"V1.2.3"`, `"1"`, `"1.2"`, `"v1"`, `"1.2.3-alpha"`, `"1.2.3-alpha.1"`, `"1.2.3+build.5"`, `"v1.36.3-eks-1a2b3c+harbour.5"`, `"1.2.3-0"`, `"1.2.3-01"`, `"1.2.3-a.01"`, `"1.2.3-a.0a"`, `"01.02.03"`, `"1.2.3.4"`, `"1.2.3-"`, `"1.2.3+"`, `"1.2.3+01"`, `"1.2-rc"`, `"1-rc+b"`, `""`, `"x"`, `" 1.2.3"`, `"1.2.3 "`, `"1.2.3\n"`,
	`"18446744073709551615.0.0"`, `"18446744073709551616.0.0"`, `"0.0.0"`, `"1.2.3--"`, `"1.2.3-é"`, `"1.2.3+a..b"`, `"1..2"`, `"-1.2.3"`, `"1.9007199254740993.0"`, `"1.2.3-99999999999999999999"`,
}

var methods = []string{`String`, `Original`, `Major`, `Minor`, `Patch`, `Prerelease`, `Metadata`, `IncMajor`, `IncMinor`, `IncPatch`, `Value`, `IncMajor.IncMinor`, `IncPatch.Prerelease`, `IncMajor.Original`, `IncMajor.String`, `IncMajor.Major`, `major`, `pre`, `Nope`, `originalVPrefix`}

var versionCalls = versionCases()

func versionCases() []call {
	made := []call{each("semver", "", versions, ""), {"semver", []string{`3`, `nil`, `1.2`, `.version`, `.list`, ``}}}
	for _, method := range methods {
		made = append(made, each("(semver", "", []string{`"1.2.3"`, `"v1.2.3-rc.1+b.7"`, `"0.9"`, `"v2.18446744073709551615.7+x"`}, ")."+method))
	}
	others := []string{`"1.2.3"`, `"v1.2.3"`, `"1.2.4"`, `"1.2.3-rc.1"`, `"1.2.3-rc.2"`, `"1.2.3-rc.10"`, `"1.2.3-rc"`, `"1.2.3-1"`, `"1.2.3-99999999999999999999"`, `"1.2.3-99999999999999999998"`, `"1.2.3+x"`, `"2"`}
	for _, method := range []string{"Compare", "Equal", "LessThan", "LessThanEqual", "GreaterThan", "GreaterThanEqual"} {
		for _, one := range others {
			made = append(made, each("", fmt.Sprintf("(semver %s).%s (semver", one, method), others, ")"))
		}
	}
	made = append(made, call{"", []string{
		`(semver "1.2.3").Compare`, `(semver "1.2.3").Compare "1.2.3"`, `(semver "1.2.3").Compare nil`, `(semver "1.2.3").Equal nil`, `(semver "1.2.3").LessThan (semver "1.2.3").IncMajor`, `(semver "1.2.3").Major 1`, `(semver "1.2.3").SetPrerelease "rc.1"`, `(semver "1.2.3").SetPrerelease "01"`, `(semver "v1.2.3").SetMetadata "b.1"`, `(semver "1.2.3").SetMetadata "b_1"`,
		`(semver "1.2.3").SetPrerelease ""`, `(semver "1.2.3").SetMetadata 3`, `((semver "v1.2.3").SetMetadata "b").Metadata`, `(semver "1.2.3").Compare (semver "1.2.4") (semver "1")`, `semver "1.2.3" | printf "%s" | upper`, `(semver "2.0") | (semver "1.0").Compare`, `$v := semver "1.2.3-a"`, `eq (semver "1.2.3") (semver "1.2.3")`, `eq (semver "1.2.3").IncMajor (semver "1.2.3").IncMajor`, `eq (semver "1.2.3").IncMajor (semver "v1.2.3").IncMajor`,
		`eq (semver "1.2.3").Major 1`, `eq 1 (semver "1.2.3").Major 2`, `lt (semver "1.2.3").Minor 3`, `gt (semver "1.2.3").Minor 3`, `le 2 (semver "1.2.3").Minor`, `eq (semver "1.2.3").Major 1.0`, `eq (semver "18446744073709551615.0.0").Major -1`, `lt -1 (semver "1.0").Minor`, `add (semver "1.2.3").Minor 1`, `int (semver "1.2.3").Minor`, `until (semver "1.2.3").Minor`, `until (int (semver "1.2.3").Minor)`, `index .list (semver "0.1.0").Minor`, `index .list (semver "0.18446744073709551615.0").Minor`,
		`add 0 (semver "0.18446744073709551615.0").Minor`, `float64 (semver "0.18446744073709551615.0").Minor`, `typeOf (semver "1.2.3").Compare`, `deepEqual (semver "1.2.3") (semver "1.2.3")`, `deepEqual (semver "1.2.3") (semver "v1.2.3")`, `has (semver "1.2.3") (list (semver "1.2.3"))`, `uniq (list (semver "1.2.3") (semver "1.2.3") (semver "v1.2.3"))`, `without (list (semver "1.2.3") 1) (semver "1.2.3")`, `dict "v" (semver "1.2") | toJson`,
		`(dict "v" (semver "1.2")).v.Minor`, `(index (list (semver "1.2")) 0).Minor`, `len (semver "1.2")`, `index (semver "1.2") 0`, `slice (semver "1.2") 0`, `first (semver "1.2")`, `join "," (list (semver "1.2") (semver "v3.4"))`, `int (semver "1.2")`, `add (semver "3.2") 1`, `float64 (semver "1.2")`, `upper (semver "1.2")`, `hasKey (semver "1.2") "a"`, `ternary 1 2 (semver "1.2")`, `semverCompare ">1" (semver "1.2")`, `semverCompare ">1" (semver "1.2").String`, `toDecimal (semver "1.2").Major`, `toString (semver "v1.2")`,
		`seq (semver "1.2").Minor`, `round (semver "1.2").Minor 1`, `not (semver "0.0.0")`, `and (semver "0.0.0") 1`, `default 1 (semver "0.0.0")`, `coalesce (semver "0.0.0").Major (semver "0.0.0")`, `print (semver "1.2").Major (semver "1.2").Minor`, `html (semver "1.2-a")`, `(semver "1.2").Major.x`, `(semver "1.2").Prerelease.x`, `lt (semver "1.2") (semver "1.3")`, `eq (semver "1.2") nil`, `eq nil (semver "1.2")`, `eq (semver "1.2") "1.2.0"`, `kindIs "ptr" (semver "1.2")`, `sortAlpha (list (semver "2.0") (semver "1.0"))`,
		`toYAML (list (semver "2.0") (semver "1.0").Major)`, `toYAML (semver "1.0").IncMajor`, `b64enc (semver "1.2").String`, `mul (semver "3.2").Major (semver "3.2").Minor`, `max (semver "3.2").Major 2`, `splitList "." (semver "3.2").String`, `compact (list (semver "0.0.0") (semver "0.0.0").Major)`, `concat (list (semver "1.0")) (list 1) | len`, `deepCopy (list (semver "1.2.3"))`, `(semver "1.2.3").IncPatch.LessThan (semver "2")`,
	}})
	constraints := []string{">=1.2.3", ">=1.2.3-0", "^1.2", "~1.2.3-rc.1", "!=1.2.3", "1.2.x", "*", ">1.0.0-0 <2", ">1.0.0 <2.0.0-0", "^1.0.0-0 || >3", "=1.2.3+build", "1.2 - 1.4", ">=1.2.3-rc.1 <1.3"}
	for _, constraint := range constraints {
		made = append(made, each("semverCompare", fmt.Sprintf("%q", constraint), versions[:16], ""))
	}
	return append(made, call{"semverCompare", []string{
		fmt.Sprintf(`%q "1.0.0"`, strings.Repeat(" ", 600)), fmt.Sprintf(`">1" %q`, "1.0.0-"+strings.Repeat("a", 300)), fmt.Sprintf(`">1" %q`, "2.0.0+"+strings.Repeat("a", 250)), fmt.Sprintf(`">1" %q`, "2.0.0+"+strings.Repeat("a", 251)), fmt.Sprintf(`%q "1.0.0"`, strings.Repeat(">0||", 32)+">0"), fmt.Sprintf(`%q "1.0.0"`, strings.Repeat(">0||", 31)+">0"),
	}})
}

// callCases are all calls, each a case, and once more with the functions that fail in place of those that do not.
func callCases() []string {
	twins := map[string]string{}
	for _, name := range strings.Fields(sprigNames) {
		if plain, isMust := strings.CutPrefix(name, "must"); isMust {
			twins[strings.ToLower(plain[:1])+plain[1:]] = name
		}
	}
	var sources []string
	for _, call := range calls {
		for _, args := range call.args {
			sources = append(sources, "["+strings.TrimSpace("{{"+call.name+" "+args)+"}}]")
			if twin, ok := twins[call.name]; ok {
				sources = append(sources, "["+strings.TrimSpace("{{"+twin+" "+args)+"}}]")
			}
		}
	}
	return sources
}
