package dashboard

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/navvy-go/navvy/dashboard/audit"
)

const operationQuick = time.Second // what ends within it is shown at once

// Form is what an operator submits to an [Action].
type Form struct {
	User    User // an operator
	request *http.Request
	d       *Dashboard
}

// Context is the request's.
func (f *Form) Context() context.Context { return f.request.Context() }

// Value returns the first value of a field, or "".
func (f *Form) Value(name string) string { return f.request.PostFormValue(name) }

// Audit adds to the audit trail what the user has done, such as "flag.enable", and to what.
func (f *Form) Audit(what, target, detail string) {
	f.d.audit(f.Context(), f.User, what, target, detail)
}

// AuditEdit adds to the audit trail what the user has changed, with what was there before and after.
func (f *Form) AuditEdit(what, target, detail, before, after string) {
	f.d.record(f.Context(), audit.Entry{
		Who: f.User.Name, What: what, Target: target, Detail: detail, Address: f.User.address, Before: before, After: after,
	})
}

// InBackground does what may take long: it goes on when the page has been left, until the monitor stops. do is given a
// function to report how much of about total is done, and returns what came of it. The notice says so if it ended
// within a second, and else leads to a page that shows its progress.
func (f *Form) InBackground(
	title string, total int64, do func(ctx context.Context, progress func(done int64)) (result string, err error),
) (Notice, error) {
	op, err := f.d.operations.begin(title, f.User, total, func(ctx context.Context, progress func(int64)) (string, error) {
		defer f.d.cache.expire()
		return do(ctx, progress)
	})
	if err != nil {
		return Notice{}, err
	}
	if !op.endsWithin(f.Context(), operationQuick) {
		return Notice{Text: title + ": in progress.", Operation: op.ID}, nil
	}
	if state := op.current(); state.Failure != "" {
		return Notice{}, errors.New(state.Failure)
	}
	return Notice{Text: op.current().Result}, nil
}
