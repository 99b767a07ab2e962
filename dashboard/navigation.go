package dashboard

// section is an entry of the navigation.
type section struct {
	Name  string // as in page.section
	Path  string
	Title string
	Key   string // g and this key go there
	Group string // entries of one group stand together
}

// ownSections are the navigation from top to bottom, before the pages that are plugged in.
var ownSections = []section{
	{"overview", "/", "Overview", "o", "Work"},
	{"queues", "/queues", "Queues", "q", "Work"},
	{"pending", "/pending", "Pending", "p", "Work"},
	{"waiting", "/waiting", "Waiting", "t", "Work"},
	{"delayed", "/delayed", "Delayed and retrying", "s", "Work"},
	{"dead", "/dead", "Dead", "d", "Work"},
	{"cancelled", "/cancelled", "Cancelled", "c", "Work"},
	{"expired", "/expired", "Expired", "x", "Work"},
	{"workers", "/workers", "Workers", "w", "Fleet"},
	{"redis", "/redis", "Redis", "r", "Fleet"},
	{"keys", "/keys", "API keys", "k", "Fleet"},
	{"audit", "/audit", "Audit", "u", "Fleet"},
	{"locks", "/locks", "Locks", "l", features},
}

// shared are the sections that show what all tenants have together.
var shared = []string{"redis", "locks"}

const features = "Features"
