package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.yaml.in/yaml/v3"
)

// The files of deploy are held against what they speak of: metrics and grace periods.

const deploy = "../../deploy"

func promtool(t *testing.T, dir string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), "promtool", args...)
	command.Dir = dir
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func TestAlertRules(t *testing.T) {
	t.Parallel()
	promtool(t, filepath.Join(deploy, "prometheus"), "check", "rules", "--lint-fatal", "navvy.rules.yml")
	promtool(t, filepath.Join(deploy, "prometheus"), "test", "rules", "navvy_test.yml")
}

func TestEveryAlertIsTestedAndKnowsItsMetrics(t *testing.T) {
	t.Parallel()
	tests := fileOf(t, "prometheus/navvy_test.yml")
	for _, rule := range alertRules(t) {
		for _, name := range []string{rule.Alert + " fires", rule.Alert + " is quiet"} {
			if !strings.Contains(tests, "name: "+name+"\n") {
				t.Errorf("no test says that %s", name)
			}
		}
		knowsMetrics(t, rule.Alert, rule.Expr)
	}
}

type alertRule struct{ Alert, Expr string }

func alertRules(t *testing.T) []alertRule {
	t.Helper()
	var file struct{ Groups []struct{ Rules []alertRule } }
	if err := yaml.Unmarshal([]byte(fileOf(t, "prometheus/navvy.rules.yml")), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Groups) != 1 || len(file.Groups[0].Rules) == 0 {
		t.Fatalf("no rules: %+v", file)
	}
	return file.Groups[0].Rules
}

func fileOf(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(deploy, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

var (
	metricName   = regexp.MustCompile(`\bnavvy_[a-z_]+`)
	describeName = regexp.MustCompile(`fqName: "([a-z_]+)"`)
)

// knowsMetrics fails for a metric that the collector does not describe.
func knowsMetrics(t *testing.T, where, expression string) {
	t.Helper()
	descriptions := make(chan *prometheus.Desc, 100)
	newCollector(nil).Describe(descriptions)
	close(descriptions)
	described := map[string]bool{}
	for desc := range descriptions {
		described[describeName.FindStringSubmatch(desc.String())[1]] = true
	}
	names := metricName.FindAllString(expression, -1)
	if len(names) == 0 {
		t.Errorf("%s names no metric: %s", where, expression)
	}
	for _, name := range names {
		if !described[name] && !described[strings.TrimSuffix(name, "_bucket")] {
			t.Errorf("%s: there is no metric %s", where, name)
		}
	}
}

type grafanaDashboard struct {
	UID, Title    string
	SchemaVersion int
	Templating    struct {
		List []struct{ Name, Type string }
	}
	Panels []grafanaPanel
}

type grafanaPanel struct {
	ID          int
	Title, Type string
	Datasource  struct{ UID string }
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct {
		RefID, Expr string
		Datasource  struct{ UID string }
	}
}

func TestGrafanaDashboard(t *testing.T) {
	t.Parallel()
	var board grafanaDashboard
	if err := json.Unmarshal([]byte(fileOf(t, "grafana/navvy.json")), &board); err != nil {
		t.Fatal(err)
	}
	if board.UID == "" || board.Title == "" || board.SchemaVersion < 30 || len(board.Panels) == 0 {
		t.Errorf("not a dashboard: %+v", board)
	}
	if v := board.Templating.List; len(v) == 0 || v[0].Name != "datasource" || v[0].Type != "datasource" {
		t.Errorf("the first variable is not the data source: %+v", v)
	}
	seen, taken := map[int]string{}, map[[2]int]string{}
	var rules strings.Builder
	rules.WriteString("groups:\n- name: panels\n  rules:\n")
	for _, p := range board.Panels {
		if other, twice := seen[p.ID]; twice || p.ID == 0 {
			t.Errorf("panels %q and %q have the ID %d", other, p.Title, p.ID)
		}
		seen[p.ID] = p.Title
		p.fits(t, taken)
		if len(p.Targets) == 0 || p.Datasource.UID != "${datasource}" {
			t.Errorf("panel %q: %d queries to %q", p.Title, len(p.Targets), p.Datasource.UID)
		}
		for _, target := range p.Targets {
			knowsMetrics(t, p.Title, target.Expr)
			fmt.Fprintf(&rules, "  - record: p%d:%s\n    expr: %q\n", p.ID, target.RefID, withoutVariables(target.Expr))
		}
	}
	parses(t, rules.String())
}

// fits fails for a panel that lies over another one or over the edge.
func (p grafanaPanel) fits(t *testing.T, taken map[[2]int]string) {
	t.Helper()
	if p.GridPos.W < 1 || p.GridPos.H < 1 || p.GridPos.X+p.GridPos.W > 24 {
		t.Errorf("panel %q lies at %+v", p.Title, p.GridPos)
	}
	for x := range p.GridPos.W {
		for y := range p.GridPos.H {
			cell := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
			if other := taken[cell]; other != "" {
				t.Fatalf("panel %q lies over %q", p.Title, other)
			}
			taken[cell] = p.Title
		}
	}
}

func withoutVariables(expression string) string {
	return strings.NewReplacer("$__rate_interval", "5m", "$queue", ".*", "$kind", ".*").Replace(expression)
}

// parses has promtool read rules, and with them the expressions in them.
func parses(t *testing.T, rules string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "rules.yml"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, dir, "check", "rules", "rules.yml")
}

// manifest is what the tests look at in a file for Kubernetes.
type manifest struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Spec       struct {
		Triggers []struct{ Metadata map[string]string }
		Template struct {
			Spec struct {
				Grace           int `yaml:"terminationGracePeriodSeconds"`
				SecurityContext struct {
					RunAsNonRoot bool `yaml:"runAsNonRoot"`
				} `yaml:"securityContext"`
				Containers []container
			}
		}
	}
}

type container struct {
	Command         []string
	Env             []struct{ Name, Value string }
	SecurityContext struct {
		ReadOnly   bool  `yaml:"readOnlyRootFilesystem"`
		Escalation *bool `yaml:"allowPrivilegeEscalation"`
	} `yaml:"securityContext"`
	Liveness *struct{} `yaml:"livenessProbe"`
}

// manifests reads every document of every YAML file of deploy.
func manifests(t *testing.T) []manifest {
	t.Helper()
	var all []manifest
	err := filepath.WalkDir(deploy, func(path string, entry fs.DirEntry, err error) error {
		if extension := filepath.Ext(path); err != nil || extension != ".yml" && extension != ".yaml" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for decoder := yaml.NewDecoder(bytes.NewReader(content)); ; {
			var m manifest
			if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
				return nil
			} else if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if m.Kind != "" {
				all = append(all, m)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestManifests(t *testing.T) {
	t.Parallel()
	deployments := 0
	for _, m := range manifests(t) {
		if m.APIVersion == "" || m.Metadata.Name == "" {
			t.Errorf("%s %q is not complete", m.Kind, m.Metadata.Name)
		}
		if m.Kind == "ScaledObject" {
			query := m.Spec.Triggers[0].Metadata["query"]
			knowsMetrics(t, m.Metadata.Name, query)
			parses(t, fmt.Sprintf("groups: [{name: keda, rules: [{record: 'keda:jobs', expr: %q}]}]\n", query))
		}
		if m.Kind != "Deployment" {
			continue
		}
		deployments++
		pod := m.Spec.Template.Spec
		if !pod.SecurityContext.RunAsNonRoot || pod.Grace == 0 || len(pod.Containers) != 1 {
			t.Errorf("%s: %+v", m.Metadata.Name, pod)
		}
		pod.Containers[0].check(t, m.Metadata.Name, pod.Grace)
	}
	if deployments != 3 {
		t.Errorf("%d deployments, not those of worker, monitor and producer", deployments)
	}
}

func (c container) check(t *testing.T, name string, grace int) {
	t.Helper()
	if s := c.SecurityContext; !s.ReadOnly || s.Escalation == nil || *s.Escalation {
		t.Errorf("%s may write to its file system or gain privileges", name)
	}
	if (c.Liveness != nil) != (c.Command[0] == "monitor") {
		t.Errorf("%s: the monitor, and it alone, answers probes", name)
	}
	for _, env := range c.Env {
		if env.Name != "NAVVY_GRACE" {
			continue
		}
		own, err := time.ParseDuration(env.Value)
		if err != nil || time.Duration(grace)*time.Second <= own+2*time.Second {
			t.Errorf("%s is killed after %d s, within its own grace period of %s (%v)", name, grace, env.Value, err)
		}
	}
}
