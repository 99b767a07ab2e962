package command

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/navvy-go/navvy/internal/visible"
)

// Lines writes each value as one JSON object on a line of its own.
type Lines struct{ encoder *json.Encoder }

// NewLines returns Lines to w.
func NewLines(w io.Writer) Lines {
	encoder := json.NewEncoder(visible.JSONTo(w))
	encoder.SetEscapeHTML(false)
	return Lines{encoder: encoder}
}

// Print writes v.
func (l Lines) Print(v any) error { return l.encoder.Encode(v) }

// Table writes aligned columns.
type Table struct{ w *tabwriter.Writer }

// NewTable returns a table to w that begins with a line of headings.
func NewTable(w io.Writer, headings ...string) Table {
	t := Table{w: tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)}
	_, _ = fmt.Fprintln(t.w, strings.Join(headings, "\t"))
	return t
}

// cellMost is how many characters of a cell are shown: one of a million would make all lines as long.
const cellMost = 200

// Row adds a line, in which what is not shown becomes spaces: see [visible.Line].
func (t Table) Row(cells ...any) {
	texts := make([]string, len(cells))
	for i, cell := range cells {
		texts[i] = Printable(visible.Cut(fmt.Sprint(cell), cellMost))
	}
	_, _ = fmt.Fprintln(t.w, strings.Join(texts, "\t"))
}

// Flush writes the table.
func (t Table) Flush() error { return t.w.Flush() }

// Printable returns text for one line on a terminal: see [visible.Line].
func Printable(text string) string { return visible.Line(text) }

// Duration rounds d for a person: 1m30s, 250ms, -.
func Duration(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d.Abs() < time.Second:
		return d.Round(time.Millisecond).String()
	case d.Abs() < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	default:
		return trimZeros(d.Round(time.Second).String())
	}
}

// trimZeros turns 1h0m0s into 1h.
func trimZeros(text string) string {
	if cut, ok := strings.CutSuffix(text, "m0s"); ok {
		text = cut + "m"
	}
	if cut, ok := strings.CutSuffix(text, "h0m"); ok {
		text = cut + "h"
	}
	return text
}
