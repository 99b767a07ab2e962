package command

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	barInterval   = 100 * time.Millisecond
	plainInterval = 2 * time.Second
)

// Progress shows a person how far a long command is: a bar on a terminal, a plain line now and then otherwise.
// It is not safe for concurrent use.
type Progress struct {
	w     io.Writer
	what  string
	total int64
	bar   *progressbar.ProgressBar // nil: plain lines

	every time.Duration
	last  time.Time
}

// NewProgress shows the progress of what, such as "load", of which there is total to do; -1 when that is not known.
func NewProgress(w io.Writer, what string, total int64) *Progress {
	p := &Progress{w: w, what: what, total: total, every: plainInterval, last: time.Now()}
	if IsTerminal(w) && total != 0 {
		p.bar, p.every = newBar(w, what, total), barInterval
	}
	return p
}

func newBar(w io.Writer, what string, total int64) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(w),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine
		progressbar.OptionClearOnFinish(),
	)
}

// Set says how much of the total is done, and note what that means: "5000 enqueued, 2 rejected".
func (p *Progress) Set(done int64, note string) {
	if time.Since(p.last) < p.every {
		return
	}
	p.last = time.Now()
	note = Printable(note)
	if p.bar != nil {
		p.bar.Describe(p.what + ": " + note)
		_ = p.bar.Set64(done)
		return
	}
	if p.total > 0 {
		note = fmt.Sprintf("%s (%d %%)", note, done*100/p.total)
	}
	_, _ = fmt.Fprintf(p.w, "%s: %s\n", p.what, note)
}

// Done takes the bar away.
func (p *Progress) Done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
