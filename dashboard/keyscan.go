package dashboard

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A key that is looked at costs Redis some 1 µs. The longer a page takes to read, the less often it is read.
const (
	scanStep  = 250    // keys that Redis looks at in one go
	scanMost  = 20_000 // keys looked at for one page
	scanNames = 200    // names on a page, and a step's more
)

// keyPage is a page of the names of keys that begin alike. Nobody keeps a list of them, so that they are looked for
// among all keys, some at a time.
type keyPage struct {
	names   []string // without the prefix, in order
	Scanned int64    `json:"scanned"` // keys of any kind, about
	Total   int64    `json:"total"`   // keys of any kind there are
	Next    string   `json:"next,omitempty"`
}

// freshFor is three seconds for as many keys as are looked at for a page at the most.
func (p keyPage) freshFor() time.Duration { return time.Duration(p.Scanned) * 150 * time.Microsecond }

// findKeys looks for keys of a type that begin with a prefix and have a part in the rest of their names. A key whose
// name is that part is found at once, if there is one: the caller looks whether.
func (d *Dashboard) findKeys(ctx context.Context, kind, prefix, part, cursor string) (keyPage, error) {
	nodes, err := d.masters(ctx)
	if err != nil {
		return keyPage{}, fmt.Errorf("list the servers: %w", err)
	}
	at, from, err := readScanCursor(cursor, len(nodes))
	if err != nil {
		return keyPage{}, err
	}
	var page keyPage
	if page.Total, err = d.cfg.Redis.DBSize(ctx).Result(); err != nil {
		return keyPage{}, fmt.Errorf("count the keys: %w", err)
	}
	pattern := globEscape.Replace(prefix) + "*"
	if part != "" {
		page.names = append(page.names, part)
		pattern += globEscape.Replace(part) + "*"
	}
	for at < len(nodes) && page.Scanned < scanMost && len(page.names) < scanNames {
		keys, next, err := nodes[at].rdb.ScanType(ctx, from, pattern, scanStep, kind).Result()
		if err != nil {
			return keyPage{}, fmt.Errorf("look for keys: %w", err)
		}
		for _, key := range keys {
			page.names = append(page.names, strings.TrimPrefix(key, prefix))
		}
		page.Scanned += scanStep
		if from = next; from == 0 {
			at++
		}
	}
	if at < len(nodes) {
		page.Next = fmt.Sprintf("%d-%d", at, from)
	}
	page.Scanned = min(page.Scanned, page.Total)
	slices.Sort(page.names)
	page.names = slices.Compact(page.names)
	return page, nil
}

var globEscape = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// readScanCursor reads which of the servers is looked at, and from where on.
func readScanCursor(cursor string, nodes int) (at int, from uint64, err error) {
	if cursor == "" {
		return 0, 0, nil
	}
	left, right, _ := strings.Cut(cursor, "-")
	at, err = strconv.Atoi(left)
	if err == nil {
		from, err = strconv.ParseUint(right, 10, 64)
	}
	if err != nil || at < 0 || at >= nodes {
		return 0, 0, badQuery("%q is no cursor of this list", cursor)
	}
	return at, from, nil
}
