package dashboard

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/navvy-go/navvy/queue/inspect"
)

const (
	chartWidth  = 400
	chartHeight = 130
	chartLeft   = 46
	chartBottom = 18
)

// Line is one line of a [Chart].
type Line struct {
	Name   string
	Class  string    // of the style sheet: chooses the colour
	Values []float64 // NaN where nothing is known
}

// Chart draws lines over a common axis as SVG, so that it needs no script: a label at the left for 0 and the top, and
// the labels of the first and the last point below.
func Chart(title string, lines []Line, first, last string, label func(float64) string) template.HTML {
	top := nice(highest(lines))
	var out strings.Builder
	fmt.Fprintf(&out, `<figure><figcaption class="legend"><strong>%s</strong>`, template.HTMLEscapeString(title))
	for _, l := range lines {
		fmt.Fprintf(&out, `<span><svg viewBox="0 0 10 10" aria-hidden="true">`+
			`<rect class="%s" width="10" height="10" rx="2"/></svg>%s</span>`, l.Class, template.HTMLEscapeString(l.Name))
	}
	fmt.Fprintf(&out, `</figcaption><svg viewBox="0 0 %d %d" role="img" aria-label="%s">`,
		chartWidth, chartHeight, template.HTMLEscapeString(chartText(title, lines, label)))
	for _, share := range []float64{0, 0.5, 1} {
		y := height(share*top, top)
		fmt.Fprintf(&out, `<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`+
			`<text x="%d" y="%.1f" text-anchor="end">%s</text>`,
			chartLeft, chartWidth, y, y, chartLeft-6, y+4, template.HTMLEscapeString(label(share*top)))
	}
	for _, l := range lines {
		for _, points := range runs(l.Values, top) {
			fmt.Fprintf(&out, `<polyline class="%s" points="%s"/>`, l.Class, points)
		}
	}
	fmt.Fprintf(&out, `<text x="%d" y="%d">%s</text><text x="%d" y="%d" text-anchor="end">%s</text></svg></figure>`,
		chartLeft, chartHeight-4, template.HTMLEscapeString(first),
		chartWidth, chartHeight-4, template.HTMLEscapeString(last))
	return template.HTML(out.String()) //nolint:gosec // every text in it is escaped above
}

// runs returns the points of a line, in one piece for each stretch without a gap.
func runs(values []float64, top float64) []string {
	var pieces []string
	var points []string
	end := func() {
		if len(points) == 1 {
			points = append(points, points[0]) // a dot
		}
		if len(points) > 0 {
			pieces = append(pieces, strings.Join(points, " "))
		}
		points = nil
	}
	for i, value := range values {
		if math.IsNaN(value) {
			end()
			continue
		}
		x := chartLeft + float64(chartWidth-chartLeft)*float64(i)/float64(max(len(values)-1, 1))
		points = append(points, fmt.Sprintf("%.1f,%.1f", x, height(value, top)))
	}
	end()
	return pieces
}

func height(value, top float64) float64 {
	const room = chartHeight - chartBottom - 8
	return 8 + room*(1-value/top)
}

func highest(lines []Line) float64 {
	most := 0.0
	for _, l := range lines {
		for _, value := range l.Values {
			if value > most { // false for NaN
				most = value
			}
		}
	}
	return most
}

// nice rounds up to 1, 2 or 5 times a power of ten.
func nice(value float64) float64 {
	if value <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(value)))
	for _, step := range []float64{1, 2, 5} {
		if value <= step*power {
			return step * power
		}
	}
	return 10 * power
}

// chartText says in words what a chart shows, for readers who cannot see it.
func chartText(title string, lines []Line, label func(float64) string) string {
	parts := make([]string, 0, len(lines))
	for _, l := range lines {
		last := math.NaN()
		for _, value := range l.Values {
			if !math.IsNaN(value) {
				last = value
			}
		}
		if !math.IsNaN(last) {
			parts = append(parts, l.Name+" now "+label(last))
		}
	}
	return title + ": " + strings.Join(parts, ", ")
}

// statebar draws a queue's jobs by state as one bar.
func statebar(q inspect.QueueInfo) template.HTML {
	parts := []struct {
		name, class string
		n           int64
	}{
		{"in flight", "s-inflight", q.InFlight},
		{"waiting", "s-waiting", q.Waiting},
		{"delayed", "s-delayed", q.Delayed},
		{"retrying", "s-retrying", q.Retrying},
		{"dead", "s-dead", q.Dead},
	}
	total := int64(0)
	words := make([]string, 0, len(parts))
	for _, p := range parts {
		total += p.n
		words = append(words, fmt.Sprintf("%d %s", p.n, p.name))
	}
	var out strings.Builder
	fmt.Fprintf(&out, `<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label="%s">`+
		`<rect class="rest" width="100" height="4"/>`,
		strings.Join(words, ", "))
	x := 0.0
	for _, p := range parts {
		if p.n <= 0 || total == 0 {
			continue
		}
		width := 100 * float64(p.n) / float64(total)
		fmt.Fprintf(&out, `<rect class="%s" x="%.2f" width="%.2f" height="4"><title>%d %s</title></rect>`,
			p.class, x, width, p.n, p.name)
		x += width
	}
	out.WriteString(`</svg>`)
	return template.HTML(out.String()) //nolint:gosec // numbers, and names from above
}
