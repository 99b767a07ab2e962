package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/problem"
	"github.com/navvy-go/navvy/internal/scope"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// maxItems is how many jobs, or events, one array may have: what is held in memory. A stream may have any number.
const maxItems = 1000

// jobRequest is a job as a client asks for it.
type jobRequest struct {
	Kind        string          `json:"kind"`
	Data        json.RawMessage `json:"data"`
	ID          string          `json:"id"`
	Unique      string          `json:"unique"`
	UniqueFor   *duration       `json:"unique_for"`
	In          *duration       `json:"in"`
	At          *time.Time      `json:"at"`
	Priority    string          `json:"priority"`
	ExpiresIn   *duration       `json:"expires_in"`
	MaxAttempts *int            `json:"max_attempts"`
	Timeout     *duration       `json:"timeout"`
	Retain      *duration       `json:"retain"` // "0s" for not at all
}

// result is what became of one job of several.
type result struct {
	Line int64 `json:"line,omitempty"` // of a stream, from 1
	*queue.Enqueued
	Problem *problem.Document `json:"problem,omitempty"`
}

// enqueue puts one job, or an array of jobs, on a queue.
func (g *Gateway) enqueue(w http.ResponseWriter, r *http.Request) error {
	body, err := g.readJSON(w, r)
	if err != nil {
		return err
	}
	if isArray(body) {
		return g.enqueueArray(w, r, body)
	}
	if err := g.charge(r, 1, len(body)); err != nil {
		return err
	}
	var asked jobRequest
	if err := parse(body, &asked); err != nil {
		return err
	}
	item, err := g.item(r, asked, effectID(r, 0))
	if err != nil {
		return err
	}
	if err := g.mayBegin(r); err != nil {
		return err
	}
	return g.enqueueOne(w, r, item)
}

// enqueueOne answers with the job: 202, or 200 where it was there before.
func (g *Gateway) enqueueOne(w http.ResponseWriter, r *http.Request, item queue.Item) error {
	job, err := g.client.Enqueue(r.Context(), item.Args, item.Options...)
	if err != nil {
		return refusedJob(err)
	}
	g.noteBegun(r)
	w.Header().Set("Location", "/v1/queues/"+url.PathEscape(job.Queue)+"/jobs/"+url.PathEscape(job.ID))
	status := http.StatusAccepted
	if job.Duplicate {
		status = http.StatusOK
	}
	writeJSON(w, r, status, job)
	return nil
}

// enqueueArray answers with what became of each job: 202 if all are enqueued, 207 if some are wrong, and the problem of
// one that failed through no fault of its own if there is such a one, so that the request is repeated.
func (g *Gateway) enqueueArray(w http.ResponseWriter, r *http.Request, body []byte) error {
	var asked []json.RawMessage
	if err := parse(body, &asked); err != nil {
		return err
	}
	if len(asked) == 0 || len(asked) > maxItems {
		return invalid.because("An array has 1 to %d jobs; more go as application/x-ndjson.", maxItems)
	}
	if err := g.charge(r, len(asked), len(body)); err != nil {
		return err
	}
	results, items := make([]result, len(asked)), make([]queue.Item, len(asked))
	for i, text := range asked {
		var one jobRequest
		err := parse(text, &one)
		if err == nil {
			items[i], err = g.item(r, one, effectID(r, i))
		}
		if err != nil {
			results[i].Problem = problemOf(err)
		}
	}
	if slices.ContainsFunc(results, func(one result) bool { return one.Problem == nil }) {
		if err := g.mayBegin(r); err != nil {
			return err
		}
	}
	g.enqueueItems(r, items, results)
	return answerAll(w, r, results)
}

// enqueueItems enqueues the items whose results do not have a problem already.
func (g *Gateway) enqueueItems(r *http.Request, items []queue.Item, results []result) {
	var good []queue.Item
	var at []int
	for i, item := range items {
		if results[i].Problem == nil {
			good, at = append(good, item), append(at, i)
		}
	}
	made, _ := g.client.EnqueueMany(r.Context(), good) // each has its own error
	for n, i := range at {
		if err := made[n].Err; err != nil {
			results[i].Problem = problemOf(refusedJob(err))
			continue
		}
		g.noteBegun(r)
		results[i].Enqueued = &made[n]
	}
}

// answerAll answers with what became of an array.
//
// Why: docs/decisions/gateway.md#a-failure-of-redis-fails-a-request-with-an-array-a-wrong-job-does-not
func answerAll(w http.ResponseWriter, r *http.Request, results []result) error {
	status := http.StatusAccepted
	for _, one := range results {
		switch {
		case one.Problem == nil:
		case one.Problem.Status >= http.StatusInternalServerError:
			whole := *one.Problem
			whole.Results = results
			return &whole
		default:
			status = http.StatusMultiStatus
		}
	}
	writeJSON(w, r, status, map[string][]result{"results": results})
	return nil
}

// refusedJob distinguishes a job that makes no sense from one that could not be enqueued.
func refusedJob(err error) error {
	var answer redis.Error
	if p := problemOf(err); p.Status != http.StatusInternalServerError || errors.As(err, &answer) {
		return err
	}
	return invalid.because("%s", strings.TrimPrefix(err.Error(), "queue: enqueue: "))
}

// item makes a job of what was asked for. Without an ID or a unique key of its own it is named id, if that is not
// empty.
func (g *Gateway) item(r *http.Request, asked jobRequest, id string) (queue.Item, error) {
	switch {
	case asked.Kind == "":
		return queue.Item{}, invalid.because("kind is missing")
	case !exchangeOf(r.Context()).caller.mayKind(scope.JobsWrite, r.PathValue("queue"), asked.Kind):
		return queue.Item{}, forbidden.because("The scope %s is needed for the kind %.128q on this queue.", scope.JobsWrite,
			asked.Kind)
	case g.cfg.Kinds != nil && !slices.Contains(g.cfg.Kinds, asked.Kind):
		return queue.Item{}, invalid.because("unknown kind %q; want one of %s", asked.Kind, strings.Join(g.cfg.Kinds, ", "))
	case CheckQueue(r.PathValue("queue")) != nil:
		return queue.Item{}, invalid.because("%s", CheckQueue(r.PathValue("queue")))
	case len(bytes.TrimSpace(asked.Data)) == 0:
		return queue.Item{}, invalid.because("data is missing")
	case asked.In != nil && asked.At != nil:
		return queue.Item{}, invalid.because("in and at exclude each other")
	case (asked.Unique == "") != (asked.UniqueFor == nil):
		return queue.Item{}, invalid.because("unique and unique_for go together")
	}
	if _, err := queue.ParseLane(asked.Priority); err != nil {
		return queue.Item{}, invalid.because("priority must be high, normal or low")
	}
	if asked.ID == "" && asked.Unique == "" {
		asked.ID = id
	}
	return queue.Item{Args: queue.JSON(asked.Kind, asked.Data), Options: g.options(r, asked)}, nil
}

func (g *Gateway) options(r *http.Request, asked jobRequest) []queue.EnqueueOption {
	lane, _ := queue.ParseLane(asked.Priority) // it was checked
	options := append(g.origin(r), queue.On(r.PathValue("queue")), queue.Priority(lane))
	if asked.ID != "" {
		options = append(options, queue.ID(asked.ID))
	}
	if asked.Unique != "" {
		options = append(options, queue.Unique(asked.Unique, time.Duration(*asked.UniqueFor)))
	}
	if asked.In != nil {
		options = append(options, queue.In(time.Duration(*asked.In)))
	}
	if asked.At != nil {
		options = append(options, queue.At(*asked.At))
	}
	if asked.MaxAttempts != nil {
		options = append(options, queue.MaxAttempts(*asked.MaxAttempts))
	}
	if asked.Timeout != nil {
		options = append(options, queue.Timeout(time.Duration(*asked.Timeout)))
	}
	if asked.ExpiresIn != nil {
		options = append(options, queue.ExpiresIn(time.Duration(*asked.ExpiresIn)))
	}
	if asked.Retain != nil && *asked.Retain != 0 {
		options = append(options, queue.Retain(time.Duration(*asked.Retain)))
	} else if asked.Retain == nil && g.cfg.Retain > 0 {
		options = append(options, queue.Retain(g.cfg.Retain))
	}
	return options
}

// origin carries the request's ID and trace into a job.
func (g *Gateway) origin(r *http.Request) []queue.EnqueueOption {
	known := exchangeOf(r.Context())
	options := []queue.EnqueueOption{queue.RequestID(known.id)}
	if known.trace != "" {
		options = append(options, queue.Trace(known.trace))
	}
	return options
}

// jobStatus is a job as a client may see it: neither its data nor who runs it where.
type jobStatus struct {
	ID          string            `json:"id"`
	Kind        string            `json:"kind"`
	Queue       string            `json:"queue"`
	State       inspect.State     `json:"state"`
	Attempt     int               `json:"attempt"` // failed attempts so far
	EnqueuedAt  *time.Time        `json:"enqueued_at,omitempty"`
	Due         *time.Time        `json:"due,omitempty"`
	EndedAt     *time.Time        `json:"ended_at,omitempty"`
	Progress    *inspect.Progress `json:"progress,omitempty"`
	Result      json.RawMessage   `json:"result,omitempty"`
	Error       string            `json:"error,omitempty"`  // of the last failed attempt
	Reason      string            `json:"reason,omitempty"` // dead: why
	MaxAttempts int               `json:"max_attempts,omitempty"`
	Trace       string            `json:"trace,omitempty"`
	RequestID   string            `json:"request_id,omitempty"`
}

// job answers with what has become of a job. To a caller that may not read its kind it does not exist.
func (g *Gateway) job(w http.ResponseWriter, r *http.Request) error {
	info, err := g.lookUp(r, r.PathValue("queue"), r.PathValue("id"))
	if err != nil {
		return err
	}
	if !exchangeOf(r.Context()).caller.mayKind(scope.JobsRead, r.PathValue("queue"), info.Kind) {
		return inspect.ErrNotFound
	}
	writeJSON(w, r, http.StatusOK, jobStatus{
		ID: info.ID, Kind: info.Kind, Queue: info.Queue, State: info.State, Attempt: info.Attempt,
		MaxAttempts: info.MaxAttempts,
		EnqueuedAt:  info.EnqueuedAt, Due: info.Due, EndedAt: info.EndedAt, Progress: info.Progress, Result: info.Result,
		Error: info.Error, Reason: info.Reason, Trace: info.Trace, RequestID: info.RequestID,
	})
	return nil
}
