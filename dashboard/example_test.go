package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/dashboard"
)

// A program mounts the dashboard beside its own handlers, with a page of its own.
func ExamplePage() {
	var greeting atomic.Value
	greeting.Store("hello")
	page := dashboard.Page{
		Path: "/greeting", Title: "Greeting", Key: "h",
		Template: `{{define "content"}}
<p id="greeting" data-live>{{.Body.Text}}</p>
{{if .CanAct}}<form method="post" action="{{path "/greeting/set"}}">
  <input type="hidden" name="csrf" value="{{.CSRF}}"><input type="hidden" name="back" value="{{.Address}}">
  <input name="text" required> <button>Set</button>
</form>{{end}}
{{end}}`,
		Load: func(context.Context, *dashboard.Request) (any, error) {
			return struct {
				Text any `json:"text"`
			}{greeting.Load()}, nil
		},
		Actions: map[string]dashboard.Action{"set": func(f *dashboard.Form) (dashboard.Notice, error) {
			if f.Value("text") == "" {
				return dashboard.Notice{}, dashboard.BadRequest("text is missing")
			}
			greeting.Store(f.Value("text"))
			f.Audit("greeting.set", "the greeting", f.Value("text"))
			return dashboard.Notice{Text: "The greeting is changed."}, nil
		}},
	}
	board, err := dashboard.New(dashboard.Config{
		Redis: redis.NewClient(&redis.Options{}), Auth: dashboard.Open{}, Prefix: "/navvy", Pages: []dashboard.Page{page},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer board.Close()
	http.Handle("/navvy/", board)
}
