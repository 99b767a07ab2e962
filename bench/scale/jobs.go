package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// maker makes jobs as an app would enqueue them. The same seed makes the same jobs.
type maker struct {
	rand *rand.Rand
	made int
}

func newMaker() *maker { return &maker{rand: rand.New(rand.NewPCG(1, 2))} }

// spec is a job as its keys hold it.
type spec struct{ id, kind, data string }

var kinds = []string{"order.process", "payment.charge", "mail.send", "stock.reserve", "invoice.render"}

var countries = []string{"CH", "DE", "FR", "IT", "GB", "US"}

func (m *maker) job(at time.Time) spec {
	m.made++
	return spec{
		id:   m.id(at),
		kind: kinds[m.rand.IntN(len(kinds))],
		data: fmt.Sprintf(`{"order_id":"o-%d","customer":{"id":"c-%d","country":"%s"},"cents":%d,`+
			`"items":[{"sku":"s-%d","n":%d}]}`,
			m.made, m.rand.IntN(100_000), countries[m.rand.IntN(len(countries))], m.rand.IntN(50_000), m.rand.IntN(
				1000), 1+m.rand.IntN(5)),
	}
}

func (m *maker) id(at time.Time) string {
	var id ulid.ULID
	_ = id.SetTime(uint64(at.UnixMilli())) // fails in the year 10889
	for k := 6; k < len(id); k += 2 {
		n := m.rand.Uint32()
		id[k], id[k+1] = byte(n), byte(n>>8)
	}
	return id.String()
}

// body frames a delayed job as queue's encodeBody does.
func (s spec) body(meta string) string {
	return strconv.Itoa(len(s.kind)) + " " + strconv.Itoa(len(meta)) + " " + s.kind + meta + s.data
}

var failures = []string{
	"dial tcp 10.0.%d.%d:5432: connect: connection refused",
	"stripe: 502 from charge ch_%08x%04x",
	"context deadline exceeded after %d.%d s",
	"order o-%d: no stock for s-%d",
	"template invoice: line %d: unknown field %d",
	"smtp 450 mailbox %d busy, try again in %d s",
	"panic: runtime error: index out of range [%d] with length %d",
}

// failure is an error's text, one in twenty with a stack below it.
func (m *maker) failure() string {
	text := fmt.Sprintf(failures[m.rand.IntN(len(failures))], m.rand.IntN(256), m.rand.IntN(256))
	if m.rand.IntN(20) == 0 {
		text += "\n" + strings.Repeat(
			"github.com/example/shop.(*Orders).process(0xc000123456)\n\t/src/shop/orders.go:142 +0x1d4\n", 16)
	}
	return text
}

// spread gives the k-th of n entries a time within a span that ends at end, and an ID of a stream.
func spread(end time.Time, span time.Duration, k, n int) (time.Time, string) {
	micros := int64(float64(span.Microseconds()) * float64(k) / float64(n))
	at := end.Add(-span).Add(time.Duration(micros) * time.Microsecond)
	return at, strconv.FormatInt(at.UnixMilli(), 10) + "-" + strconv.Itoa(k+1)
}
