package render

import (
	"fmt"
	"maps"

	"github.com/google/cel-go/cel"
	"sigs.k8s.io/yaml"
)

// annotations are the names that an object's condition may have.
var annotations = []string{"package-operator.run/condition", "stevedore.dev/condition"}

// A filter is the part of a manifest that decides what is left out.
type filter struct {
	Conditions []struct{ Name, Expression string }
	Paths      []struct{ Expression string }
}

func readFilter(manifest string) (filter, error) {
	var read struct{ Spec struct{ Filter filter } }
	err := yaml.Unmarshal([]byte(manifest), &read)
	return read.Spec.Filter, err
}

// conditions evaluate expressions on a context and on the results of the named ones. Package Operator makes them twice
// in a rendering: once for the templates, once for the objects.
type conditions struct {
	env    *cel.Env
	values map[string]any
}

func newConditions(filter filter, context map[string]any) (*conditions, error) {
	var options []cel.EnvOption
	for name := range context {
		options = append(options, cel.Variable(name, cel.MapType(cel.StringType, cel.AnyType)))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, err
	}
	all := &conditions{env, maps.Clone(context)}
	named := map[string]bool{}
	for _, condition := range filter.Conditions {
		if named[condition.Name], err = all.holds(condition.Expression); err != nil {
			return nil, err
		}
	}
	all.values["cond"] = named
	options = append(options, cel.Variable("cond", cel.MapType(cel.StringType, cel.BoolType)))
	all.env, err = cel.NewEnv(options...)
	return all, err
}

func (all *conditions) holds(expression string) (bool, error) {
	ast, issues := all.env.Compile(expression)
	if issues != nil && issues.Err() != nil {
		return false, issues.Err()
	}
	program, err := all.env.Program(ast)
	if err != nil {
		return false, err
	}
	out, _, err := program.Eval(all.values)
	if err != nil {
		return false, err
	}
	result, ok := out.Value().(bool)
	if !ok {
		return false, fmt.Errorf("%s is no bool", expression)
	}
	return result, nil
}

// keeps says whether an object is there.
func (all *conditions) keeps(object map[string]any) (bool, error) {
	metadata, _ := object["metadata"].(map[string]any)
	annotated, _ := metadata["annotations"].(map[string]any)
	for _, name := range annotations {
		if expression, ok := annotated[name].(string); ok {
			return all.holds(expression)
		}
	}
	return true, nil
}
