package scope_test

import (
	"strings"
	"testing"

	"github.com/navvy-go/navvy/internal/scope"
)

func TestLimitsOfScopes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		has, queue, kind string
		queueOK, kindOK  bool
	}{
		{"jobs:write", "orders", "mail.send", true, true},
		{"jobs:write:orders", "orders", "mail.send", true, true},
		{"jobs:write:orders", "orders-eu", "mail.send", false, false},
		{"jobs:write:orders*", "orders-eu", "mail.send", true, true},
		{"jobs:write:orders/mail.send", "orders", "mail.send", true, true},
		{"jobs:write:orders/mail.send", "orders", "mail.send.all", true, false},
		{"jobs:write:orders/mail.send", "mail", "mail.send", false, false},
		{"jobs:write:orders/mail.*", "orders", "mail.send", true, true},
		{"jobs:write:orders/mail.*", "orders", "email.send", true, false},
		{"jobs:write:orders*/mail.*", "orders-eu", "mail.send", true, true},
		{"jobs:write:*/mail.*", "anything", "mail.send", true, true},
		{"jobs:write:*/mail.*", "anything", "payment.charge", true, false},
		{"jobs:read:orders/mail.send", "orders", "mail.send", false, false},
		{"orders:write", "orders", "payment.charge", false, false},
		{"jobs:write:no such scope", "orders", "mail.send", false, false},
	} {
		has := []scope.Scope{scope.Scope(c.has)}
		if got := scope.Allow(has, scope.JobsWrite, c.queue); got != c.queueOK {
			t.Errorf("%s on %s: %t", c.has, c.queue, got)
		}
		if got := scope.AllowKind(has, scope.JobsWrite, c.queue, c.kind); got != c.kindOK {
			t.Errorf("%s on %s for %s: %t", c.has, c.queue, c.kind, got)
		}
	}
}

// A queue of one scope and a kind of another are not what either allows.
func TestLimitsHoldTogether(t *testing.T) {
	t.Parallel()
	has := []scope.Scope{"jobs:write:orders/mail.send", "jobs:write:mail/payment.charge"}
	if scope.AllowKind(has, scope.JobsWrite, "orders", "payment.charge") {
		t.Error("a kind of another queue is allowed")
	}
	if !scope.AllowKind(has, scope.JobsWrite, "mail", "payment.charge") {
		t.Error("its own kind is not")
	}
}

func TestOnlyScopesAreParsed(t *testing.T) {
	t.Parallel()
	for _, good := range scope.All {
		if _, err := scope.Parse([]string{string(good)}); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range []string{
		"", "jobs", "jobs:write:", "jobs:write:*", "jobs:write:**", "jobs:write:a*b", "jobs:write:a b", "jobs:write:a,b",
		"jobs:write:orders/", "jobs:write:orders/*", "jobs:write:/mail.send", "jobs:write:orders/mail*send",
		"jobs:write:orders/mail/send", "jobs:write:*b/mail", "jobs:write/mail.send", "jobs:write\n", "jobs:write:a\n",
		"orders:write:orders", "orders:write:*/mail.send", "Jobs:write", "jobs:write:" + strings.Repeat("a", 129),
	} {
		if got, err := scope.Parse([]string{bad}); err == nil {
			t.Errorf("%q was taken as %v", bad, got)
		}
	}
	many := strings.Split(strings.TrimSuffix(strings.Repeat("jobs:write,", 51), ","), ",")
	if _, err := scope.Parse(many); err == nil {
		t.Error("51 scopes were taken")
	}
	if _, err := scope.Parse(nil); err == nil {
		t.Error("no scope was taken")
	}
}

// What is no scope allows nothing, and what is one allows no more than without its limits.
func FuzzScope(f *testing.F) {
	for _, seed := range []string{"jobs:write", "jobs:read:orders*/mail.*", "jobs:write:*/a", "jobs:write:*", ":/"} {
		f.Add(seed, "orders", "mail.send")
	}
	f.Fuzz(func(t *testing.T, text, queue, kind string) {
		has := []scope.Scope{scope.Scope(text)}
		for _, asked := range scope.All {
			some, one := scope.Allow(has, asked, queue), scope.AllowKind(has, asked, queue, kind)
			if one && !some || some && (!has[0].Valid() || !strings.HasPrefix(text, string(asked))) {
				t.Errorf("%q for %s on %q of %q: %t, %t", text, asked, queue, kind, some, one)
			}
		}
	})
}
