package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/navvy-go/navvy/internal/httpheader"
	"github.com/navvy-go/navvy/internal/redisx"
)

// page is what is stored of a response, as JSON.
type page struct {
	Status   int               `json:"status"`
	Header   http.Header       `json:"header"` // what the handler set; an empty one is not sent, whoever else sets it
	Body     string            `json:"body"`
	Base64   bool              `json:"base64,omitempty"`   // the body is, because it is not UTF-8
	StoredMS int64             `json:"stored_ms"`          // when it was made, Unix ms
	Shared   bool              `json:"shared,omitempty"`   // also for requests with a cookie
	Stale    bool              `json:"stale,omitempty"`    // may be served after its lifetime
	Vary     map[string]string `json:"vary,omitempty"`     // what the request said that this answers
	Variants string            `json:"variants,omitempty"` // names this page's variants; another page has others

	HeaderBytes map[string][][]byte `json:"header_bytes,omitempty"` // of Header, what is not UTF-8
}

// hopByHop are the headers that are of one connection (RFC 9110, section 7.6.1), and those that are made anew.
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authentication-Info", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Content-Length", "Age", "X-Cache", "Vary",
}

// newPage is a page of a handler's answer. Before is what was set when the handler was called: as others set that anew
// for each request, it is left out, but for what is said about the body.
func newPage(status int, before, h http.Header, body string, now time.Time) page {
	kept := http.Header{}
	for name, values := range h {
		if describesBody(name) || !slices.Equal(values, before[name]) {
			kept[name] = slices.Clone(values)
		}
	}
	for name := range before {
		if len(h[name]) == 0 {
			kept[name] = []string{} // the handler took it away
		}
	}
	for _, listed := range h.Values("Connection") {
		for name := range strings.SplitSeq(listed, ",") {
			kept.Del(strings.TrimSpace(name))
		}
	}
	for _, name := range hopByHop {
		kept.Del(name)
	}
	if h.Get("Date") == "" {
		kept.Set("Date", now.UTC().Format(http.TimeFormat))
	}
	if h.Get("ETag") == "" && status == http.StatusOK {
		sum := sha256.Sum256([]byte(body))
		kept.Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	}
	return page{Status: status, Header: kept, Body: body, StoredMS: now.Add(-initialAge(h, now)).UnixMilli()}
}

// encode writes an entry.
func (p page) encode() ([]byte, error) {
	if !utf8.ValidString(p.Body) {
		p.Body, p.Base64 = base64.StdEncoding.EncodeToString([]byte(p.Body)), true
	}
	p.Header, p.HeaderBytes = httpheader.Split(p.Header)
	return json.Marshal(p)
}

func describesBody(name string) bool {
	return strings.HasPrefix(name, "Content-") || name == "Etag" || name == "Last-Modified" || name == "Date"
}

// judged adds what the headers that were sent say about who may have the page.
func (p page) judged(r *http.Request, sent http.Header, staleFor time.Duration) page {
	p.Shared, p.Stale = sharedByName(parseDirectives(sent)), staleFor > 0
	if names := varyNames(sent); len(names) > 0 {
		p.Header["Vary"] = []string{strings.Join(names, ", ")}
		p.Vary = map[string]string{}
		for _, name := range names {
			p.Vary[name] = asText(requestHeader(r, name))
		}
	}
	return p
}

// requestHeader is a request's header on one line. net/http keeps that of the host elsewhere.
func requestHeader(r *http.Request, name string) string {
	if name == "Host" {
		return r.Host
	}
	return strings.Join(r.Header.Values(name), ",")
}

// asText is a value as UTF-8, and of no two values the same: JSON would make one of all bytes that are not.
func asText(value string) string {
	if utf8.ValidString(value) && !strings.HasPrefix(value, `"`) {
		return value
	}
	return strconv.Quote(value)
}

var errNoPage = errors.New("not a page")

// parsePage reads an entry. A page that another program wrote may be a JSON string: the HTML itself.
func parsePage(raw []byte) (page, error) {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte(`"`)) {
		p := page{Status: http.StatusOK, Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}}
		return p, json.Unmarshal(raw, &p.Body)
	}
	var p page
	if err := json.Unmarshal(raw, &p); err != nil {
		return page{}, err
	}
	if p.Status < http.StatusOK || p.Status > 599 {
		return page{}, errNoPage
	}
	if p.Base64 {
		body, err := base64.StdEncoding.DecodeString(p.Body)
		if err != nil {
			return page{}, err
		}
		p.Body, p.Base64 = string(body), false
	}
	p.Header, p.HeaderBytes = httpheader.Join(p.Header, p.HeaderBytes), nil
	return p, nil
}

// answers reports whether the request is one that the page answers (RFC 9111, section 4.1).
func (p page) answers(r *http.Request) bool {
	for name, value := range p.Vary {
		if asText(requestHeader(r, name)) != value {
			return false
		}
	}
	for _, name := range varyNames(p.Header) { // another program may have written one and not the other
		if _, known := p.Vary[name]; !known {
			return false
		}
	}
	return true
}

// variantKey is where the answer to a request is kept that the page at key does not answer. It is in the page's slot.
func (p page) variantKey(key string, r *http.Request) string {
	hash := sha256.New()
	for _, name := range varyNames(p.Header) {
		_, _ = hash.Write([]byte(strconv.Quote(name) + strconv.Quote(requestHeader(r, name))))
	}
	return redisx.Companion(key, "variant:"+p.Variants+":"+hex.EncodeToString(hash.Sum(nil)[:16]))
}

// varyNames are the request's headers on which an answer depends, or * for what nobody knows.
func varyNames(h http.Header) []string {
	var names []string
	for _, line := range h.Values("Vary") {
		if !utf8.ValidString(line) { // no request has a header of that name
			line = "*"
		}
		for name := range strings.SplitSeq(line, ",") {
			if name = textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)); name != "" {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// age is how long ago the page was stored; 0 where another program did and nobody knows.
func (p page) age(now time.Time) time.Duration {
	if p.StoredMS == 0 {
		return 0
	}
	return max(now.Sub(time.UnixMilli(p.StoredMS)), 0)
}

// send answers a request with the page, or with 304 if the client has it.
func (p page) send(w http.ResponseWriter, r *http.Request, verdict string, now time.Time) {
	if p.begin(w, r, verdict, now) {
		_, _ = w.Write([]byte(p.Body)) // if the client has gone, there is nobody to report to
	}
}

// begin sends the status and the headers, and reports whether the body is to follow.
func (p page) begin(w http.ResponseWriter, r *http.Request, verdict string, now time.Time) bool {
	h := w.Header()
	p.fill(h)
	h.Set("X-Cache", verdict)
	if age := p.age(now); p.StoredMS > 0 && (verdict != "MISS" || age >= time.Second) {
		h.Set("Age", strconv.FormatInt(int64(age/time.Second), 10))
	}
	if p.Status == http.StatusOK && p.unchanged(r) {
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Length"} {
			h.Del(name)
		}
		w.WriteHeader(http.StatusNotModified)
		return false
	}
	if p.Status != http.StatusNoContent {
		h.Set("Content-Length", strconv.Itoa(len(p.Body)))
	}
	w.WriteHeader(p.Status)
	return r.Method != http.MethodHead && p.Status != http.StatusNoContent
}

// fill puts the page's headers over those that are set already, as the handler would have. To Vary they are added.
func (p page) fill(h http.Header) {
	for name, values := range p.Header {
		switch {
		case name == "Vary":
			h[name] = []string{strings.Join(append(varyNames(h), values...), ", ")}
		case len(values) == 0:
			delete(h, name)
		default:
			h[name] = slices.Clone(values)
		}
	}
}

// unchanged evaluates If-None-Match, or else If-Modified-Since (RFC 9110, section 13.2.2).
func (p page) unchanged(r *http.Request) bool {
	if wanted := r.Header.Values("If-None-Match"); len(wanted) > 0 {
		etag := strings.TrimPrefix(p.Header.Get("ETag"), "W/")
		for part := range strings.SplitSeq(strings.Join(wanted, ","), ",") {
			part = strings.TrimSpace(part)
			if part == "*" || etag != "" && strings.TrimPrefix(part, "W/") == etag {
				return true
			}
		}
		return false
	}
	since, err := http.ParseTime(r.Header.Get("If-Modified-Since"))
	if err != nil {
		return false
	}
	modified, err := http.ParseTime(p.Header.Get("Last-Modified"))
	return err == nil && !modified.After(since)
}
