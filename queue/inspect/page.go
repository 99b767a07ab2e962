package inspect

// Page asks for one page of a list.
type Page struct {
	Cursor string // "" for the first page, then JobPage.Next
	Limit  int    // jobs at the most; defaults to 50, 1000 at the most

	// MaxData leaves data out of the jobs found that is longer, in bytes, see [JobInfo.WithoutLarge]; defaults to none.
	MaxData int

	// MaxScan bounds how many jobs a [Inspector.Search] looks at for one page; defaults to [DefaultMaxScan].
	MaxScan int
}

func (p Page) limit() int {
	if p.Limit <= 0 {
		return defaultPage
	}
	return min(p.Limit, maxPage)
}

func (p Page) maxScan() int {
	if p.MaxScan <= 0 {
		return DefaultMaxScan
	}
	return p.MaxScan
}

// DefaultMaxScan is how many jobs a page of a search looks at, at the most, unless [Page] says otherwise.
const DefaultMaxScan = 10_000

// JobPage is one page of a list.
type JobPage struct {
	Jobs []JobInfo `json:"jobs"`
	Next string    `json:"next,omitempty"` // the cursor of the next page; "" at the end
}

// SearchPage is a page of a search.
type SearchPage struct {
	JobPage
	Scanned int64 `json:"scanned"` // how many jobs were looked at for this page
	Total   int64 `json:"total"`   // how many jobs are in the state now, matching or not
	// the page ended because as much as Page.MaxScan allows was looked at: Next goes on from there
	Truncated bool `json:"truncated"`
}

const (
	defaultPage = 50
	maxPage     = 1000
)
