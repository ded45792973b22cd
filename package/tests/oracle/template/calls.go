package template

import (
	"slices"
	"strings"
)

// A call is a function and what it is called with: a case each.
type call struct {
	name string
	args []string
}

// texts are strings that have something to them: words, cases, runes of several bytes, bytes of none, blanks.
var texts = []string{
	`""`, `" "`, `"a"`, `"Aa bB"`, `"some_words here-now"`, `"HTTPServer2xx"`, `"Bld4Floor3rd"`, `"żółć Straße ǅ ᾳ İ ſ"`, `"漢字 ✓"`,
	`"  lead  trail\t\n"`, `"first\nsecond\n\n  third\n"`, `"a\x85\xa0b\xff"`, `"-_dashed--_--x_"`, `"a1B2_c3D4"`, `"say \"hi\" 'there'"`,
	`"/a/./b/../c.tar.gz"`, `"1.20.3-rc.1+build"`, `"The quick brown fox jumps over it, and over averyveryverylongword-that-has-no-blank again."`,
	`"ABC.def!GHI?"`, `"nb\u00a0sp\u2003em\u0085nel"`, `"x²y½ Ⅷ ٣"`,
}

// each is the function called with each of some arguments, after and before others.
func each(name, before string, args []string, after string) call {
	made := call{name: name}
	for _, arg := range args {
		made.args = append(made.args, strings.TrimSpace(before+" "+arg+" "+after))
	}
	return made
}

// crossed is the function called with every pair of arguments.
func crossed(name string, first, second []string) call {
	made := call{name: name}
	for _, one := range first {
		for _, other := range second {
			made.args = append(made.args, one+" "+other)
		}
	}
	return made
}

var calls = slices.Concat(wordCalls, numberCalls, pathCalls, urlCalls, listCalls, encodingCalls, regexCalls)

var widths = []string{"-3", "0", "1", "3", "4", "5", "7", "8", "12", "40", "9999"}

var wordCalls = []call{
	{"hello", []string{``, `1`, `| upper`, `| len`, `| trunc 2`, `| printf "%T %s" 1`}},
	each("nospace", "", texts, ""), each("initials", "", texts, ""), each("swapcase", "", texts, ""), each("untitle", "", texts, ""),
	each("snakecase", "", texts, ""), each("kebabcase", "", texts, ""), each("camelcase", "", texts, ""),
	each("snakecase", "", words, ""), each("kebabcase", "", words, ""), each("camelcase", "", words, ""),
	each("title", "", texts, ""), each("upper", "", texts, ""), each("lower", "", texts, ""), each("trim", "", texts, ""),
	crossed("abbrev", widths, []string{`""`, `"abc"`, `"abcdefgh"`, `"now is the time"`, `"żółć and more"`}),
	crossed("abbrevboth", []string{"-1 8", "0 3", "0 4", "0 8", "1 4", "1 6", "1 7", "1 10", "4 10", "5 10", "6 9", "8 10", "14 10", "99 10", "5 7"},
		[]string{`""`, `"abcdefgh"`, `"now is the time for all"`, `"żółć and more of it"`}),
	crossed("wrap", []string{"-1", "0", "1", "5", "10", "25", "200"}, texts),
	crossed("wrapWith", []string{`0 "|"`, `1 "|"`, `5 ""`, `5 "\r\n"`, `10 "|"`, `25 "<br>"`, `200 "|"`}, texts),
	{"abbrev", []string{`"5" "abc"`, `5 3`, `5.0 "abcdefgh"`, `.three "abcdefgh"`, `5`}}, {"wrap", []string{`5 nil`, `"5" "a b"`}},
	crossed("splitn", []string{`","`, `""`, `"ab"`}, []string{`-1 "a,b,,c"`, `0 "a,b"`, `1 "a,b"`, `2 "a,b,,c"`, `3 "abcab"`, `9 "żab"`, `2 ""`}),
	{"splitn", []string{`"," "2" "a"`, `"," 2.5 "a"`, `"$" 2 "a$b$c"`}},
	each("sha1sum", "", texts, ""), each("sha256sum", "", texts[:6], ""), each("adler32sum", "", texts, ""), {"adler32sum", []string{`(repeat 6000 "z")`, `3`}},
	each("trunc", "3", texts, ""), each("trunc", "-2", texts, ""), each("quote", "", texts, ""), each("squote", "", texts, ""),
	each("trimSuffix", `"-"`, []string{`"a-"`, `"a--"`, `"-"`, `""`, `"-a"`}, ""), each("trimPrefix", `"---"`, []string{`"---"`, `"----"`, `"--"`, `"---\na"`}, ""),
	each("trimAll", `"-\n"`, []string{`"---\na\n---"`, `"\n"`, `"a-\n-b"`, `""`, `"-a\n"`}, ""),
	each("toString", "", values, ""), each("cat", "", values, `"x"`),
	{"plural", []string{`"a" "b" 0`, `"a" "b" -1`, `"a" "b" (len .list)`, `"a" "b" 1.0`, `"a" "b"`}},
}

// words are texts in which cases, digits, connectors and marks meet.
var words = []string{
	`"FirstName"`, `"HTTPServer"`, `"NoHTTPS"`, `"GO_PATH"`, `"GO PATH"`, `"GO-PATH"`, `"http2xx"`, `"HTTP20xOK"`, `"Duration2m3s"`, `"_complex__case_"`,
	`"aB"`, `"AB"`, `"ABc"`, `"aBC"`, `"A1"`, `"a1"`, `"1a"`, `"1A"`, `"12-ab"`, `"ab.CD"`, `"ab.cd-EF"`, `"..A.."`, `"A.B_c"`, `"x--Y"`, `"A_"`, `"_A"`, `"__"`, `"-"`, `"A 1 b"`,
	`"ÄÖÜäöü"`, `"Éa"`, `"漢字AB"`, `"a漢B"`, `"a\xffB"`, `"\xff"`, `"A\xff\xffb"`, `"a\t\nB"`, `"ab12CD34ef"`, `"AB12cd"`, `"AB12Cd"`, `"x²Y"`, `"ǅungla"`, `"İstanbul"`, `"a+B"`, `"A$b"`, `"€A"`, `"9$9"`,
}

// values are one of each kind.
var values = []string{
	`nil`, `true`, `1`, `-7`, `1.5`, `1e21`, `9007199254740993`, `.big`, `.huge`, `.tiny`, `.three`, `.null`, `""`, `"x"`, `.list`, `.none`, `.map`, `.void`, `(list)`, `(until 2)`,
	`(splitList "," "a,b")`, `(split "," "a,b")`, `(int64 5)`, `(index .name 0)`, `(semver "v1.2.3-a+b")`, `(semver "1.2").Major`, `(semver "1.2").IncMajor`, `(chunk 2 .list)`, `(regexFindAll "z" "a" -1)`, `(rest .none)`,
}

var numbers1 = []string{
	`0`, `1`, `-1`, `1.5`, `-1.5`, `0.1`, `"0.1"`, `"1e3"`, `"x"`, `""`, `nil`, `true`, `.three`, `.half`, `.big`, `.huge`, `.tiny`, `9007199254740993`, `9223372036854775807`, `"9007199254740993"`, `1e308`, `5e-324`,
	`"inf"`, `"-Inf"`, `"nan"`, `.list`, `(int64 7)`, `(index .name 0)`, `(semver "3.2.1").Major`, `"0x1p4"`, `" 1"`, `"1_000"`, `3.14159265358979`, `123456789.987654321`,
}

var numberCalls = []call{
	each("add1f", "", numbers1, ""), each("addf", "", numbers1, ""), each("addf", "", numbers1, "0.2"), each("subf", "", numbers1, "0.1"), each("mulf", "", numbers1, "1.1"),
	each("divf", "", numbers1, "3"), each("divf", "10", numbers1, ""), each("maxf", "", numbers1, "1.25"), each("minf", "", numbers1, "1.25"), each("maxf", "", numbers1, ""),
	each("float64", "", numbers1, ""), each("int64", "", numbers1, ""), each("int", "", numbers1, ""), each("ceil", "", numbers1, ""), each("floor", "", numbers1, ""), each("add1", "", numbers1, ""),
	each("round", "", numbers1, "2"), each("round", "", numbers1, "0 0.6"), each("toDecimal", "", numbers1, ""),
	{"addf", []string{``, `1 2 3 0.4`, `0.1 0.2 0.3 0.4 0.5`, `1e308 1e308`, `1e308 1e-308`, `1e21 1`, `0.1 0.7 -0.8`}},
	{"subf", []string{``, `1`, `1 2 3`, `0.3 0.1`, `1e16 1`}},
	{"mulf", []string{``, `2`, `1.1 1.1 1.1`, `1e308 10`, `1e-308 1e-308`, `0.1 0.1 0.1 0.1 0.1`, `-2 0.5`, `-0.0 1`}},
	{"divf", []string{``, `2`, `1 3`, `2 3`, `-2 3`, `10 4 2.5`, `1 0`, `1 "x"`, `1e300 1e-300`, `1e-20 1e20`, `5e-17 1`, `-5e-17 1`, `0.00000000000000005 1`, `1 7 7 7`, `22 7`}},
	{"maxf", []string{``, `1 2.5 3`, `-1 "nan"`, `"nan" 1`, `"inf" 1`, `0 -0.0`}}, {"minf", []string{``, `1 2.5 3`, `"-inf" 1`, `1 "nan"`, `-0.0 0`}},
	{"round", []string{
		`123.555555 3`, `123.555555 -1`, `123.5 0`, `0.5 0`, `1.5 0`, `2.5 0`, `-0.5 0`, `-1.5 0`, `-123.555555 3`, `2.675 2`, `1.005 2`, `1.25 1 0.4`, `1.25 1 0.9`, `1.25 1 1`, `1.25 1 .half`, `1.25 1 .one 3`, `1e22 2`,
		`1.23456789012345678 15`, `3.7 23`, `3.7 100`, `3.7 308`, `3.7 309`, `3.7 400`, `37 -2`, `37 -400`, `"5.55" 1`, `1.5 "1"`, `1.5`, `1.5 .three`, `1.5 1 "0.5"`, `1.5 1 nil`, `1.25 1 (int 1)`, `0.285 2`, `12345.6789 -3`, `5e-324 323`, `1.5 22`, `1.5 -22`, `9007199254740993 0`,
	}},
	{"toDecimal", []string{`"755"`, `"0755"`, `755`, `"8"`, `"-17"`, `"+17"`, `"0o17"`, `"1_7"`, `"777777777777777777777"`, `"7777777777777777777777"`, `""`, `1.0`, `17.5`, `.list`, `nil`, `true`}},
	{"seq", []string{
		``, `0`, `1`, `5`, `-3`, `2 5`, `5 2`, `2 2`, `0 2 10`, `0 -2 -5`, `5 -2 0`, `5 2 0`, `0 -2 5`, `1 0 5`, `5 0 1`, `3 1 3`, `3 -1 3`, `1 2 3 4`, `"3"`, `2.0`, `.three`, `(len .list)`, `1 3 10`, `10 -3 1`, `-2`, `-2 2`, `9223372036854775806 9223372036854775807`,
	}},
	{"until", []string{`5`, `-2`, `1`, `(len .list)`}}, {"untilStep", []string{`0 9 4`, `9 0 -4`, `0 9 -1`, `3 3 1`, `-4 4 2`, `0 "9" 1`}},
	{"atoi", []string{`"9007199254740993"`, `"-0"`, `" 1"`, `"1_0"`, `"007"`, `"9223372036854775808"`}},
	{"int", []string{`"1."`, `".5"`, `"-.5"`, `"+1.9"`, `"1.2.3"`, `"1.x"`, `"0b11"`, `"0o17"`, `"1e3"`, `"08"`, `"1.5e3"`, `"-"`, `"+"`, `"."`, `"0x1.8"`, `"10.00"`, `"-7.9"`}},
	{"float64", []string{`"1."`, `".5"`, `"1e400"`, `"-1e400"`, `"infinity"`, `"0b1"`, `"1e-400"`, `"1 "`}},
	{"add", []string{`"1.5" 1`, `9007199254740993 1`, `.big "2"`, `9223372036854775807 1`, `-9223372036854775808 -1`}},
	{"div", []string{`9007199254740993 2`, `-9223372036854775808 -1`, `.big 7`, `7 -2`, `"7" "2"`}}, {"mod", []string{`9007199254740993 10`, `-7 -3`, `7 -3`, `.big 7`, `7 nil`}},
	{"sub", []string{`9007199254740993 1`, `.big .three`, `"5" "7"`, `1 2 3`, `0 -9223372036854775808`}}, {"mul", []string{`3037000500 3037000500`, `.big 3`, `"2" "3" 4`, `nil 3`, `1.9 1.9`}},
	{"max", []string{`9007199254740993 9007199254740992`, `"7" 3`, `nil -1`, `2.9 2`, `-5`}}, {"min", []string{`9007199254740993 9007199254740992`, `"7" 3`, `nil 1`, `2.9 3`, `-5`}}, {"biggest", []string{`1`, `3 2 1`, `nil -1`, `"9" 8`, ``}},
}

var paths = []string{
	`""`, `"."`, `".."`, `"/"`, `"//"`, `"a"`, `"a/"`, `"a/b"`, `"/a/b"`, `"a//b"`, `"a/./b"`, `"a/../b"`, `"../a"`, `"/../a"`, `"a/../.."`, `"/a/b/../../.."`, `"a/b/"`, `"./a"`, `"a/.."`, `"/."`, `"//a//"`, `"abc/def.tar.gz"`, `".hidden"`,
	`"a/.hidden"`, `"a.b/c"`, `"a."`, `"..."`, `"a/b.c/.."`, `"C:\\a\\b.txt"`, `"ż/ó.x"`, `"a b/c d"`, `"a/b/../../../c"`, `"/a/../../b"`, `"a/..b"`, `"a/b.."`, `" /x"`,
}

var pathCalls = []call{
	each("base", "", paths, ""), each("dir", "", paths, ""), each("clean", "", paths, ""), each("ext", "", paths, ""), each("isAbs", "", paths, ""),
	{"base", []string{`3`, `nil`}}, {"clean", []string{`.name`, `.null`}},
}

var urls = []string{
	`""`, `"http://example.com"`, `"https://user:p%40ss@host.example:8080/a/b?x=1&y=2#frag"`, `"mailto:someone@example.com"`, `"//host/path"`, `"/just/path"`, `"relative/path"`, `"http://[::1]:80/x"`, `"http://[fe80::1%25en0]/"`, `"http://[fe80::1%25en0]:8080/"`,
	`"http://host:notaport/"`, `"http://a:b:c/"`, `"postgres://u:p@a:1,b:2/db"`, `"http://host/%zz"`, `"http://host/a%2Fb"`, `"http://host/a b"`, `"http://ho st/"`, `"ht tp://x"`, `":nope"`, `"1http://x"`, `"a:b"`, `"a/b:c"`, `"a:b/c"`, `"http:/x"`, `"http:///x"`, `"http:x"`, `"HTTP://EXAMPLE.com/PATH"`,
	`"http://host?"`, `"http://host?#"`, `"http://host#"`, `"http://host??a"`, `"http://host#a%20b"`, `"http://host#a b"`, `"http://host#%zz"`, `"http://u@host"`, `"http://u:@host"`, `"http://:p@host"`, `"http://@host"`, `"http://u:p:q@host"`, `"http://u%3Av:p%2Fq@host"`, `"http://a@b@c"`, `"http://u ser@host"`,
	`"http://host/\x01"`, `"http://host/\x7f"`, `"http://host\t/"`, `"http://%41bc/"`, `"http://%c5%bc.pl/"`, `"http://ż.pl/ż?ż#ż"`, `"http://host:/"`, `"http://host:80"`, `"http://[::1"`, `"http://::1]"`, `"http://x[::1]"`, `"http://[::1]x"`, `"http://[::1]:x"`, `"http://[::ffff:1.2.3.4]/"`, `"http://[1.2.3.4]/"`, `"http://[zz]/"`,
	`"http://[::1%2541]/"`, `"http://[::1%25]/"`, `"http://[::1%25%20]/"`, `"*"`, `"//"`, `"///a"`, `"////a"`, `"http:////a"`, `"?q"`, `"#f"`, `"file:///etc/x"`, `"urn:isbn:0451450523"`, `"data:text/plain;base64,SGk="`, `"http://host/a;b=c,d?e;f&g=%20+"`, `"http://host/!$&'()*+,;=:@-._~"`, `"http://host/\"<>^|{}"`,
	`"http://host\"<>/"`, `"javascript:alert(1)"`, `"tel:+1-816-555-1212"`, `"ldap://[2001:db8::7]/c=GB?objectClass?one"`, `"a%2fb"`, `"%"`, `"http://host/%"`, `"x://h/..%2f"`, `"http://1.2.3.4:5/"`, `"http://[1:2:3:4:5:6:7:8]/"`, `"http://[1:2:3:4:5:6:7::]/"`, `"http://[1::2::3]/"`, `"http://[12345::]/"`, `"http://[::1.2.3]/"`, `"http://[1:2:3:4:5:6:1.2.3.4]/"`, `"http://[::01.2.3.4]/"`, `"http://[]/"`, `"http://[:1]/"`, `"http://[1:]/"`, `"http://[::256.1.1.1]/"`,
}

var urlCalls = []call{
	each("urlParse", "", urls, "| toJson"), each("urlJoin (urlParse", "", urls, ")"),
	{"urlParse", []string{`nil`, `3`, `(list)`}},
	{"urlJoin", []string{
		`(dict)`, `nil`, `(dict "scheme" "http" "host" "host:80" "path" "/path" "query" "query")`, `(dict "host" "h" "path" "a b")`, `(dict "path" "a:b")`, `(dict "path" "x/a:b")`, `(dict "path" "/a%2Fb?c#d")`, `(dict "scheme" "mailto" "opaque" "a@b")`, `(dict "scheme" "x")`, `(dict "scheme" "x" "path" "/p")`, `(dict "scheme" "x" "path" "p")`,
		`(dict "userinfo" "u:p" "host" "h")`, `(dict "userinfo" "u@v" "host" "h")`, `(dict "userinfo" "u/v" "host" "h")`, `(dict "userinfo" "u%zz" "host" "h")`, `(dict "userinfo" "u%40" "path" "/p")`, `(dict "fragment" "a b#c" "query" "a b")`, `(dict "scheme" 3)`, `(dict "host" nil)`, `(dict "other" 3)`, `(dict "host" "[::1]:80" "scheme" "http")`, `(dict "host" "a b%<>" "path" "*")`,
		`(dict "path" "*")`, `(dict "opaque" "x" "path" "/y" "query" "z")`, `(split "," "a")`, `(dict "userinfo" "a:b:c" "host" "h")`, `(dict "userinfo" "ż" "host" "ż")`, `(dict "fragment" "ż%<\"")`, `(dict "userinfo" "u?v" "host" "h")`, `(dict "userinfo" "u#v" "host" "h")`, `(dict "host" "h" "path" "//p")`, `(dict "path" "//p")`,
	}},
}
