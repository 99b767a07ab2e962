package main

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/navvy-go/navvy/internal/command"
)

// tone is how a row is meant. Its words say it too, for those who see no colours.
type tone int

const (
	tonePlain tone = iota
	toneWarn
	toneBad
)

// row is one line of a list.
type row struct {
	key   string // of what it shows: a queue's name, a job's ID
	queue string
	cells []string
	tone  tone
}

// column is a column of a list. In a narrow terminal those with the least worth go first; those without any stay.
type column struct {
	title string
	right bool
	worth int
}

const (
	columnGap = 2
	lastLeast = 12 // of the last column, a state or an error: it is cut before other columns go
)

// layout chooses the columns that fit into width, and says how wide each is; 0 for one that is left out. A column that
// stays although it does not fit is cut with the line.
func layout(columns []column, rows []row, width int) []int {
	widths, total := make([]int, len(columns)), -columnGap
	for n, c := range columns {
		widths[n] = ansi.StringWidth(c.title)
		for _, r := range rows {
			widths[n] = max(widths[n], ansi.StringWidth(command.Printable(r.cells[n])))
		}
	}
	last := len(widths) - 1
	whole := widths[last]
	widths[last] = min(whole, lastLeast)
	for _, w := range widths {
		if w > 0 {
			total += w + columnGap
		}
	}
	for least := leastWorth(columns, widths); total > width && least >= 0; least = leastWorth(columns, widths) {
		total -= widths[least] + columnGap
		widths[least] = 0
	}
	if widths[last] > 0 {
		widths[last] = min(whole, max(widths[last], widths[last]+width-total))
	}
	return widths
}

// leastWorth is the next column to leave out, or -1.
func leastWorth(columns []column, widths []int) int {
	least := -1
	for n, c := range columns {
		if widths[n] > 0 && c.worth > 0 && (least < 0 || c.worth < columns[least].worth) {
			least = n
		}
	}
	return least
}

// line writes the cells in their columns, cut at width.
func line(columns []column, widths []int, cells []string, width int) string {
	var out strings.Builder
	for n, cell := range cells {
		if widths[n] == 0 {
			continue
		}
		if out.Len() > 0 {
			out.WriteString(strings.Repeat(" ", columnGap))
		}
		cell = ansi.Truncate(command.Printable(cell), widths[n], "…")
		padding := strings.Repeat(" ", widths[n]-ansi.StringWidth(cell))
		if columns[n].right {
			out.WriteString(padding + cell)
		} else {
			out.WriteString(cell + padding)
		}
	}
	return ansi.Truncate(out.String(), width, "…")
}
