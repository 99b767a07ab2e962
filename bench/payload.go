package main

import (
	"math/rand/v2"
	"strconv"
)

// noop is the job of every contestant: text that begins with the job's number.
type noop struct {
	Pad string `json:"pad"`
}

// Kind names the handler.
func (noop) Kind() string { return "bench.noop" }

// number returns which job it is.
func (n noop) number() int { return numberIn(n.Pad) }

const (
	numberWidth  = 10 // digits
	payloadHead  = `{"pad":"`
	payloadTail  = `"}`
	fillers      = 64 // texts that are taken in turns
	fillerLetter = "abcdefghijklmnopqrstuvwxyz0123456789"
)

// leastSize is the smallest payload, in bytes, that has room for the number.
const leastSize = len(payloadHead) + numberWidth + len(payloadTail)

// payloads makes the jobs' data of one size: each differs from all others by its number, and from the next ones in all
// of its text.
type payloads struct {
	pads  []string
	jsons []string
}

// newPayloads makes data of size bytes as JSON.
func newPayloads(size int) *payloads {
	random := rand.New(rand.NewPCG(1, 2))
	p := &payloads{}
	for range fillers {
		text := make([]byte, size-leastSize)
		for i := range text {
			text[i] = fillerLetter[random.IntN(len(fillerLetter))]
		}
		p.pads = append(p.pads, string(text))
		p.jsons = append(p.jsons, payloadHead+string(make([]byte, numberWidth))+string(text)+payloadTail)
	}
	return p
}

// args returns the n-th job as a Go value.
func (p *payloads) args(n int) noop {
	var number [numberWidth]byte
	writeNumber(number[:], n)
	return noop{Pad: string(number[:]) + p.pads[n%fillers]}
}

// json returns the n-th job as it is sent.
func (p *payloads) json(n int) []byte {
	data := []byte(p.jsons[n%fillers])
	writeNumber(data[len(payloadHead):len(payloadHead)+numberWidth], n)
	return data
}

// size is how many bytes a job has as JSON.
func (p *payloads) size() int { return len(p.jsons[0]) }

func writeNumber(digits []byte, n int) {
	for i := len(digits) - 1; i >= 0; i-- {
		digits[i] = byte('0' + n%10)
		n /= 10
	}
}

// numberIn reads the number at the start of a text; -1 if there is none.
func numberIn(text string) int {
	if len(text) < numberWidth {
		return -1
	}
	n, err := strconv.Atoi(text[:numberWidth])
	if err != nil {
		return -1
	}
	return n
}

// numberInJSON reads the number of a job that was not decoded.
func numberInJSON(data string) int {
	if len(data) < len(payloadHead) {
		return -1
	}
	return numberIn(data[len(payloadHead):])
}
