package flagprovider_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/jobs/flags"
	"github.com/navvy-go/navvy/jobs/flags/flagprovider"
)

// eventually waits until a flag is on or off.
func eventually(t *testing.T, p *flagprovider.Provider, flag string, want bool) {
	t.Helper()
	deadline, tick := time.Now().Add(30*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		d := p.BooleanEvaluation(t.Context(), flag, !want, nil)
		if d.Value == want && d.Error() == nil {
			return
		}
		if <-tick.C; time.Now().After(deadline) {
			t.Fatalf("%s after 30 s: %+v, want %t", flag, d, want)
		}
	}
}

// Specification 2.5.2: after its shutdown a provider is as it was before it was initialized.
func TestAProviderThatWasShutDownCanBeginAgain(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	apply(t, rdb, on("f"))
	p := flagprovider.New(rdb, flags.WatchConfig{})
	for range 3 {
		must(t, p.InitWithContext(t.Context(), of.EvaluationContext{}))
		eventually(t, p, "f", true)
		apply(t, rdb, flags.Change{Flag: "f", Action: flags.Disable})
		eventually(t, p, "f", false)
		p.Shutdown()
		p.Shutdown()
		d := p.BooleanEvaluation(t.Context(), "f", true, nil)
		if d.Error() == nil || d.ResolutionDetail().ErrorCode != of.ProviderNotReadyCode {
			t.Errorf("after the shutdown: %+v, want PROVIDER_NOT_READY", d)
		}
		apply(t, rdb, on("f"))
	}
}

func TestAProviderThatWasReplacedCanBePutBack(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	apply(t, rdb, on("f"))
	api, p := isolated.NewAPI(), flagprovider.New(rdb, flags.WatchConfig{})
	t.Cleanup(func() { must(t, api.Shutdown(context.Background())) })
	must(t, api.SetProviderAndWait(t.Context(), p))
	must(t, api.SetProviderAndWait(t.Context(), of.NoopProvider{}))
	deadline, tick := time.Now().Add(30*time.Second), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for d := p.BooleanEvaluation(t.Context(), "f", false, nil); d.Error() == nil; <-tick.C { // the SDK does not wait
		if d = p.BooleanEvaluation(t.Context(), "f", false, nil); time.Now().After(deadline) {
			t.Fatal("the provider that was replaced is not shut down")
		}
	}
	must(t, api.SetProviderAndWait(t.Context(), p))
	apply(t, rdb, flags.Change{Flag: "f", Action: flags.Disable})
	for client := api.NewClient(); ; <-tick.C {
		d, err := client.BooleanValueDetails(t.Context(), "f", true, nobody)
		if !d.Value && err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after 30 s: %+v (%v), state %s", d, err, client.State())
		}
	}
}

// A provider of one's own around this one may pass no events on.
func TestTheCopyIsRefreshedThoughNobodyReadsTheEvents(t *testing.T) {
	t.Parallel()
	rdb := redistest.New(t).Client(t)
	p := flagprovider.New(rdb, flags.WatchConfig{})
	must(t, p.InitWithContext(t.Context(), of.EvaluationContext{}))
	defer p.Shutdown()
	for i := range 200 { // each as a change of its own
		name := fmt.Sprint("f", i)
		apply(t, rdb, on(name))
		eventually(t, p, name, true)
	}
	apply(t, rdb, flags.Change{Flag: "f0", Action: flags.Disable})
	eventually(t, p, "f0", false)
}
