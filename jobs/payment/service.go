package payment

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/navvy-go/navvy/lockmgr"
	"github.com/navvy-go/navvy/queue"
)

// The lock is renewed while the work goes on, so its lifetime is how long an order waits whose worker died.
const (
	lockTTL   = 5 * time.Second
	workLimit = 12 * time.Second
)

// busyPause is how long a job waits whose order is in other hands.
const busyPause = time.Second

// ErrNotPaid says that there is nothing to give back: the order was never charged.
var ErrNotPaid = errors.New("order is not paid")

var (
	errTooSlow   = fmt.Errorf("payment: the order took longer than %s", workLimit)
	errNoGateway = errors.New("payment: no gateway given")
)

// Service charges orders, gives their money back, and settles what was left half done. It is safe for concurrent use
// and needs no closing.
type Service struct {
	locks   *lockmgr.Manager
	orders  Store
	gateway Gateway
}

// New returns a service that charges at the gateway and keeps orders in the store, or in rdb if the store is nil. The
// locks are in rdb in either case.
func New(rdb redis.UniversalClient, store Store, gateway Gateway) *Service {
	if store == nil {
		store = NewRedisStore(rdb)
	}
	return &Service{locks: lockmgr.New(rdb), orders: store, gateway: gateway}
}

// Register gives the mux the handlers of payment.charge, payment.capture, payment.cancel, payment.refund,
// payment.reconcile and payment.webhook. Their results, kept for a day, are a [Receipt], a [RefundReceipt], a
// [Reconciliation], and of a cancellation or webhook an [Outcome]. A gateway that is down may be so for about an hour
// before jobs give up.
func (s *Service) Register(mux *queue.Mux) {
	keep, patience := queue.Retain(24*time.Hour), queue.Backoff(time.Second, 5*time.Minute)
	attempts, limit := queue.MaxAttempts(20), queue.Timeout(30*time.Second)
	queue.Handle(mux, s.handleCharge, keep, patience, attempts, limit)
	queue.Handle(mux, s.handleCapture, keep, patience, attempts, limit)
	queue.Handle(mux, s.handleCancel, keep, patience, attempts, limit)
	queue.Handle(mux, s.handleRefund, keep, patience, attempts, limit)
	queue.Handle(mux, s.handleWebhook, keep, patience, attempts, limit)
	queue.Handle(mux, s.handleReconcile, keep, patience, queue.MaxAttempts(5), queue.Timeout(reconcileLimit))
}

// Order returns an order's record, or [ErrNoOrder].
func (s *Service) Order(ctx context.Context, id string) (Order, error) { return s.orders.Get(ctx, id) }

// alone does the work on an order under its lock and with the lock's fencing token. The context of the work ends when
// the lock is lost, and after 12 s.
func (s *Service) alone(ctx context.Context, id string, work func(ctx context.Context, token uint64) error) error {
	if s.gateway == nil {
		return errNoGateway
	}
	ctx, cancel := context.WithTimeoutCause(ctx, workLimit, errTooSlow)
	defer cancel()
	lock, err := s.locks.TryAcquire(ctx, "payment:"+id, lockmgr.TTL(lockTTL))
	if errors.Is(err, lockmgr.ErrInvalid) {
		return fmt.Errorf("payment: order %s: %w: %w", id, ErrInvalid, err)
	}
	if err != nil {
		return fmt.Errorf("payment: order %s: %w", id, err)
	}
	// Nothing to do about a lock that is lost or cannot be released: it ends by itself, and the store is the judge.
	defer func() { _ = lock.Release(ctx) }()

	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer context.AfterFunc(lock.Context(), func() { end(context.Cause(lock.Context())) })()
	return work(ctx, lock.Token())
}

// pay takes an order that is pending, failed or in processing to its end: it asks the gateway, and records the answer.
// The step to processing says what is asked for, as far as the record does not. An order that was in processing may
// have been charged by somebody who did not live to record it, so the gateway is first asked what became of that: it
// may have forgotten the key by now. What the gateway refuses for good is the error beside the order that failed.
func (s *Service) pay(ctx context.Context, order Order, step Move) (Order, error) {
	ask := s.gateway.Charge
	if order.State == Processing {
		ask = s.lookupOrCharge
	}
	step.To = Processing
	order, err := s.move(ctx, order, step)
	if err != nil {
		return order, err
	}
	request := order.request()
	receipt, err := ask(ctx, request)
	switch {
	case err == nil && !receipt.answers(request):
		return order, fmt.Errorf("payment: order %s, %d cents %s: %w: the gateway's charge %s is of order %s, %d cents %s",
			order.ID, order.Cents, order.Currency, ErrConflict, receipt.Charge, receipt.OrderID, receipt.Cents,
			receipt.Currency)
	case err == nil && receipt.Authorized:
		return s.move(ctx, order, Move{To: Authorized, Token: step.Token, Charge: receipt.Charge})
	case err == nil:
		return s.move(ctx, order, Move{To: Paid, Token: step.Token, Charge: receipt.Charge})
	}
	return s.fail(ctx, order, step.Token, fmt.Errorf("payment: charge order %s: %w", order.ID, err))
}

// fail records the gateway's error if it is final, and returns it.
func (s *Service) fail(ctx context.Context, order Order, token uint64, err error) (Order, error) {
	if !errors.Is(err, ErrDeclined) && !errors.Is(err, ErrInvalid) {
		return order, err
	}
	failed, moveErr := s.move(ctx, order, Move{To: Failed, Token: token, Failure: shorten(err.Error())})
	if moveErr != nil {
		return failed, moveErr
	}
	return failed, err
}

// request is what the gateway is asked for in the order's last attempt.
func (o Order) request() ChargeRequest {
	return ChargeRequest{
		IdempotencyKey: chargeKey(o.ID, o.attempt()), OrderID: o.ID, Cents: o.Cents, Currency: o.Currency,
		Attempt: o.attempt(), PaymentMethod: o.PaymentMethod, Capture: o.Capture,
	}
}

func (s *Service) lookupOrCharge(ctx context.Context, request ChargeRequest) (Receipt, error) {
	receipt, err := s.gateway.Lookup(ctx, request)
	if errors.Is(err, ErrNoCharge) {
		return s.gateway.Charge(ctx, request)
	}
	return receipt, err
}

// move takes an order a step on from the record it is known by. A record that is gone by then was lost, as when a
// replica that never had it becomes the master: the order has moved on as well, and what asks again begins anew.
func (s *Service) move(ctx context.Context, known Order, step Move) (Order, error) {
	step.OrderID, step.From, step.Cents, step.KnownParts = known.ID, known.State, known.Cents, known.RefundParts
	order, err := s.orders.Move(ctx, step)
	if errors.Is(err, ErrNoOrder) {
		err = fmt.Errorf("payment: the record of order %s was lost: %w", known.ID, ErrStale)
	}
	return order, err
}

// outcome is what a handler returns for the error of a payment: what is in other hands is looked at again soon, what
// asking again cannot help is for a person, and everything else is tried again with the same key.
func outcome(err error) error {
	for _, final := range []error{ErrInvalid, ErrConflict, ErrDeclined, ErrNotPaid, ErrNoOrder, ErrRefundRefused} {
		if errors.Is(err, final) {
			return queue.Cancel(err)
		}
	}
	if inOtherHands(err) {
		return queue.Snooze(busyPause)
	}
	return err
}

// inOtherHands says whether somebody else is at the order, or was a moment ago.
func inOtherHands(err error) bool {
	return errors.Is(err, lockmgr.ErrNotAcquired) || errors.Is(err, ErrFenced) || errors.Is(err, ErrStale)
}

// The keys that a gateway is asked with: the same for an order whoever asks and how often. Those of later attempts and
// of parts have their name before the colon, so that no order's ID makes it that of another.
func chargeKey(id string, attempt int) string {
	if attempt > 1 {
		return "charge-" + strconv.Itoa(attempt) + ":" + id
	}
	return "charge:" + id
}

func refundKey(id, part string) string {
	if part != "" {
		return "refund-" + part + ":" + id
	}
	return "refund:" + id
}
