package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What a line of the ledger says.
const (
	// Of producers.
	saidEnqueued  = "enqueued"  // Enqueue returned nil
	saidDuplicate = "duplicate" // Enqueue returned nil and said that a job of that key was there before
	saidUnknown   = "unknown"   // the outcome is unknown: the job may exist or not
	saidRefused   = "refused"   // any other error: the job must not exist

	// Of handlers.
	saidStart    = "start"
	saidDone     = "done"     // the handler is about to return nil
	saidFailed   = "failed"   // it is about to return an error
	saidSnoozed  = "snoozed"  // it is about to ask for a later run
	saidLost     = "lost"     // its context ended because the worker lost its lease
	saidReleased = "released" // its context ended because the worker stops
	saidExit     = "exit"     // it is about to end the process

	// Of a worker's observer. The first means that Redis has confirmed the outcome of a run.
	saidConfirmed = "confirmed"
	saidNoted     = "noted"
	saidLease     = "lease lost"

	// Of the harness.
	saidEnded = "ended" // a worker process
	saidFault = "fault"

	// Of the operator.
	saidOrder = "order"
)

// line is one fact, written before anything that follows from it is done. Times are Unix nanoseconds of one machine's
// clock, so lines of different processes can be compared.
type line struct {
	At          int64  `json:"at"`
	Until       int64  `json:"until,omitempty"` // of a fault that lasts, or of a run's delay
	Said        string `json:"said"`
	Job         string `json:"job,omitempty"` // the name that the producer gave it, in its data
	ID          string `json:"id,omitempty"`  // the name that the queue gave it
	Kind        string `json:"kind,omitempty"`
	Queue       string `json:"queue,omitempty"`
	Proc        string `json:"proc,omitempty"` // the worker process; of a fault: whom it hit, "" all
	Consumer    string `json:"consumer,omitempty"`
	Run         int64  `json:"run,omitempty"` // number of the handler's call in its process
	Attempt     int    `json:"attempt,omitempty"`
	Redelivered int    `json:"redelivered,omitempty"`
	Code        int    `json:"code,omitempty"` // exit status; -1 killed
	Fault       string `json:"fault,omitempty"`
	Order       string `json:"order,omitempty"`
	Note        string `json:"note,omitempty"`
}

// since shows a line to a person, its time as seconds since an origin.
func (l line) since(origin int64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%10.4f  %-10s", float64(l.At-origin)/1e9, l.Said)
	field := func(name, value string) {
		if value != "" && value != "0" {
			fmt.Fprintf(&b, " %s=%s", name, value)
		}
	}
	field("fault", l.Fault)
	field("order", l.Order)
	field("job", l.Job)
	field("kind", l.Kind)
	field("proc", l.Proc)
	field("consumer", strings.TrimPrefix(l.Consumer, l.Proc))
	field("run", strconv.FormatInt(l.Run, 10))
	field("attempt", strconv.Itoa(l.Attempt))
	field("redelivered", strconv.Itoa(l.Redelivered))
	field("id", l.ID)
	if l.Until > 0 {
		fmt.Fprintf(&b, " until=%.4f", float64(l.Until-origin)/1e9)
	}
	if l.Said == saidEnded || l.Said == saidOrder {
		fmt.Fprintf(&b, " code=%d", l.Code)
	}
	field("note", l.Note)
	return b.String()
}

// ledger is one process's file. Each line is one write to a file opened for appending, so that what was written
// survives any end of the process, and none is torn.
type ledger struct {
	mu   sync.Mutex
	file *os.File
	err  error // the first write that failed
}

func openLedger(dir, name string) (*ledger, error) {
	file, err := os.OpenFile(filepath.Join(dir, name+".ledger"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("torture: open ledger: %w", err)
	}
	return &ledger{file: file}, nil
}

// write appends a line, with the time of this moment if it has none, and returns that time.
func (l *ledger) write(entry line) int64 {
	if entry.At == 0 {
		entry.At = time.Now().UnixNano()
	}
	text, err := json.Marshal(entry)
	if err == nil {
		_, err = l.file.Write(append(text, '\n'))
	}
	if err != nil {
		l.mu.Lock()
		l.err = cmp.Or(l.err, err)
		l.mu.Unlock()
	}
	return entry.At
}

// close reports whether every line was written.
func (l *ledger) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmp.Or(l.err, l.file.Close())
}

// readLedgers reads all ledgers of a directory, in the order of time.
func readLedgers(dir string) ([]line, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.ledger"))
	if err != nil {
		return nil, err
	}
	var lines []line
	for _, name := range names {
		if lines, err = readLedger(lines, name); err != nil {
			return nil, fmt.Errorf("torture: read %s: %w", filepath.Base(name), err)
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.At, b.At) })
	return lines, nil
}

func readLedger(to []line, name string) ([]line, error) {
	file, err := os.Open(name)
	if err != nil {
		return to, err
	}
	defer file.Close()
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		var entry line
		if err := json.Unmarshal(scanner.Bytes(), &entry); err != nil {
			return to, err
		}
		to = append(to, entry)
	}
	return to, scanner.Err()
}
