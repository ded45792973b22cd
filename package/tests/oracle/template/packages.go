package template

// packageSources are executed with each context that looks like a package's.
var packageSources = []string{
	`{{index .package.metadata.labels "app"}}`, `{{index .package.metadata.labels "missing"}}|{{index .package.metadata.annotations "missing"}}`, `{{.package.metadata.labels.app}}`, `{{.package.metadata.labels.missing}}`, `{{.package.metadata.annotations.missing}}`,
	`{{hasKey .package.metadata.labels "app"}}`, `{{hasKey .package.metadata.annotations "x"}}`, `{{get .package.metadata.labels "app"}}|{{get .package.metadata.labels "x"}}`, `{{printf "%T %T" .package.metadata.labels .package.metadata.annotations}}`, `{{typeOf .package.metadata.labels}} {{kindOf .package.metadata.labels}}`,
	`{{kindIs "map" .package.metadata.labels}} {{typeIs "map[string]string" .package.metadata.labels}} {{typeIsLike "map[string]interface {}" .package.metadata.annotations}}`, `{{range $k, $v := .package.metadata.labels}}{{$k}}={{$v}};{{else}}none{{end}}`, `{{range .package.metadata.annotations}}{{.}}{{end}}`, `{{len .package.metadata.labels}}`,
	`{{if .package.metadata.labels}}some{{else}}none{{end}}{{with .package.metadata.annotations}}{{.note}}{{end}}`, `{{if index .package.metadata.labels "app"}}y{{else}}n{{end}}{{if index .package.metadata.labels "missing"}}y{{else}}n{{end}}`, `{{eq (index .package.metadata.labels "missing") ""}}`, `{{eq (index .package.metadata.labels "app") "lamp"}}`, `{{index .package.metadata.labels "missing" | default "d"}}`,
	`{{toJson .package.metadata.labels}} {{toYAML .package.metadata.annotations}}`, `{{.package.metadata.labels}} {{print .package.metadata.annotations}}`, `{{keys .package.metadata.annotations}}`, `{{merge (dict "a" "b") .package.metadata.labels}}`, `{{$_ := set .package.metadata.labels "a" "b"}}{{.package.metadata.labels}}`, `{{pick .package.metadata.labels "app"}}`, `{{dig "app" "none" .package.metadata.labels}}`, `{{dig "package" "metadata" "labels" "app" "none" .}}`,
	`{{deepEqual .package.metadata.labels (dict)}} {{deepEqual .package.metadata.labels .package.metadata.labels}}`, `{{eq .package.metadata.labels nil}}`, `{{eq .package.metadata.labels .package.metadata.labels}}`, `{{deepCopy .package.metadata.labels | typeOf}}`, `{{index .package.metadata.labels "missing" | quote}}|{{index .package.metadata.labels "missing" | toString}}|{{index .package.metadata.labels "missing" | kindOf}}`, `{{printf "%v %s" (index .package.metadata.labels "missing") (index .package.metadata.labels "missing")}}`,
	`{{index .package.metadata.labels "missing" | trim}}`, `{{printf "%#v" .package.metadata.labels}}`, `{{index .package.metadata.labels "tier"}}|{{.package.metadata.labels.app | upper}}`, `{{index .package.metadata "labels" "missing"}}`, `{{index . "package" "metadata" "labels" "missing" "deeper"}}`, `{{values .package.metadata.labels | sortAlpha}}`, `{{pluck "app" .package.metadata.labels}}`, `{{omit .package.metadata.labels "app"}}`, `{{required "need" (index .package.metadata.labels "missing")}}`,
	`{{.images.lamp}}`, `{{.images.missing}}`, `{{index .images "missing"}}`, `{{index .images "missing" | quote}}|{{get .images "missing"}}|{{hasKey .images "missing"}}|{{hasKey .images "lamp"}}`, `{{printf "%T" .images}} {{len .images}}`, `{{range $k, $v := .images}}{{$k}}={{$v}};{{else}}none{{end}}`, `{{if index .images "missing"}}y{{else}}n{{end}}`, `{{index .images "lamp"}}`, `{{toJson .images}} {{toJson .dependencies}}`, `{{index .dependencies "x"}}`, `{{.dependencies.x}}`,
	`{{eq (index .images "missing") ""}}`, `{{index .images "missing" | default "none"}}`, `{{.images}}`, `{{.config}}`, `{{.config.id}} {{.config.ratio}} {{.config.replicas}}`, `{{printf "%d" .config.replicas}}`, `{{printf "%.0f" .config.id}} {{int64 .config.id}}`, `{{.config.missing}}`, `{{index .config "missing"}}`, `{{if hasKey .config "on"}}{{.config.on}}{{end}}`, `{{.config.none}}`, `{{toYAML .config}}`, `{{range .config.list}}- {{.}}{{"\n"}}{{end}}`,
	`{{.package.metadata.namespace | quote}} {{.package.image}} {{.package.metadata.name}}`, `{{.environment.kubernetes.version}}`, `{{semverCompare ">=1.30.0-0" .environment.kubernetes.version}} {{(semver .environment.kubernetes.version).Minor}} {{(semver .environment.kubernetes.version).Prerelease}} {{(semver .environment.kubernetes.version).Metadata}}`, `{{.environment.openShift.version}}`, `{{if hasKey .environment "openShift"}}{{.environment.openShift.managed.data.sts}}{{else}}plain{{end}}`,
	`{{with .environment.proxy}}{{.httpProxy}}{{end}}`, `{{if (hasKey .environment "proxy")}}{{toYAML .environment.proxy}}{{end}}`, `{{.environment.hyperShift}}`, `{{index .environment "hyperShift"}}`, `{{.cluster.name}}`, `{{toYAML .environment}}`,
}

func packageCases() []Case {
	var cases []Case
	for _, context := range []string{"bare", "full"} {
		for _, source := range packageSources {
			cases = append(cases, Case{Context: context, Files: [][2]string{{"f", source}}, Execute: "f"})
		}
	}
	return cases
}
