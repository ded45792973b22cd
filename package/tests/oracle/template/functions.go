package template

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/gobwas/glob"
	"sigs.k8s.io/yaml"
)

// sprigNames are the functions of sprig that Package Operator offers.
const sprigNames = `
hello abbrev abbrevboth trunc trim upper lower title untitle substr repeat trimAll trimSuffix trimPrefix nospace
initials swapcase snakecase camelcase kebabcase wrap wrapWith contains hasPrefix hasSuffix quote squote cat indent
nindent replace plural sha1sum sha256sum adler32sum toString atoi int64 int float64 seq toDecimal split splitList
splitn toStrings until untilStep add1 add sub div mod mul add1f addf subf divf mulf biggest max min maxf minf ceil
floor round join sortAlpha default empty coalesce all any compact mustCompact fromJson toJson toPrettyJson toRawJson
mustFromJson mustToJson mustToPrettyJson mustToRawJson ternary deepCopy mustDeepCopy typeOf typeIs typeIsLike kindOf
kindIs deepEqual base dir clean ext isAbs b64enc b64dec b32enc b32dec tuple list dict get set unset hasKey pluck keys
pick omit merge mergeOverwrite mustMerge mustMergeOverwrite values append mustAppend push mustPush prepend mustPrepend
first mustFirst rest mustRest last mustLast initial mustInitial reverse mustReverse uniq mustUniq without mustWithout
has mustHas slice mustSlice concat dig chunk mustChunk semver semverCompare fail regexMatch mustRegexMatch regexFindAll
mustRegexFindAll regexFind mustRegexFind regexReplaceAll mustRegexReplaceAll regexReplaceAllLiteral
mustRegexReplaceAllLiteral regexSplit mustRegexSplit regexQuoteMeta urlParse urlJoin`

var packageFiles = map[string]string{
	"notes.txt":       "hello\nworld\n",
	"conf/a.json":     `{"a": 1}`,
	"conf/b.json":     `{"b": 2}`,
	"conf/deep/c.txt": "deep",
}

// funcs are the functions that Package Operator offers to the templates among these files, except for `cel`, and those that are ours alone: required,
// toYaml and fromYaml.
func funcs(set *template.Template, files map[string]string) template.FuncMap {
	all := sprig.FuncMap()
	offered := template.FuncMap{}
	for _, name := range strings.Fields(sprigNames) {
		offered[name] = all[name]
	}
	offered["include"] = func(name string, data any) (string, error) {
		var out strings.Builder
		err := set.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	offered["b64decMap"] = decodeMap
	offered["toYAML"], offered["toYaml"] = toYAML, toYAML
	offered["fromYAML"], offered["fromYaml"] = fromYAML, fromYAML
	offered["getFile"] = func(path string) (string, error) { return getFile(files, path) }
	offered["getFileGlob"] = func(pattern string) (map[string]string, error) { return getFileGlob(files, pattern) }
	offered["required"] = required
	return offered
}

// offered are the names of the functions that we answer for, in order.
func offered() []string {
	return slices.Sorted(maps.Keys(funcs(template.New("none"), nil)))
}

// refused are the names of sprig's functions that Package Operator does not offer, in order.
func refused() []string {
	all := sprig.FuncMap()
	for _, name := range strings.Fields(sprigNames) {
		delete(all, name)
	}
	return slices.Sorted(maps.Keys(all))
}

// decodeMap leaves out what is not a string.
func decodeMap(data map[string]any) (map[string]any, error) {
	decoded := map[string]any{}
	for key, value := range data {
		text, ok := value.(string)
		if !ok {
			continue
		}
		plain, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("decode base64 value at key %s: %w", key, err)
		}
		decoded[key] = string(plain)
	}
	return decoded, nil
}

// toYAML ends without a line break.
func toYAML(value any) (string, error) {
	out, err := yaml.Marshal(value)
	return strings.TrimSuffix(string(out), "\n"), err
}

// fromYAML takes a string or bytes, and nothing else.
func fromYAML(document any) (any, error) {
	var bytes []byte
	switch document := document.(type) {
	case string:
		bytes = []byte(document)
	case []byte:
		bytes = document
	default:
		return nil, errors.New("fromYAML requires string or []byte as input: invalid type")
	}
	var value any
	err := yaml.Unmarshal(bytes, &value)
	return value, err
}

func getFile(files map[string]string, path string) (string, error) {
	content, ok := files[path]
	if !ok {
		return "", errors.New("file not found")
	}
	return content, nil
}

func getFileGlob(files map[string]string, pattern string) (map[string]string, error) {
	compiled, err := glob.Compile(pattern, '/')
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for path, content := range files {
		if compiled.Match(path) {
			found[path] = content
		}
	}
	return found, nil
}

func required(message string, value any) (any, error) {
	if text, ok := value.(string); value == nil || (ok && text == "") {
		return nil, errors.New(message)
	}
	return value, nil
}
