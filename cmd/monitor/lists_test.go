package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/navvy-go/navvy/queue/inspect"
)

// numbered lists jobs 0 to n-1 of a state, with the next number as its cursor.
func numbered(state inspect.State, n int) listing {
	return func(_ *inspect.Inspector, _ context.Context, _ string, page inspect.Page) (inspect.JobPage, error) {
		from, _ := strconv.Atoi(page.Cursor)
		var got inspect.JobPage
		for i := from; i < min(n, from+page.Limit); i++ {
			got.Jobs = append(got.Jobs, inspect.JobInfo{ID: fmt.Sprint(state, i)})
		}
		if from+page.Limit < n {
			got.Next = strconv.Itoa(from + page.Limit)
		}
		return got, nil
	}
}

func TestJoinedListsShowEveryJobOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ delayed, retrying, limit int }{
		{0, 0, 2}, {3, 0, 2}, {0, 3, 2}, {3, 3, 2}, {4, 4, 2}, {2, 2, 10}, {2, 2, 4}, {5, 1, 1},
	} {
		jobs := joined([]listing{numbered("d", test.delayed), numbered("r", test.retrying)})
		var want, got []string
		for i := range test.delayed {
			want = append(want, fmt.Sprint("d", i))
		}
		for i := range test.retrying {
			want = append(want, fmt.Sprint("r", i))
		}
		page := inspect.Page{Limit: test.limit}
		for pages := 0; pages <= len(want); pages++ {
			list, err := jobs(t.Context(), nil, "orders", page)
			if err != nil {
				t.Fatal(err)
			}
			if len(list.Jobs) > test.limit {
				t.Errorf("%+v: a page of %d jobs", test, len(list.Jobs))
			}
			for _, job := range list.Jobs {
				got = append(got, job.ID)
			}
			if page.Cursor = list.Next; list.Next == "" {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%+v: got %v, want %v", test, got, want)
		}
	}
}

func TestJoinedListsRefuseAForeignCursor(t *testing.T) {
	t.Parallel()
	jobs := joined([]listing{numbered("d", 3), numbered("r", 3)})
	for _, cursor := range []string{"x", "2/", "-1/0", "7"} {
		if _, err := jobs(t.Context(), nil, "orders", inspect.Page{Limit: 1, Cursor: cursor}); err == nil {
			t.Errorf("cursor %q was accepted", cursor)
		}
	}
}
