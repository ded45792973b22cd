package template

type m = map[string]any
type l = []any

// mapsOfStrings are the maps of a context that Package Operator makes anew, as maps of strings, where they are empty.
var mapsOfStrings = [][]string{{"package", "metadata", "labels"}, {"package", "metadata", "annotations"}}

// contexts by name: "" has a value of every kind, the others look like those of a package.
var contexts = map[string]m{"": plain, "bare": bare, "full": full}

var plain = m{
	"name": "lighthouse", "empty": "", "zero": 0, "one": 1, "three": 3, "half": 0.5, "neg": -7,
	"big": 12345678, "huge": 1e21, "tiny": 0.00000012, "long": 1234567890123, "million": 1000000,
	"yes": true, "no": false, "null": nil, "html": `<a href="x">'&'</a>`, "uni": "żółć 漢字 ✓",
	"multi": "first\nsecond\n  third\n", "quoted": `say "hi" \ there`, "ctl": "tab\tnul\u0000bell\u0007",
	"list": l{"a", "b", "c"}, "nums": l{3, 1, 2.5}, "mixed": l{"x", 1, true, nil, m{"k": "v"}},
	"none": l{}, "void": m{},
	"map":     m{"a": 1, "b": "two", "c": l{1, 2}, "d": m{"e": "deep", "f": nil}},
	"labels":  m{"kubernetes.io/arch": "amd64", "region": "north", "app": "x"},
	"items":   l{m{"name": "one", "port": 80}, m{"name": "two", "port": 8080}},
	"b64":     m{"user": "YWRtaW4=", "pass": "c2VjcmV0", "n": 3},
	"config":  m{"replicas": 2, "beam": "red", "nested": m{"on": true, "off": false, "list": l{}}},
	"version": "1.36.3", "yaml": "a: 1\nb:\n- x\n- 2.5\n", "json": `{"z":[1,2,{"y":null}],"a":"<b>"}`,
}

var bare = m{
	"package": m{
		"metadata": m{"name": "lamp", "namespace": "", "labels": m{}, "annotations": m{}},
		"image":    "registry.example/lamp:1",
	},
	"config": m{}, "images": m{}, "dependencies": m{},
	"environment": m{"kubernetes": m{"version": "v1.36.3"}},
}

var full = m{
	"package": m{
		"metadata": m{
			"name": "lamp", "namespace": "harbour",
			"labels": m{"app": "lamp", "tier": ""}, "annotations": m{"note": "say \"hi\"\n"},
		},
		"image": "registry.example/lamp@sha256:7d",
	},
	"config":       m{"replicas": 3, "id": 9007199254740993, "ratio": 0.1, "on": false, "list": l{"b", "a"}, "none": nil},
	"images":       m{"lamp": "registry.example/lamp@sha256:01", "horn": "registry.example/horn@sha256:02"},
	"dependencies": m{},
	"environment": m{
		"kubernetes": m{"version": "v1.36.3-eks-1a2b3c+harbour.5"},
		"openShift":  m{"version": "4.20.1", "managed": m{"data": m{"sts": "true"}}},
		"proxy":      m{"httpProxy": "http://proxy.example:3128", "httpsProxy": "", "noProxy": "a,b"},
	},
}
