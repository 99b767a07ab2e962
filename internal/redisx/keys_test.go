package redisx_test

import (
	"testing"

	"github.com/navvy-go/navvy/internal/redisx"
)

func TestCompanionsShareTheSlotOfTheirKey(t *testing.T) {
	t.Parallel()
	cluster := newCluster(t)
	for _, c := range []struct{ key, tag, companion, prefix string }{
		{"lock:a", "", "{lock:a}:role", "{lock:a}:"},
		{"navvy:{q}", "q", "{q}:navvy:{q}:role", "navvy:{q}:"},
		{"{t}:x", "t", "{t}:{t}:x:role", "{t}:x:"},
		{"a{b}{c}", "b", "{b}:a{b}{c}:role", "a{b}{c}:"},
		{"a{{b}", "{b", "{{b}:a{{b}:role", "a{{b}:"},
		{"a{b", "", "{a{b}:role", "{a{b}:"},
		{"{", "", "{{}:role", "{{}:"},
		{"ключ", "", "{ключ}:role", "{ключ}:"},
	} {
		if got := redisx.HashTag(c.key); got != c.tag {
			t.Errorf("hash tag of %q is %q, want %q", c.key, got, c.tag)
		}
		if got := redisx.Companion(c.key, "role"); got != c.companion {
			t.Errorf("companion of %q is %q, want %q", c.key, got, c.companion)
		}
		if got := redisx.CompanionPrefix(c.key); got != c.prefix {
			t.Errorf("prefix of %q is %q, want %q", c.key, got, c.prefix)
		}
		slot := cluster.ClusterKeySlot(t.Context(), c.key).Val()
		for _, name := range []string{c.companion, c.prefix + "role"} {
			if got := cluster.ClusterKeySlot(t.Context(), name).Val(); got != slot {
				t.Errorf("%q is in slot %d, %q in %d", c.key, slot, name, got)
			}
		}
	}
	for _, key := range []string{"", "a}", "}{", "a{}b"} {
		if got := redisx.HashTag(key); got != "" {
			t.Errorf("hash tag of %q is %q", key, got)
		}
	}
}
