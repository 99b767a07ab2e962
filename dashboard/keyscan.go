package dashboard

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redisx"
)

// A key that is looked at costs Redis about 1 µs. The longer a page takes to read, the less often it is read.
const (
	scanStep  = 250    // keys that Redis looks at in one go
	scanMost  = 20_000 // keys looked at for one page
	scanNames = 200    // names on a page, and a step's more
)

// KeyPage is a page of the names of keys that begin alike. Redis keeps no list of them, so they are looked for among
// all keys, some at a time. The part "looked" of a template shows it.
type KeyPage struct {
	Names   []string `json:"-"`       // without the prefix, in order
	Scanned int64    `json:"scanned"` // keys of any kind, about
	Total   int64    `json:"total"`   // keys of any kind there are
	Next    string   `json:"next,omitempty"`
}

// FreshFor is three seconds for as many keys as are looked at for a page at the most.
func (p KeyPage) FreshFor() time.Duration { return time.Duration(p.Scanned) * 150 * time.Microsecond }

// FindKeys looks for keys of a Redis type that begin with a prefix and continue with a part, from a cursor on. The name
// that is the part itself is on the page in any case: the caller checks whether there is such a key.
func FindKeys(ctx context.Context, rdb redis.UniversalClient, keyType, prefix, part, cursor string) (KeyPage, error) {
	nodes, err := redisx.Masters(ctx, rdb)
	if err != nil {
		return KeyPage{}, fmt.Errorf("list the servers: %w", err)
	}
	at, from, err := readScanCursor(cursor, len(nodes))
	if err != nil {
		return KeyPage{}, err
	}
	var page KeyPage
	if page.Total, err = rdb.DBSize(ctx).Result(); err != nil {
		return KeyPage{}, fmt.Errorf("count the keys: %w", err)
	}
	pattern := globEscape.Replace(prefix) + "*"
	if part != "" {
		page.Names = append(page.Names, part)
		pattern += globEscape.Replace(part) + "*"
	}
	for at < len(nodes) && page.Scanned < scanMost && len(page.Names) < scanNames {
		keys, next, err := nodes[at].ScanType(ctx, from, pattern, scanStep, keyType).Result()
		if err != nil {
			return KeyPage{}, fmt.Errorf("look for keys: %w", err)
		}
		for _, key := range keys {
			page.Names = append(page.Names, strings.TrimPrefix(key, prefix))
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
	slices.Sort(page.Names)
	page.Names = slices.Compact(page.Names)
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
		return 0, 0, BadRequest("%q is no cursor of this list", cursor)
	}
	return at, from, nil
}
