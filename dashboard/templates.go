package dashboard

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/navvy-go/navvy/internal/scope"
	"github.com/navvy-go/navvy/queue/inspect"
)

//go:embed web
var web embed.FS

// templates are the pages, each with the layout around it.
type templates struct {
	pages   map[string]*template.Template
	version string // changes with the assets, so that a browser does not keep old ones
}

func parseTemplates(cfg Config) (templates, error) {
	parsed := templates{pages: map[string]*template.Template{}, version: assetsVersion()}
	base, err := template.New("").Funcs(functions(cfg)).ParseFS(web, "web/layout.html", "web/parts/*.html")
	if err != nil {
		return parsed, err
	}
	files, err := fs.Glob(web, "web/pages/*.html")
	if err != nil {
		return parsed, err
	}
	for _, file := range files {
		one := template.Must(base.Clone())
		if _, err := one.ParseFS(web, file); err != nil {
			return parsed, err
		}
		parsed.pages[strings.TrimSuffix(path.Base(file), ".html")] = one
	}
	for _, p := range cfg.Pages {
		one, err := template.Must(base.Clone()).Funcs(p.Funcs).Parse(p.Template)
		if err != nil {
			return parsed, fmt.Errorf("page %s: %w", p.Path, err)
		}
		if one.Lookup("content") == nil {
			return parsed, fmt.Errorf(`page %s: its template does not define "content"`, p.Path)
		}
		parsed.pages[p.Path] = one // own ones have no slash
	}
	return parsed, nil
}

func (t templates) execute(w io.Writer, name string, out pageData) error {
	one, ok := t.pages[name]
	if !ok {
		return fmt.Errorf("there is no page %q", name)
	}
	return one.ExecuteTemplate(w, "layout.html", out)
}

func assetsVersion() string {
	sum := sha256.New()
	_ = fs.WalkDir(web, "web/assets", func(file string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			content, _ := fs.ReadFile(web, file)
			sum.Write(content)
		}
		return err
	})
	return hex.EncodeToString(sum.Sum(nil))[:12]
}

func functions(cfg Config) template.FuncMap {
	return template.FuncMap{
		"actionsFor":      actionsFor,
		"ago":             func(t time.Time) template.HTML { return ago(t, cfg.Now()) },
		"attempts":        attempts,
		"attemptsText":    attemptsText,
		"canEdit":         canEdit,
		"bytes":           bytesText,
		"count":           count,
		"dict":            dict,
		"emptyPending":    emptyPending,
		"errorShare":      errorShare,
		"filterHints":     filterHints,
		"idle":            func(j inspect.JobInfo) template.HTML { return idle(j, cfg.Now()) },
		"jobAddress":      func(j inspect.JobInfo) string { return cfg.Prefix + jobAddress(j) },
		"jobSpan":         func(j inspect.JobInfo) time.Duration { return time.Duration(j.IdleMS) * time.Millisecond },
		"lease":           lease,
		"keyScopes":       func() []scope.Scope { return keyScopes(cfg) },
		"len64":           func(jobs []inspect.JobInfo) int64 { return int64(len(jobs)) },
		"number":          func(n int) int64 { return int64(n) },
		"commandsFor":     commandsFor,
		"ownerName":       ownerName,
		"path":            func(p string) string { return cfg.Prefix + p },
		"percent":         percent,
		"plural":          plural,
		"presets":         func() []preset { return presets },
		"isIdle":          inspect.QueueInfo.Idle,
		"leftOut":         leftOut,
		"pretty":          pretty,
		"preview":         preview,
		"progress":        progressText,
		"redisCLI":        redisCLI,
		"release":         release,
		"short":           short,
		"signatureFilter": signatureFilter,
		"lockChoices":     func() []lockChoice { return lockChoices },
		"span":            span,
		"statebar":        statebar,
		"workerFilter":    workerFilter,
		"windows":         func() []window { return windows },
		"with_":           with,
	}
}
