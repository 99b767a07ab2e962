package payment_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/internal/jobtest"
	"github.com/navvy-go/navvy/jobs/payment"
	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue"
	"github.com/navvy-go/navvy/queue/inspect"
)

// startFleet runs payment.charge on a worker, on the default queue.
func startFleet(t *testing.T, rdb redis.UniversalClient, gateway payment.Gateway) (*jobtest.Fleet, *payment.Service) {
	t.Helper()
	service, mux := payment.New(rdb, nil, gateway), queue.NewMux()
	service.Register(mux)
	return jobtest.Start(t, rdb, mux, nil), service
}

func TestJobLeavesItsReceiptAsResult(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	fleet, _ := startFleet(t, rdb, gateway)

	ended := fleet.Run(t, payment.Charge{OrderID: id, Cents: 1999})
	if ended.Type != queue.EventDone {
		t.Fatalf("ended as %s: %v", ended.Type, ended.Err)
	}
	info, err := fleet.Inspector.Job(t.Context(), queue.DefaultQueue, ended.Job)
	if err != nil || info.State != inspect.StateDone {
		t.Fatalf("job: %+v (%v), want it done", info, err)
	}
	var receipt payment.Receipt
	if err := json.Unmarshal(info.Result, &receipt); err != nil || receipt != gateway.Ledger()[0] {
		t.Errorf("result: %s (%v), want the receipt %+v", info.Result, err, gateway.Ledger()[0])
	}
}

func TestJobThatCannotSucceedIsDeadAtOnce(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	gateway.declines = true
	fleet, service := startFleet(t, rdb, gateway)
	for _, test := range []struct {
		data, want string
	}{
		{`{"order_id":"` + id + `","cents":13}`, payment.ErrDeclined.Error()},
		{`{"order_id":"` + id + `","cents":14}`, payment.ErrConflict.Error()},
		{`{"order_id":"` + id + `","cents":0}`, payment.ErrInvalid.Error()},
		{`{"cents":13}`, payment.ErrInvalid.Error()},
		{`{"order_id":"` + id + `","cents":1.5}`, "cents"},
	} {
		ended := fleet.Run(t, queue.JSON("payment.charge", []byte(test.data)))
		if ended.Type != queue.EventDead || ended.Err == nil || !strings.Contains(ended.Err.Error(), test.want) {
			t.Errorf("%s: ended as %s (%v), want it dead with %q", test.data, ended.Type, ended.Err, test.want)
		}
		if failed := fleet.Count(ended.Job, queue.EventFailed); failed != 0 {
			t.Errorf("%s: %d attempts were repeated", test.data, failed)
		}
	}
	if order, err := service.Order(t.Context(), id); err != nil || order.State != payment.Failed {
		t.Errorf("order: %+v (%v), want it failed", order, err)
	}
}

func TestJobWaitsWhileItsOrderIsBeingCharged(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	fleet, service := startFleet(t, rdb, newScripted())
	lock, err := lockmgr.New(rdb).TryAcquire(t.Context(), "payment:"+id, lockmgr.TTL(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	job := fleet.Enqueue(t, payment.Charge{OrderID: id, Cents: 1999})
	fleet.Await(t, func(e queue.Event) bool { return e.Job == job && e.Type == queue.EventSnoozed })
	if _, err := service.Order(t.Context(), id); !errors.Is(err, payment.ErrNoOrder) {
		t.Errorf("the order was touched while its lock was held: %v", err)
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	ended := fleet.Await(t, func(e queue.Event) bool { return e.Job == job && e.Type == queue.EventDone })
	if ended.Attempt != 1 {
		t.Errorf("done at attempt %d: waiting burned attempts", ended.Attempt)
	}
}

func TestJobRetriesAPassingFailureWithoutChargingTwice(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	gateway.before = func(_ context.Context, call int64) error {
		if call == 1 {
			return errors.New("no route")
		}
		return nil
	}
	gateway.after = func(call int64) error {
		if call == 2 {
			return errors.New("reply lost")
		}
		return nil
	}
	fleet, service := startFleet(t, rdb, gateway)

	ended := fleet.Run(t, payment.Charge{OrderID: id, Cents: 1999}, queue.Backoff(time.Millisecond, time.Millisecond))
	if ended.Type != queue.EventDone || ended.Attempt != 3 {
		t.Errorf("ended as %s at attempt %d (%v), want it done at the third", ended.Type, ended.Attempt, ended.Err)
	}
	if ledger := gateway.Ledger(); len(ledger) != 1 {
		t.Errorf("ledger: %+v, want one charge", ledger)
	}
	if order, err := service.Order(t.Context(), id); err != nil || order.State != payment.Paid {
		t.Errorf("order: %+v (%v), want it paid", order, err)
	}
}

// A replica that never had the record may become the master while the gateway is asked.
func TestJobOutlivesTheLossOfItsRecord(t *testing.T) {
	t.Parallel()
	rdb, id := newOrder(t)
	gateway := newScripted()
	gateway.before = func(ctx context.Context, call int64) error {
		if call == 1 {
			return rdb.Del(ctx, "order:"+id).Err()
		}
		return nil
	}
	fleet, service := startFleet(t, rdb, gateway)

	ended := fleet.Run(t, payment.Charge{OrderID: id, Cents: 1999})
	if ended.Type != queue.EventDone || ended.Attempt != 1 {
		t.Errorf("ended as %s at attempt %d (%v), want it done at the first", ended.Type, ended.Attempt, ended.Err)
	}
	if ledger := gateway.Ledger(); len(ledger) != 1 {
		t.Errorf("ledger: %+v, want one charge", ledger)
	}
	if order, err := service.Order(t.Context(), id); err != nil || order.State != payment.Paid {
		t.Errorf("order: %+v (%v), want it paid", order, err)
	}
}

func TestJobOfARawStream(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	service, mux := payment.New(rdb, nil, newScripted()), queue.NewMux()
	service.Register(mux)
	raw := queue.QueueConfig{Raw: &queue.Raw{Group: "orders:queue:group", Kind: payment.Charge{}.Kind()}}
	fleet := jobtest.Start(t, rdb, mux, map[string]queue.QueueConfig{"orders:queue": raw})

	entry := redis.XAddArgs{Stream: "orders:queue", Values: []any{"order_id", "o-9", "cents", "500"}}
	if err := rdb.XAdd(t.Context(), &entry).Err(); err != nil {
		t.Fatal(err)
	}
	ended := fleet.Await(t, func(e queue.Event) bool { return e.Type == queue.EventDone || e.Type == queue.EventDead })
	if ended.Type != queue.EventDone || ended.Queue != "orders:queue" {
		t.Fatalf("ended as %s on %s: %v", ended.Type, ended.Queue, ended.Err)
	}
	order, err := service.Order(t.Context(), "o-9")
	if err != nil || order.State != payment.Paid || order.Cents != 500 {
		t.Errorf("order: %+v (%v), want it paid with 500 cents", order, err)
	}
}

func TestChargeReadsCents(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]payment.Charge{
		`{"order_id":"o-1","cents":1999}`:   {OrderID: "o-1", Cents: 1999},
		`{"order_id":"o-1","cents":"1999"}`: {OrderID: "o-1", Cents: 1999},
		`{"order_id":"o-1"}`:                {OrderID: "o-1"},
	} {
		var got payment.Charge
		if err := json.Unmarshal([]byte(data), &got); err != nil || got != want {
			t.Errorf("%s: got %+v (%v), want %+v", data, got, err, want)
		}
	}
	wrong := []string{`{"cents":1.5}`, `{"cents":"a"}`, `{"cents":""}`, `{"cents":[]}`, `{"order_id":1}`, `[]`}
	for _, data := range wrong {
		var got payment.Charge
		if err := json.Unmarshal([]byte(data), &got); err == nil {
			t.Errorf("%s: read as %+v", data, got)
		}
	}
	data, err := json.Marshal(payment.Charge{OrderID: "o-1", Cents: 5})
	if string(data) != `{"order_id":"o-1","cents":5}` {
		t.Errorf("written as %s (%v)", data, err)
	}
}
