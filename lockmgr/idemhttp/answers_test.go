package idemhttp_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/navvy-go/navvy/internal/redistest"
	"github.com/navvy-go/navvy/lockmgr/idemhttp"
	"github.com/navvy-go/navvy/lockmgr/internal/locktest"
)

// checkProblem demands a problem document with the answer's status.
func checkProblem(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	var problem struct {
		Type, Title string
		Status      int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil || problem.Status != w.Code || problem.Title == "" ||
		!strings.HasPrefix(problem.Type, "https://") || w.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("answer %d: got %q %v (%v), want a problem document", w.Code, w.Body, w.Header(), err)
	}
}

func TestHeadersOfTheConnectionAreNotReplayed(t *testing.T) {
	t.Parallel()
	h, key := app(t, idemhttp.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{
			"Connection": "X-Hop, close", "X-Hop": "1", "Keep-Alive": "timeout=5", "Upgrade": "h2c",
			"Date": "Thu, 01 Jan 1970 00:00:00 GMT", "Location": "/orders/1", "Content-Type": "text/plain",
		} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusNoContent)
		if _, err := w.Write([]byte("x")); err != http.ErrBodyNotAllowed {
			t.Errorf("body of a 204: got %v, want ErrBodyNotAllowed", err)
		}
	})
	if w := send(h, "POST", "/", "", key); w.Header().Get("X-Hop") != "1" {
		t.Errorf("the first answer: %v", w.Header())
	}
	w := send(h, "POST", "/", "", key)
	if w.Code != http.StatusNoContent || w.Header().Get("Location") != "/orders/1" {
		t.Errorf("replayed: %d %v", w.Code, w.Header())
	}
	for _, name := range []string{"Connection", "X-Hop", "Keep-Alive", "Upgrade", "Date"} {
		if value := w.Header().Get(name); value != "" {
			t.Errorf("replayed %s: %s", name, value)
		}
	}
}

// HTTP allows values of any bytes.
func TestHeadersThatAreNoTextAreReplayed(t *testing.T) {
	t.Parallel()
	const latin1 = "attachment; filename=\"caf\xe9.pdf\""
	h, key := app(t, idemhttp.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Disposition", latin1)
		w.WriteHeader(http.StatusCreated)
	})
	for range 2 {
		w := send(h, "POST", "/", "", key)
		if w.Code != http.StatusCreated || w.Header().Get("Content-Disposition") != latin1 {
			t.Errorf("answered with %d %q", w.Code, w.Header())
		}
	}
}

func TestFlushedAnswerIsStreamedAndReplayed(t *testing.T) {
	t.Parallel()
	proceed := make(chan struct{})
	h, key := app(t, idemhttp.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "one")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-proceed
		fmt.Fprintln(w, "two")
	})
	server := httptest.NewServer(h)
	defer server.Close()
	ctx := locktest.Bounded(t)
	post := func() *http.Response {
		t.Helper()
		r, _ := http.NewRequestWithContext(ctx, "POST", server.URL, strings.NewReader("{}"))
		r.Header.Set("Idempotency-Key", key)
		w, err := http.DefaultTransport.RoundTrip(r)
		locktest.Must(t, err)
		t.Cleanup(func() { _ = w.Body.Close() })
		return w
	}
	first := bufio.NewReader(post().Body)
	if line, err := first.ReadString('\n'); line != "one\n" {
		t.Errorf("while the handler runs: got %q, %v", line, err)
	}
	close(proceed)
	if line, err := first.ReadString('\n'); line != "two\n" {
		t.Errorf("then: got %q, %v", line, err)
	}
	_, _ = io.Copy(io.Discard, first)
	again := post()
	body, _ := io.ReadAll(again.Body)
	if string(body) != "one\ntwo\n" || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("replayed: %q %v", body, again.Header)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

func TestLongAnswerIsGivenOnce(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	h, key := app(t, idemhttp.Config{MaxResponse: 10}, func(w http.ResponseWriter, r *http.Request) {
		runs.Add(1)
		for range 3 {
			fmt.Fprint(w, strings.Repeat("x", len(r.URL.Path)))
		}
	})
	if w := send(h, "POST", "/12", "", key+"a"); w.Body.String() != "xxxxxxxxx" {
		t.Errorf("nine bytes: got %q", w.Body)
	}
	if w := send(h, "POST", "/12", "", key+"a"); w.Body.String() != "xxxxxxxxx" {
		t.Errorf("nine bytes again: got %q", w.Body)
	}
	if w := send(h, "POST", "/123", "", key); w.Code != http.StatusOK || w.Body.String() != "xxxxxxxxxxxx" {
		t.Errorf("twelve bytes: got %d %q", w.Code, w.Body)
	}
	w := send(h, "POST", "/123", "", key)
	if w.Code != http.StatusGone || runs.Load() != 2 {
		t.Errorf("twelve bytes again: got %d after %d runs, want 410 and no run", w.Code, runs.Load())
	}
	checkProblem(t, w)
}

func TestPanicGoesOnAndIsNotKept(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	h, key := app(t, idemhttp.Config{}, func(http.ResponseWriter, *http.Request) {
		if runs.Add(1) == 1 {
			panic("p")
		}
	})
	func() {
		defer func() {
			if recovered := recover(); recovered != "p" {
				t.Errorf("recovered %v", recovered)
			}
		}()
		send(h, "POST", "/", "", key)
	}()
	if w := send(h, "POST", "/", "", key); w.Code != http.StatusOK || runs.Load() != 2 {
		t.Errorf("after the panic: %d, %d runs", w.Code, runs.Load())
	}
}

// What was streamed cannot be taken back, so its end must not look like one.
func TestStreamedAnswerThatCannotBeRecordedIsCut(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	h, key := app(t, idemhttp.Config{}, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "done")
		w.(http.Flusher).Flush()
		rdb.HSet(r.Context(), "once:http::"+r.Header.Get("Idempotency-Key"), "owner", "another")
	})
	defer func() {
		if recovered := recover(); recovered != http.ErrAbortHandler {
			t.Errorf("recovered %v, want ErrAbortHandler", recovered)
		}
	}()
	send(h, "POST", "/", "", key)
}

// The same without streaming: the client does not get what is not on record.
func TestAnswerThatCannotBeRecordedIsNotGiven(t *testing.T) {
	t.Parallel()
	rdb := redistest.Shared(t).Client(t)
	h, key := app(t, idemhttp.Config{}, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "done")
		rdb.HSet(r.Context(), "once:http::"+r.Header.Get("Idempotency-Key"), "owner", "another")
	})
	w := send(h, "POST", "/", "", key)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d %q, want 503", w.Code, w.Body)
	}
	checkProblem(t, w)
}

func TestOtherMethodsPassThrough(t *testing.T) {
	t.Parallel()
	var runs atomic.Int64
	h, key := app(t, idemhttp.Config{Required: true}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Run", fmt.Sprint(runs.Add(1)))
	})
	for i, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "HEAD"} {
		if w := send(h, method, "/", "", key); w.Code != http.StatusOK || w.Header().Get("X-Run") != fmt.Sprint(i+1) {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
}
