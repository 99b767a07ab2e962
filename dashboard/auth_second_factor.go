package dashboard

import (
	"context"
	"fmt"
	"net/http"

	"github.com/navvy-go/navvy/internal/secondfactor"
)

// attempt is what a person gives to log in.
// Why: docs/decisions/inspector.md#a-password-and-its-code-are-given-together
type attempt struct{ name, password, code string }

// verdict is whose login an attempt is, or why it is none.
type verdict struct {
	person
	how     string // the second factor was proved, for the trail
	notice  string // for the first page
	refusal *refusal
}

// refusal is what the person is shown, and what the trail has beside it: that a password is known to somebody who has
// no code is worth a look.
type refusal struct {
	status            int
	complaint, detail string
}

const awayComplaint = "Redis does not answer: nobody can log in now."

var (
	wrongPassword = &refusal{http.StatusUnauthorized, "The name or the password is wrong.", ""}
	wrongAny      = &refusal{http.StatusUnauthorized, wrongAnyComplaint, ""}
	wrongCode     = &refusal{http.StatusUnauthorized, wrongAnyComplaint, "the password is right, the code is not"}
	codeTaken     = &refusal{http.StatusUnauthorized, wrongAnyComplaint, "the password is right, the code was used before"}
	noFactor      = &refusal{http.StatusForbidden,
		"You need a second factor to log in here. Who keeps the file of credentials makes one: monitor totp.",
		"the password is right, there is no second factor"}
	codesUnknown = &refusal{http.StatusServiceUnavailable, awayComplaint, "Redis does not answer"}
)

const wrongAnyComplaint = "The name, the password or the code is wrong. A code counts once."

// verify holds an attempt against the credentials. A code is taken by the login that it is for alone: beside a wrong
// password nobody looks at it.
func (p *Passwords) verify(ctx context.Context, all *logins, asked attempt) verdict {
	of, ok := p.credentials.password(asked.name, asked.password)
	switch {
	case !ok && p.asksForCode():
		return verdict{refusal: wrongAny}
	case !ok:
		return verdict{refusal: wrongPassword}
	case p.lacksFactor(of):
		return verdict{refusal: noFactor}
	case of.factor == nil:
		return verdict{person: of}
	}
	proof, ok := of.factor.Check(asked.code, all.d.cfg.Now())
	if !ok {
		return verdict{refusal: wrongCode}
	}
	return all.take(ctx, of, proof)
}

// take lets a code count, if it has not before.
func (l *logins) take(ctx context.Context, of person, proof secondfactor.Proof) verdict {
	first, left, err := secondfactor.NewTaken(l.d.cfg.Redis).Take(ctx, proof)
	switch {
	case err != nil:
		l.log.Warn("cannot take a code", "error", err)
		return verdict{refusal: codesUnknown}
	case !first:
		return verdict{refusal: codeTaken}
	case proof.Recovery():
		return verdict{
			person: of, how: fmt.Sprintf(", by a recovery code, %d left", left),
			notice: fmt.Sprintf("You logged in with a recovery code. It counts no more; %d are left.", left),
		}
	}
	return verdict{person: of, how: ", by a code"}
}

// lacksFactor reports whether somebody must have a second factor and has none.
func (p *Passwords) lacksFactor(of person) bool {
	return of.factor == nil && p.SecondFactor > 0 && of.Role >= p.SecondFactor
}

// asksForCode reports whether the login page has a field for a code.
func (p *Passwords) asksForCode() bool { return p.SecondFactor > 0 || p.credentials.store.HasFactors() }
