package audit

import (
	"fmt"
	"strings"
)

const idsOfAction = 10_000 // that are noted of an action on all that match; of the others, how many there were

// IDs collects the jobs of an action into lines for the details of entries.
type IDs struct {
	write   func(line string)
	line    strings.Builder
	counted int
}

// NewIDs returns a collection that calls write for each full line.
func NewIDs(write func(line string)) *IDs { return &IDs{write: write} }

// Add takes the next job.
func (i *IDs) Add(id string) {
	if i.counted++; i.counted > idsOfAction {
		return
	}
	if i.line.Len() > 0 && i.line.Len()+1+len(id) > idsMost {
		i.write(i.line.String())
		i.line.Reset()
	}
	if i.line.Len() > 0 {
		i.line.WriteByte(' ')
	}
	i.line.WriteString(id)
}

// Flush writes the last line, and how many jobs are in none.
func (i *IDs) Flush() {
	if i.line.Len() > 0 {
		i.write(i.line.String())
		i.line.Reset()
	}
	if more := i.counted - idsOfAction; more > 0 {
		i.write(fmt.Sprintf("and %d more", more))
	}
}
