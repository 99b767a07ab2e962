package gateway

import (
	"encoding/json"
	"net/http"

	"github.com/navvy-go/navvy/jobs"
	"github.com/navvy-go/navvy/jobs/analytics"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/queue"
)

const (
	maxOrderID = 200 // bytes, as a payment has it
	maxCents   = 1 << 53
)

// order enqueues the charge of an order. The charge itself happens once for an order_id, however often it is asked for.
func (g *Gateway) order(w http.ResponseWriter, r *http.Request) error {
	var asked struct {
		OrderID string `json:"order_id"`
		Cents   int64  `json:"cents"`
	}
	if err := g.decode(w, r, &asked); err != nil {
		return err
	}
	switch {
	case asked.OrderID == "" || len(asked.OrderID) > maxOrderID:
		return invalid.because("order_id of %d bytes, want 1 to %d", len(asked.OrderID), maxOrderID)
	case asked.Cents < 1 || asked.Cents > maxCents:
		return invalid.because("cents of %d, want 1 or more", asked.Cents)
	}
	return g.enqueueOne(w, r, queue.Item{
		Args: payment.Charge{OrderID: asked.OrderID, Cents: asked.Cents}, Options: g.shopOptions(r, jobs.Orders, 0),
	})
}

// shopOptions are those of the n-th job that a request to the shop makes.
func (g *Gateway) shopOptions(r *http.Request, name string, n int) []queue.EnqueueOption {
	options := append(g.origin(r), queue.On(name))
	if g.cfg.Retain > 0 {
		options = append(options, queue.Retain(g.cfg.Retain))
	}
	if id := effectID(r, n); id != "" {
		options = append(options, queue.ID(id))
	}
	return options
}

// events enqueues the counting of an event, or of an array of them.
func (g *Gateway) events(w http.ResponseWriter, r *http.Request) error {
	body, err := g.readJSON(w, r)
	if err != nil {
		return err
	}
	var asked []json.RawMessage
	single := !isArray(body)
	if single {
		asked = []json.RawMessage{body}
	} else if err := parse(body, &asked); err != nil {
		return err
	}
	if len(asked) == 0 || len(asked) > maxItems {
		return invalid.because("An array has 1 to %d events.", maxItems)
	}
	if err := g.charge(r, len(asked), len(body)); err != nil {
		return err
	}
	results, items := make([]result, len(asked)), make([]queue.Item, len(asked))
	for i, text := range asked {
		event, err := readEvent(text)
		if err != nil {
			results[i].Problem = problemOf(err)
		}
		// Events come by the thousand and have no result: nothing of them is kept.
		items[i] = queue.Item{Args: event, Options: append(g.origin(r), queue.On(jobs.Events))}
		if id := effectID(r, i); id != "" {
			items[i].Options = append(items[i].Options, queue.ID(id))
		}
	}
	if single && results[0].Problem != nil {
		return results[0].Problem
	}
	if single {
		return g.enqueueOne(w, r, items[0])
	}
	g.enqueueItems(r, items, results)
	return answerAll(w, r, results)
}

// readEvent reads an event as the article has it: event, user_id, timestamp and metadata.
func readEvent(text []byte) (analytics.Track, error) {
	var event analytics.Track
	if !json.Valid(text) {
		return event, badRequest.because("The body is not JSON.")
	}
	if err := json.Unmarshal(text, &event); err != nil {
		return event, invalid.because("%s", mismatch(err))
	}
	if event.Event == "" {
		return event, invalid.because("event is missing")
	}
	event.Counted = false // nobody but a worker counts what comes from outside
	return event, nil
}
