package gateway

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/navvy-go/navvy/internal/problem"
	"github.com/navvy-go/navvy/internal/visible"
	"github.com/navvy-go/navvy/queue"
)

const (
	streamBatch = 500              // lines that are enqueued together, at the most
	streamBytes = 256 << 10        // and bytes of them, unless one line has more
	streamIdle  = 30 * time.Second // that a client may take for the next lines, or to read the answers
)

// streamed is the type of a body with a job on each line.
const streamed = "application/x-ndjson"

// streamsTo passes requests with a line for each job to one handler, and all others to another.
func streamsTo(lines, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if mediaType(r) == streamed {
			lines.ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r)
	})
}

// streamSummary is the last line of an answer. Where it is missing the answer is not complete.
type streamSummary struct {
	Lines      int64             `json:"lines"` // that were answered
	Enqueued   int64             `json:"enqueued"`
	Duplicates int64             `json:"duplicates"` // were there before
	Failed     int64             `json:"failed"`
	Stopped    *problem.Document `json:"stopped,omitempty"` // why the lines after these were not read
}

// jobStream is a request with a job on each line, and its answer.
type jobStream struct {
	g       *Gateway
	w       http.ResponseWriter
	r       *http.Request
	control *http.ResponseController
	lines   lineReader
	held    int64 // bytes of long lines

	items   []queue.Item
	results []result
	bytes   int
	summary streamSummary
}

// enqueueLines enqueues a job for each line, and answers with a line for each, in their order, as they come. It stops
// when Redis fails: the lines without an answer were not enqueued.
func (g *Gateway) enqueueLines(w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Idempotency-Key") != "" {
		return badRequest.because("A stream has no Idempotency-Key: give each line an id, or a unique key.")
	}
	s := &jobStream{g: g, w: w, r: r, control: http.NewResponseController(w)}
	s.lines = lineReader{r: bufio.NewReaderSize(r.Body, 64<<10), most: int(g.cfg.MaxBody), grow: s.grow}
	defer s.release()
	_ = s.control.EnableFullDuplex() // HTTP/2 has nothing else
	w.Header().Set("Content-Type", streamed)
	w.Header().Set("Cache-Control", "no-store")
	stop := s.run()
	if stop != nil {
		s.summary.Stopped = problemOf(stop)
	}
	return s.write(s.summary)
}

// run reads, enqueues and answers until the lines end; it returns why it stopped before.
func (s *jobStream) run() error {
	for {
		err := s.gather()
		if failed := s.flush(); failed != nil {
			return failed
		}
		var refusal *problem.Document
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &refusal):
			return refusal
		case err != nil:
			return badRequest.because("The next line did not come within %s, or the body ended too early.", streamIdle)
		case s.g.stopping.Err() != nil:
			return stopping.because("Send the rest again: another server answers.")
		}
	}
}

// gather reads lines until there are enough, or the next has yet to come.
func (s *jobStream) gather() error {
	deadline := time.Now().Add(streamIdle)
	_ = s.control.SetReadDeadline(deadline)
	_ = s.control.SetWriteDeadline(deadline.Add(streamIdle))
	for len(s.items) < streamBatch && s.bytes < streamBytes {
		text, err := s.lines.next()
		if err != nil {
			return err
		}
		s.add(text)
		if s.lines.r.Buffered() == 0 {
			return nil
		}
	}
	return nil
}

// add makes a job of a line.
func (s *jobStream) add(text []byte) {
	answer := result{Line: s.lines.number}
	var item queue.Item
	var asked jobRequest
	err := error(tooLarge.because("At most %d bytes are taken in a line.", s.lines.most))
	if text != nil {
		if err = parse(text, &asked); err == nil {
			item, err = s.g.item(s.r, asked, "")
		}
	}
	if err != nil {
		answer.Problem = problemOf(err)
	}
	s.items, s.results = append(s.items, item), append(s.results, answer)
	s.bytes += len(text)
}

// flush enqueues what was gathered and answers each line. It returns the problem of the first that failed through no
// fault of its own.
func (s *jobStream) flush() error {
	if len(s.items) == 0 {
		return nil
	}
	if err := s.g.await(s.r.Context(), s.g.limitKey(s.r), len(s.items), s.bytes); err != nil {
		return err
	}
	if slices.ContainsFunc(s.results, func(one result) bool { return one.Problem == nil }) {
		if err := s.admit(); err != nil {
			return err
		}
	}
	s.g.enqueueItems(s.r, s.items, s.results)
	_ = s.control.SetWriteDeadline(time.Now().Add(streamIdle))
	var failed error
	for _, one := range s.results {
		s.summary.Lines++
		switch {
		case one.Problem != nil:
			s.summary.Failed++
			if one.Problem.Status >= http.StatusInternalServerError && failed == nil {
				failed = one.Problem
			}
		case one.Duplicate:
			s.summary.Duplicates++
		default:
			s.summary.Enqueued++
		}
		if err := s.write(one); err != nil {
			return err
		}
	}
	clear(s.items)
	clear(s.results)
	s.items, s.results, s.bytes = s.items[:0], s.results[:0], 0
	s.release()
	_ = s.control.Flush()
	return failed
}

// admit reports why the lines that were gathered may not be enqueued: a stream ends with the key or the token that it
// began with.
func (s *jobStream) admit() error {
	began := exchangeOf(s.r.Context()).caller
	caller, err := s.g.auth.Identify(s.r)
	var unknown *problem.Document
	switch {
	case errors.As(err, &unknown):
		return err
	case err != nil, caller.Name != began.Name, !slices.Equal(caller.Scopes, began.Scopes):
		return unauthorized.because("The key or token has ended, or has other scopes now.")
	}
	return s.g.mayBegin(s.r)
}

// grow takes memory for a long line.
func (s *jobStream) grow(n int) error {
	if refusal := s.g.bodies.take(s.g.callerOf(s.r), int64(n)); refusal != nil {
		return refusal
	}
	s.held += int64(n)
	return nil
}

func (s *jobStream) release() {
	s.g.bodies.giveBack(s.g.callerOf(s.r), s.held)
	s.held = 0
}

func (s *jobStream) write(value any) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if _, err := s.w.Write(append(visible.JSON(line), '\n')); err != nil {
		panic(http.ErrAbortHandler) // the client is gone, and nobody else waits for an answer
	}
	return nil
}

// lineReader reads lines in bounded memory. Blank lines are counted and passed over.
type lineReader struct {
	r      *bufio.Reader
	most   int // bytes of a line
	number int64
	grow   func(bytes int) error // called before a line is kept that is longer than the reader's buffer
}

// next returns the next line that is not blank, nil for one that is too long, or io.EOF.
func (l *lineReader) next() ([]byte, error) {
	for {
		text, long, err := l.one()
		switch {
		case err != nil:
			return nil, err
		case long:
			return nil, nil
		case len(text) > 0:
			return text, nil
		}
	}
}

func (l *lineReader) one() (text []byte, long bool, err error) {
	for {
		piece, err := l.r.ReadSlice('\n')
		if long = long || len(text)+len(piece) > l.most; !long {
			if errors.Is(err, bufio.ErrBufferFull) {
				if refused := l.grow(len(piece)); refused != nil {
					return nil, false, refused
				}
			}
			text = append(text, piece...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (!errors.Is(err, io.EOF) || !long && len(text)+len(piece) == 0):
			return nil, false, err
		}
		l.number++
		return bytes.TrimSpace(text), long, nil
	}
}
