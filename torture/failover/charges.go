package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/jobs/payment/simgate"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/torture/internal/charged"
	"github.com/navvy-go/navvy/torture/internal/pause"
)

const (
	payQueue   = "pay"
	orderEvery = 150 * time.Millisecond
	repeated   = 2 // how often each order is enqueued, by jobs of their own
)

// shop orders and charges while Redis moves.
type shop struct {
	gateway  *simgate.Server
	listener *simgate.Listener
	calls    *simgate.Client
	service  *payment.Service

	mu      sync.Mutex
	asked   []payment.Charge // an order may be charged of which no job was acknowledged
	ordered map[string]bool  // those of which a job was acknowledged that a replica has
}

func openShop(ctx context.Context, rdb redis.UniversalClient) (*shop, error) {
	gateway, err := simgate.NewServer(simgate.Simulation{
		Latency: 20 * time.Millisecond, Failures: 0.01, Timeouts: 0.05, Seed: 1,
	})
	if err != nil {
		return nil, err
	}
	s := &shop{gateway: gateway, ordered: map[string]bool{}}
	if s.listener, err = gateway.Listen(ctx, "127.0.0.1:0"); err != nil {
		return nil, err
	}
	if s.calls, err = simgate.NewClient(s.listener.URL, 500*time.Millisecond); err != nil {
		return nil, errors.Join(err, s.listener.Close())
	}
	s.service = payment.New(rdb, nil, s.calls)
	return s, nil
}

func (s *shop) close() error {
	s.calls.Close()
	return s.listener.Close()
}

// run makes orders, each with several jobs that charge it.
func (s *shop) run(ctx context.Context, client *queue.Client) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for n := 1; pause.For(ctx, orderEvery); n++ {
		order := payment.Charge{OrderID: fmt.Sprintf("o-%06d", n), Cents: int64(100 + n)}
		s.mu.Lock()
		s.asked = append(s.asked, order)
		s.mu.Unlock()
		for i := range repeated {
			wg.Go(func() { s.order(ctx, client, order, fmt.Sprintf("%s-%d", order.OrderID, i)) })
		}
	}
}

func (s *shop) order(ctx context.Context, client *queue.Client, order payment.Charge, id string) {
	for {
		_, err := client.Enqueue(ctx, order, queue.On(payQueue), queue.ID(id),
			queue.Durable(queue.Replicated(1, 500*time.Millisecond)))
		if err == nil {
			s.mu.Lock()
			s.ordered[order.OrderID] = true
			s.mu.Unlock()
			return
		}
		if !pause.For(ctx, askedAgain) {
			return
		}
	}
}

// judge holds the gateway's ledger against the orders. A record may be behind: Redis may lose it, when a payment's job
// and its record lie on different servers without the job.
func (s *shop) judge(ctx context.Context, a *aside) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.Orders = len(s.asked)
	ledger := s.gateway.Ledger()
	certain := make([]payment.Charge, 0, len(s.asked))
	for _, order := range s.asked {
		if s.ordered[order.OrderID] || charges(ledger, order.OrderID) > 0 {
			certain = append(certain, order)
		}
	}
	found := charged.Judge(certain, ledger)
	a.Charged, a.ChargedTwice = len(found.Charged), found.Doubles
	for _, problem := range found.Problems {
		a.problem("%s", problem)
	}
	if a.Charged == 0 || ledger.Unanswered == 0 {
		a.problem("nothing is shown: %d orders were charged, and %d calls of the gateway not answered", a.Charged,
			ledger.Unanswered)
	}
	for _, order := range certain {
		if record, err := s.service.Order(ctx, order.OrderID); err == nil && record.State == payment.Paid {
			a.Paid++
		}
	}
}

func charges(ledger simgate.Ledger, order string) (n int) {
	for _, charge := range ledger.Charges {
		if charge.OrderID == order {
			n++
		}
	}
	return n
}
