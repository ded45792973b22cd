package yaml

import "fmt"

// values are single documents: those written by hand, each plain scalar in each place, and generated ones.
func values() []string {
	all := written
	for _, scalar := range scalars {
		all = append(all,
			"a: "+scalar+"\n",
			scalar+": a\n",
			"["+scalar+", {k: "+scalar+"}]",
			fmt.Sprintf("- '%s'\n- \"%s\"\n- |\n  %s\n", scalar, scalar, scalar),
		)
	}
	for _, tag := range []string{"!!str", "!!int", "!!float", "!!bool", "!!null", "!!binary", "!!timestamp", "!!map", "!own", "!"} {
		for _, scalar := range []string{"12", "'12'", "1.5", "yes", "~", "''", "aGk=", "2001-01-01", "text", "0o7", "1e3", "18446744073709551615", ""} {
			all = append(all, "a: "+tag+" "+scalar+"\n")
		}
	}
	return append(all, generated(400)...)
}

// scalars are plain ones whose meaning is not plain.
var scalars = []string{
	// Words.
	"y", "Y", "yes", "Yes", "YES", "yEs", "n", "N", "no", "No", "NO", "true", "True", "TRUE", "tRUE", "false", "False",
	"FALSE", "on", "On", "ON", "off", "Off", "OFF", "oFF", "null", "Null", "NULL", "nULL", "~", "~a", "none", "nil", "<<", "=",
	// Integers.
	"0", "-0", "+0", "1", "+1", "-1", "00", "007", "0777", "-0777", "08", "0o17", "0O17", "-0o17", "0x1F", "0X1f", "-0x1F", "0xg",
	"0b101", "0B11", "-0b101", "+0b1", "0b2", "1_000", "1__0", "_1", "1_", "0_7", "0x_1f", "0b1_0", "12345678901234567890",
	"9007199254740992", "9007199254740993", "-9007199254740993", "9223372036854775807", "9223372036854775808",
	"-9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616", "0xffffffffffffffff",
	"0x10000000000000000", "0777777777777777777777", "01777777777777777777777", "0b1111111111111111111111111111111111111111111111111111111111111111",
	"1234567890123456789012345678901234567890",
	// Floats.
	"1.10", "1.0", "2.", ".5", "-.5", "+.5", "._5", "1.5e3", "1e3", "1E3", "1e+3", "1e-3", "-1e3", "1_0.5", "1.5_0", "1e1_0", "1.e3", ".e3", "e3",
	"1e400", "-1e400", "1e-400", "6123e456", "839e4567", "12e03", "1e999", "-12e3456", "1e21", "1e20", "123456789012345678e3",
	"0.1", "0.30000000000000004", "1e-7", "0.000001", "1.7976931348623157e308", "5e-324", "4.35", "100000000000000000000.5",
	"16777217", "16777217.0", "3.4028236e38", "1e39", "0.1e-46", "1234567.0", "123456.5", "1000000.0", "1e6", "1e5", "0.0001", "0.00001",
	".inf", ".Inf", ".INF", ".iNF", "+.inf", "-.inf", "-.Inf", ".nan", ".NaN", ".NAN", ".Nan", "inf", "nan", "Infinity", "-inf", "+inf",
	"0x1p4", "0x1.8p1", "1p4", ".0x1p4", "1.2.3", "1.2.3.4", "-", "+", ".", "-.", "..", "1-2", "1+2", "+-1", "1,000",
	// Sexagesimals and times.
	"190:20:30", "1:00", "12:30:45", "-1:30", "1:60", "0:0:0", "12:30:45.5",
	"2001-01-01", "2001-1-1", "2001-13-01", "2001-02-30", "2000-02-29", "2001-12-14t21:59:43.10-05:00", "2001-12-14T21:59:43Z",
	"2001-12-14 21:59:43.10", "2001-12-14 21:59:43", "2001-12-14 21:59:43.10 -5", "2001-12-14T25:00:00Z", "20010101", "2001-01-01T00:00:00",
	// Texts with signs in them.
	"a-b", "a:b", "a#b", "http://a.example/b?c=d&e", "a'b", "a\\\\b", "%a", "a%", "é", "日本", "\U0001F6A2", "a.b/c", "--", "-a", ":a", "?a", "v1.2.3", "1.2.3-rc1",
	"1d", "5m", "10Mi", "100m", "1e3m", "0.5Gi", "@daily", "a\tb",
}

var written = []string{
	"", " ", "\n", "# only this\n", "---\n", "---", "~", "null", "a", "'a'", "\"\"", "- \n", "-", "[]", "{}", "[ ]", "{ }", "''",
	"\ufeffa: 1\n", "\ufeff# comment\na: 1", "a: \ufeffb", "a: b\ufeffc", "'\ufeffa': 1",
	// Repeated keys.
	"a: 1\na: 2\n", "{a: 1, \"a\": 2}", "a: {b: 1}\na: {c: 1}\n", "a:\n  b: 1\n  b: 2\n", "a: 1\nb: 1\na: ~\n",
	"yes: 1\ntrue: 2\nyes: 3", "a: [1]\na:\n", "'1': a\n'1': b\n",
	// Keys.
	"1: a\n2: b\n", "1.10: a\n0777: b\n1e3: c\ny: d\noff: e\n", "? a\n: b\n", "? a\n", "? a\n? b\n: c\n", "? [a]\n: b", "? {a: 1}\n: b", "[a]: b", "{a: 1}: b",
	"~: a", "null: a", ": a", "'': a", "? ~\n: b", ".inf: a", "-.inf: a", ".nan: a", "9223372036854775808: a", "18446744073709551615: a",
	"-9223372036854775808: a", "2001-01-01: a", "\"a b\": c", "a b: c", "a  b  : c", "'a': b", "\"a\\nb\": c", "\"\\u0041\": b", "a: b: c", "a:b: c", "a:b:c: d",
	"!!str 1: a", "!!int \"1\": a", "!!binary aGk=: a", "!!null '': a", "!own a: b", "&x a: *x", "&x a: 1\nb: *x\n", "a: &x b\n*x : c\n", "a: &x [b]\n*x : c\n", "{a, b: , c: 1}", "{a: , b}", "[a: 1, b: 2]", "[a, b: , ]",
	"{\"a\":1}", "{\"a\": 1}", "{'a':1}", "{a:1}", "{a:b, c: d}", "[a:b]", "[\"a\":b]", "{a: b,c: d}", "{a: 'b','c': d}", "{a: [b,c],d: e}", "{a: {b: c}}", "[,]", "[a,]", "[a,,b]", "{,}", "{a: 1,}", "{a: 1,,b: 2}", "[a", "{a", "a]", "[a]]", "{a: 1}}", "[a] b", "{a: 1} {b: 2}", "\"a\" b", "a: \"b\" c", "a: 'b' 'c'",
	// Anchors, aliases, merge keys.
	"a: &x 1\nb: *x\n", "a: &x {b: 1}\nc: *x\n", "a: &x 1\nb: &x 2\nc: *x\n", "a: *x\n", "a: &x [*x]\n", "&x a: &y b\nc: [*x, *y]", "- &x a\n- *x\n- &x b\n- *x\n",
	"a: &x\nb: *x\n", "a: &x ''\nb: *x\n", "&x {a: 1}", "&x\na: 1\n", "--- &x\na: 1\n", "a: &x-y_1 b\nc: *x-y_1\n", "a: &x.y b\n", "a: &é b\n", "a: & b\n", "a: &x", "a: &x &y b", "a: &x *x", "a: !!str &x 1\nb: *x\n", "a: &x !!str 1\nb: *x\n",
	"base: &x {b: 1, c: 2}\na: {<<: *x, c: 3}\n", "base: &x {b: 1, c: 2}\na: {c: 3, <<: *x}\n", "x: &x {b: 1}\ny: &y {b: 2, c: 3}\na: {<<: [*x, *y]}\n", "x: &x {b: 1}\na:\n  <<: *x\n  <<: {b: 2, c: 3}\n",
	"x: &x {b: {c: 1}}\na: {<<: *x, b: {d: 2}}\n", "x: &x {b: 1}\ny: &y {<<: *x, c: 2}\na: {<<: *y}\n", "a: {<<: {b: 1}}", "a: {<<: [{b: 1}, {b: 2, c: 3}]}", "a: {<<: []}", "a: {<<: ~}", "a: {<<: 1}", "a: {<<: [1]}", "a: {<<: a}", "x: &x [1]\na: {<<: *x}", "x: &x 1\na: {<<: *x}", "x: &x [{b: 1}]\na: {<<: *x}",
	"'<<': 1", "\"<<\": {a: 1}", "!!str <<: {a: 1}", "!!merge <<: {a: 1}", "!!merge a: {a: 1}", "a: <<", "- <<", "? <<\n: {a: 1}\n", "<<: {a: 1}\na: 2\n", "a: 2\n<<: {a: 1}\n",
	// Tags.
	"!!map {a: 1}", "!!seq [a]", "!!set {a, b}", "!!omap [a: 1]", "!!seq {a: 1}", "!!map [a]", "!own {a: 1}", "!own [a]", "!<tag:yaml.org,2002:int> '12'", "!<!own> a", "!h!own a", "%TAG !h! tag:h.example,2000:\n---\n!h!own a", "%TAG !! tag:yaml.org,2002:\n---\na: !!int '1'\n", "a: !!int 1_0\n", "a: !!float 1\n", "a: !!float .inf\n", "a: !!binary \"/w==\"\n", "a: !!binary |\n  aGVs\n  bG8=\n", "a: !!binary '%'\n", "a: !!str\nb: 1\n", "a: !!str\n", "a: !!nothing 1\n", "a: !!STR 1", "a: !!str &x 12\nb: *x\n", "a: !!bool 'yes'\n", "a: !!bool maybe\n", "a: !!timestamp 'x'\n", "a: !!timestamp 2001-01-01\n",
	// Directives and markers.
	"%YAML 1.1\n---\na: 1\n", "%YAML 1.2\n---\na: 1\n", "%YAML 1.0\n---\na: 1\n", "%FOO bar\n---\na: 1\n", "%YAML 1.1\na: 1\n", "--- a\n", "--- |\n  a\n", "--- {a: 1}\n", "---\na: 1\n...\n", "a: 1\n...\nb: 2\n", "a: 1\n---\nb: 2\n", "a: 1\n--- # c\nb: [\n", "...\n", "...\na: 1\n", "---a: 1\n", "a: 1\n---b: 2\n", "a: 1\n ---\n", "a:\n  b: 1\n ---\nc: 1\n", "a: b\n ---\nc: d\n", "a: b\n  ...\nc: d\n", "--- # c\na: 1\n", "---\t# c\na: 1\n", "---\n---\na: 1\n", "a: '\n---\n'\n", "a: |\n---\n",
	// Block scalars.
	"a: |\n  b\n", "a: |\n  b", "a: |-\n  b\n", "a: |+\n  b\n\n", "a: |+\n  b", "a: >\n  b\n  c\n", "a: >\n  b\n\n  c\n", "a: >\n  b\n   c\n  d\n", "a: >-\n  b\n  c\n\n", "a: >+\n  b\n\n\n", "a: |2\n    b\n", "a: |1\n  b\n", "a: |+2\n    b\n\n", "a: |2-\n    b\n", "a: |0\n  b\n", "a: |10\n  b\n", "a: |b\n  c\n", "a: | # c\n  b\n", "a: |# c\n  b\n", "a: |\n\n  b\n", "a: |\n   \n  b\n", "a: |\n  b\n   \n", "a: |\n  b\n\n\nc: d\n", "a: |\n  b\n c\n", "a: |\n b\n  c\n", "a: |\nb: 1\n", "a: |\n", "a: >\n", "a: |-\n", "a: |+\n", "a: |+\n\n\n", "a: |\n\tb\n", "a: |\n  \tb\n", "a: |\n  # c\n  b\n", "a: |\n  b\n# c\nd: e\n", "- |\n b\n- >\n c\n", "|\n a\n", ">\n a\n b\n", "a: |\n  --- \n  ...\n", "a: |\n  b: c\n  - d\n", "a: >\n  b\\nc\n", "a: >\n\n\n  b\n", "a: >\n  * b\n  * c\n\n    d\n\n  e\n", "a: |\r\n  b\r\n  c\r\n", "a: |\n  b \n  c\t\n",
	// Quoted scalars.
	"a: 'b''c'\n", "a: \"b\\\"c\"\n", "a: \"\\0\\a\\b\\t\\n\\v\\f\\r\\e\\ \\\"\\/\\\\\\N\\_\\L\\P\"\n", "a: \"\\x41\\u00e9\\U0001F6A2\"\n", "a: \"\\ud83d\\udea2\"\n", "a: \"\\'\"\n", "a: \"\\q\"\n", "a: \"\\x4\"\n", "a: \"\\ud800\"\n", "a: 'b\n  c'\n", "a: 'b\n\n  c'\n", "a: \"b\n  c\"\n", "a: \"b \\\n  c\"\n", "a: \"b\\n\\\n  \\ c\"\n", "a: \"b  \n  c\"\n", "a: 'b\nc'\n", "a: \"b\nc\"\n", "'a\n b': c\n", "\"a\n b\": c\n", "a: 'b", "a: \"b", "a: 'b'c", "a: ''''\n", "a: \"\ttab\"\n", "a: '\\n'\n",
	// Plain scalars over several lines, indentation, tabs, comments, line breaks.
	"a: b\n  c\n", "a: b\n  c\n\n  d\n", "a: b\n\n\n  c\n", "a\nb\n", "a\n b\n", "a b\n c: d\n", "- a\n  b\n- c\n", "a:\n b\n", "a:\n  b: c\n d: e\n", "a:\n  b: c\n   d: e\n", "a:\n- b\n", "a:\n - b\n- c\n", "a:\n- b\n c: d\n", "- a\n - b\n", "- - a\n  - b\n", "- a: b\n  c: d\n", "- a: b\n c: d\n", "-\n a: b\n", "-\n  - a\n", "-a\n", "- -\n", "-\ta\n", "a:\tb\n", "a:\t\n", "a: b\t\n", "\ta: b\n", "a:\n\tb: c\n", "a:\n  b: c\n\t\n", "a:\n  - b\n\t- c\n", "a: b\n\t# c\n", "a: [\n\tb\n\t]\n", "a: {\n\tb: c\n}\n", " a: b\n", "  a: b\n  c: d\n", " a: b\nc: d\n", "a: b # c\n", "a: b #c\n", "a: b# c\n", "a: #c\n", "a: # c\n  b\n", "a: b\n# c\n", "a:\n# c\n  b: c\n", "a: [b, # c\n c]\n", "a: 'b'# c\n", "a: \"b\"#c\n", "a: [b]#c\n", "a: |#c\n b\n", "#c", "a: b\r\nc: d\r\n", "a: b\rc: d\r", "a: 'b\r\n  c'\r\n", "a: b\n\n\n\nc: d", "a:\n\n  b: c\n\n", "a: b \n", "a:  b\n", "a :b\n", "a : b\n", "a: [b\n]\n", "a: [\nb\n]\n", "a: [b\n]", "a: {b: c\n}\n", "a: {\nb: c}\n", "[a,\nb]", "a: b\n c: d\n", "a: 'b'\n c: d\n", "a: [b]\n c: d\n", "a: b,\n", "a: b]\n", "[a b, c d]", "{a b: c d}", "[a\n b]", "[a #b\n]", "[a#b]", "a: - b\n", "a: -b\n", "a: ? b\n", "a: ?b\n", "a: :b\n", "a: ::\n", "a: b:\n", "a: ,b\n", "a: @b\n", "a: `b\n", "a: %b\n", "a: !b\n", "a: *\n", "a: >b\n", "a: }b\n", "a: \\b\n", "[?a]", "[a?b]", "{?a: b}", "{? a: b}", "[? a: b]", "[-a, -]", "[- a]", "[a, - b]", "{a: -}", "{-: a}", "[:a]", "[a:]", "[a: ]", "{a:}", "{a::b}", "{a: :b}", "{a: b:c}", "{a: http://x.example}", "[http://x.example]", "{\"a\":b}", "{\"a\" :b}",
	// Line breaks that YAML 1.1 has and 1.2 has not.
	"a: b\u0085c: d\n", "a: 'b\u2028c'\n", "a: \"b\u2029c\"\n", "a: |\n  b\u2028  c\n", "a: |\n  b\u0085  c\n", "a: b\u00a0c\n", "\u00a0a: b\n", "a:\u00a0b\n", "a: \"b\u0085 c\"\n", "a: b\u2028  c\n",
	// Not allowed as they are.
	"a: b\x00c\n", "a: \x01\n", "a: 'b\x1b'\n", "a: \x7f\n", "a: \u0080\n", "a: \ufffe\n", "a: \uffff\n", "a: \ue000\n", "# \x01\na: b\n", "a: |\n  \x0b\n", "a: \x0c\n",
}
