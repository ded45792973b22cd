package template

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
)

// signatures are what the functions take, a letter a parameter: any value, string, number, int, list, map of anything,
// regular expression, path, version, constraint, bool. The last may be given again where a star follows.
var signatures = []struct{ kinds, names string }{
	{"s", "trim upper lower title untitle nospace initials swapcase snakecase camelcase kebabcase sha1sum sha256sum adler32sum b64enc b64dec b32enc b32dec regexQuoteMeta fromJson mustFromJson fromYAML atoi"},
	{"ss", "trimAll trimSuffix trimPrefix contains hasPrefix hasSuffix split splitList"},
	{"is", "abbrev trunc wrap indent nindent"}, {"iis", "abbrevboth substr"}, {"iss", "wrapWith"}, {"sss", "replace"}, {"ssi", "plural"}, {"sis", "splitn"},
	{"p", "base dir clean ext isAbs urlParse"}, {"v", "semver"}, {"cv", "semverCompare"},
	{"n", "int int64 float64 add1 add1f floor ceil toDecimal"}, {"nn*", "add sub mul div mod max min biggest addf subf mulf divf maxf minf"}, {"ni", "round"}, {"i", "until"}, {"iii", "untilStep"}, {"i*", "seq"},
	{"a", "toString toJson toPrettyJson toRawJson toYAML typeOf kindOf empty deepCopy toStrings quote squote not len first last rest initial reverse compact uniq sortAlpha"},
	{"l", "first last rest initial reverse compact uniq sortAlpha toStrings toJson toYAML deepCopy"}, {"la", "append prepend without"}, {"al", "has"}, {"ll*", "concat"}, {"li*", "slice"}, {"il", "chunk"}, {"sl", "join"},
	{"aa*", "list cat print println coalesce all any default deepEqual eq ne quote and or html js urlquery"}, {"nn", "eq ne lt le gt ge"}, {"ss", "eq ne lt le gt ge"}, {"aab", "ternary"},
	{"ms", "get hasKey"}, {"ms*", "pick omit"}, {"mm*", "merge mergeOverwrite"}, {"sm*", "pluck"}, {"saa", "printf"}, {"sa*", "dict"}, {"ssam", "dig"},
	{"rs", "regexMatch regexFind"}, {"rsi", "regexFindAll regexSplit"}, {"rss", "regexReplaceAll regexReplaceAllLiteral"},
}

// repeats is how many cases each function is given by chance.
const repeats = 8

// chance draws the same for the same name, whatever else is drawn.
func chance(name string) *rand.Rand {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	return rand.New(rand.NewPCG(hash.Sum64(), 9))
}

var alphabet = []rune("aabbcABCxyzżÓ漢0123456789 \t\n-_.,:;/\\'\"<>&%$#@!?*+=()[]{}|~`^")

func randomText(draw *rand.Rand) string {
	if draw.IntN(3) == 0 {
		return texts[draw.IntN(len(texts))]
	}
	letters := make([]rune, draw.IntN(12))
	for i := range letters {
		letters[i] = alphabet[draw.IntN(len(alphabet))]
	}
	return fmt.Sprintf("%q", string(letters))
}

func randomNumber(draw *rand.Rand) string {
	switch draw.IntN(6) {
	case 0:
		return numbers1[draw.IntN(len(numbers1))]
	case 1:
		return fmt.Sprint(draw.IntN(20) - 5)
	case 2:
		return fmt.Sprint(1<<53 + draw.Int64N(100))
	case 3:
		return fmt.Sprintf("%.*f", draw.IntN(6), draw.NormFloat64()*100)
	case 4:
		return fmt.Sprintf("%.3e", draw.NormFloat64()*1e10)
	default:
		return fmt.Sprintf("\"%d.%d\"", draw.IntN(100), draw.IntN(100))
	}
}

func randomVersion(draw *rand.Rand) string {
	version := fmt.Sprintf("%d.%d.%d", draw.IntN(3), draw.IntN(4), draw.IntN(4))
	version = []string{"", "v"}[draw.IntN(2)] + version
	version += []string{"", "", "-0", "-rc.1", "-rc.10", "-a-b", "-1.2"}[draw.IntN(7)]
	return version + []string{"", "", "+build.5", "+01", "+gke-7"}[draw.IntN(5)]
}

func randomConstraint(draw *rand.Rand) string {
	operator := func() string {
		return []string{"", "=", "!=", ">", "<", ">=", "<=", "=>", "=<", "~", "~>", "^"}[draw.IntN(12)]
	}
	version := func() string {
		version := randomVersion(draw)
		if draw.IntN(3) == 0 {
			version = []string{"1", "0", "1.x", "2.*", "1.2", "0.0", "x", "1.2.X"}[draw.IntN(8)]
		}
		return version
	}
	constraint := operator() + version()
	for draw.IntN(3) == 0 {
		constraint += []string{" ", ", ", " || "}[draw.IntN(3)] + operator() + version()
	}
	return constraint
}

func randomExpression(draw *rand.Rand) string {
	parts := []string{"a", "b+", "[a-c]", "(x|y)?", ".", "\\d*", "\\s", "^", "$", "\\b", "(?i)A", "[^a]", "a{2}", "()", "ż", "-", "\\w+?", "|"}
	expression := ""
	for range 1 + draw.IntN(3) {
		expression += parts[draw.IntN(len(parts))]
	}
	return fmt.Sprintf("%q", expression)
}

func randomArgument(draw *rand.Rand, kind byte) string {
	pick := func(from []string) string { return from[draw.IntN(len(from))] }
	switch kind {
	case 's':
		return randomText(draw)
	case 'n':
		return randomNumber(draw)
	case 'i':
		return fmt.Sprint(draw.IntN(14) - 2)
	case 'l':
		return pick([]string{".list", ".none", ".nums", ".mixed", "(until 5)", `(splitList "," "b,a,b")`, "(list nil 0 1)", "(rest .none)", "(chunk 2 .nums)", `(list "a" (list "a") (dict "a" 1))`, `(regexFindAll "[a-z]" "hello" 3)`})
	case 'm':
		return pick([]string{".void", ".map", ".labels", ".config", `(dict "a" "" "d" (dict "e" 1))`, "nil", `(dict "b" (list 1) "c" false)`})
	case 'r':
		return randomExpression(draw)
	case 'p':
		return pick(append(append([]string{}, paths...), urls...))
	case 'v':
		return fmt.Sprintf("%q", randomVersion(draw))
	case 'c':
		return fmt.Sprintf("%q", randomConstraint(draw))
	case 'b':
		return pick([]string{"true", "false", ".yes", ".no"})
	default:
		return [](func() string){
			func() string { return randomText(draw) }, func() string { return randomNumber(draw) }, func() string { return pick(values) },
		}[draw.IntN(3)]()
	}
}

// generatedCases call functions with arguments that chance chose.
func generatedCases() []string {
	var sources []string
	for _, signature := range signatures {
		for _, name := range strings.Fields(signature.names) {
			draw := chance(name + signature.kinds)
			for range repeats {
				source := "[" + generated(draw, name, signature.kinds) + "]"
				// Our regular expressions read text, not bytes.
				if !strings.Contains(source, "{{regex") || !strings.Contains(source, `\xff`) {
					sources = append(sources, source)
				}
			}
		}
	}
	return sources
}

func generated(draw *rand.Rand, name, kinds string) string {
	fixed, isVariadic := strings.CutSuffix(kinds, "*")
	if isVariadic {
		last := fixed[len(fixed)-1:]
		fixed = fixed[:len(fixed)-1] + strings.Repeat(last, draw.IntN(4))
	}
	source := "{{" + name
	for _, kind := range []byte(fixed) {
		source += " " + randomArgument(draw, kind)
	}
	return source + "}}"
}
