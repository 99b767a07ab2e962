package simgate

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/navvy-go/navvy/jobs/payment"
)

// Server is a simulated payment provider: an [http.Handler] with a ledger. It needs no closing.
type Server struct {
	simulation Simulation
	book       *book
	lookups    atomic.Uint64
	mux        http.ServeMux
}

// NewServer returns a server with an empty ledger, or what is wrong with the simulation.
func NewServer(simulation Simulation) (*Server, error) {
	if err := simulation.Validate(); err != nil {
		return nil, err
	}
	s := &Server{simulation: simulation, book: newBook(bookSize)}
	s.mux.HandleFunc("POST "+chargesPath, s.charge)
	s.mux.HandleFunc("GET "+chargesPath, s.lookup)
	s.mux.HandleFunc("POST "+capturesPath, func(w http.ResponseWriter, r *http.Request) { s.capture(w, r, false) })
	s.mux.HandleFunc("POST "+voidsPath, func(w http.ResponseWriter, r *http.Request) { s.capture(w, r, true) })
	s.mux.HandleFunc("POST "+refundsPath, s.refund)
	s.mux.HandleFunc("GET "+ledgerPath, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, answer{http.StatusOK, s.Ledger()})
	})
	return s, nil
}

// ServeHTTP answers as the package says.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// Ledger returns the account of what was done so far.
func (s *Server) Ledger() Ledger { return s.book.ledger() }

func (s *Server) charge(w http.ResponseWriter, r *http.Request) {
	var order chargeOrder
	key, err := read(w, r, &order)
	if err == nil && (order.OrderID == "" || order.Cents <= 0) {
		err = fmt.Errorf("order_id must not be empty, and cents must be above 0")
	}
	if err != nil {
		reply(w, *refuse(http.StatusBadRequest, codeInvalid, err.Error()))
		return
	}
	s.once(w, r, key, order, func(e *entry) answer { return s.book.charge(key, e, order, s.simulation.declines(key)) })
}

// capture takes what a charge holds, or lets go of it.
func (s *Server) capture(w http.ResponseWriter, r *http.Request, void bool) {
	var order captureOrder
	key, err := read(w, r, &order)
	if err != nil {
		reply(w, *refuse(http.StatusBadRequest, codeInvalid, err.Error()))
		return
	}
	order.Void = void
	s.once(w, r, key, order, func(*entry) answer { return s.book.capture(order) })
}

func (s *Server) refund(w http.ResponseWriter, r *http.Request) {
	var order refundOrder
	key, err := read(w, r, &order)
	if err != nil {
		reply(w, *refuse(http.StatusBadRequest, codeInvalid, err.Error()))
		return
	}
	s.once(w, r, key, order, func(*entry) answer { return s.book.refund(key, order) })
}

// once carries a call out, once for its key, unless the call's fate is to fail. Like a real provider it does not care
// whether its caller has gone meanwhile.
//
// Why: docs/decisions/payments.md#the-simulated-gateway-is-a-server-not-a-type
func (s *Server) once(w http.ResponseWriter, r *http.Request, key string, asked any, carryOut func(*entry) answer) {
	e, uses, refused := s.book.enter(key, asked)
	if refused != nil {
		reply(w, *refused)
		return
	}
	fate := s.simulation.fate(key, uses)
	s.takeTime()
	if fate == failure {
		s.book.abandon(e)
		reply(w, unavailable())
		return
	}
	given := s.book.finish(e, func() answer { return carryOut(e) })
	if fate == noAnswer {
		s.book.unanswered()
		keepBack(r)
	}
	reply(w, given)
}

func (s *Server) lookup(w http.ResponseWriter, r *http.Request) {
	key := r.URL.Query().Get("key")
	fate := s.simulation.fate("lookup "+key, s.lookups.Add(1))
	s.takeTime()
	given := s.book.lookup(key)
	switch fate {
	case failure:
		given = unavailable()
	case noAnswer:
		keepBack(r)
	}
	reply(w, given)
}

// takeTime lets the latency pass.
func (s *Server) takeTime() {
	if s.simulation.Latency > 0 {
		<-time.After(s.simulation.Latency)
	}
}

// keepBack does not answer: it waits until the caller has given up, and cuts the connection if it does not.
func keepBack(r *http.Request) {
	limit := time.NewTimer(maxHold)
	defer limit.Stop()
	select {
	case <-r.Context().Done():
	case <-limit.C:
	}
	panic(http.ErrAbortHandler) // net/http's own way to end a connection without an answer
}

// read reads a call to its end, so that net/http notices when the caller gives up.
func read(w http.ResponseWriter, r *http.Request, into any) (key string, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return "", fmt.Errorf("the body is not what it must be: %w", err)
	}
	key = r.Header.Get(keyHeader)
	if key == "" || len(key) > maxKey {
		return "", fmt.Errorf("the header %s must have from 1 to %d characters", keyHeader, maxKey)
	}
	return key, nil
}

func unavailable() answer {
	return *refuse(http.StatusServiceUnavailable, codeUnavailable, "out of order for a moment; nothing was done")
}

func reply(w http.ResponseWriter, a answer) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(a.status)
	_ = json.NewEncoder(w).Encode(a.body) // a caller that has gone is no concern of ours
}

var (
	_ payment.Gateway    = (*Client)(nil)
	_ payment.Authorizer = (*Client)(nil)
)
