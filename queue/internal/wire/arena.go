package wire

import (
	"bytes"
	"strings"
)

// Arena is where what is kept of many small entries has its memory, a chunk for some dozens of them: one allocation for
// each text costs more than all else that is done for it. A chunk lives as long as any of its texts, so it is small,
// and what is not has memory of its own. The zero value is ready, nil gives each text memory of its own.
type Arena struct {
	texts strings.Builder
	data  []byte
}

const arenaChunk = 8 << 10

// ArenaText is how many bytes a text has that is in a chunk at the most.
const ArenaText = arenaChunk / 8

// Text returns a copy.
func (a *Arena) Text(b []byte) string {
	if a == nil || len(b) > ArenaText {
		return string(b)
	}
	if a.texts.Cap()-a.texts.Len() < len(b) {
		a.texts.Reset()
		a.texts.Grow(arenaChunk)
	}
	start := a.texts.Len()
	_, _ = a.texts.Write(b) // never fails, says its documentation
	return a.texts.String()[start:]
}

// Data returns a copy. What is appended to it is not in the chunk.
func (a *Arena) Data(b []byte) []byte {
	if a == nil || len(b) > ArenaText {
		return bytes.Clone(b)
	}
	if cap(a.data)-len(a.data) < len(b) {
		a.data = make([]byte, 0, arenaChunk)
	}
	start := len(a.data)
	a.data = append(a.data, b...)
	return a.data[start:len(a.data):len(a.data)]
}
