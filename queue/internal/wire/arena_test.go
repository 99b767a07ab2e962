package wire

import (
	"bytes"
	"fmt"
	"testing"
)

func TestAnArenaKeepsEachTextAsItWas(t *testing.T) {
	t.Parallel()
	for name, arena := range map[string]*Arena{"none": nil, "one": new(Arena)} {
		var texts []string
		var data [][]byte
		for n := range ArenaText + 2 {
			read := bytes.Repeat([]byte{byte(n)}, n)
			texts, data = append(texts, arena.Text(read)), append(data, arena.Data(read))
			clear(read)
		}
		for n := range texts {
			want := bytes.Repeat([]byte{byte(n)}, n)
			if texts[n] != string(want) || !bytes.Equal(data[n], want) || arena != nil && n <= ArenaText && cap(data[n]) != n {
				t.Fatalf("%s: of %d bytes: got %q and %q, room for %d", name, n, texts[n], data[n], cap(data[n]))
			}
			data[n] = append(data[n], "more"...)
		}
	}
}

func TestSmallEntriesShareAllocations(t *testing.T) {
	arena := new(Arena)
	fields := []Pair{
		{[]byte(FieldID), []byte("01JCZ5Z0000000000000000000")}, {[]byte(FieldKind), []byte("mail.send")},
		{[]byte(FieldData), fmt.Appendf(nil, `{"pad":"%090d"}`, 1)},
	}
	id := []byte("1700000000000-0")
	intern := func([]byte) string { return "mail.send" }
	perEntry := testing.AllocsPerRun(1000, func() {
		for range 100 {
			DecodeEntry(id, fields, "", intern, arena)
		}
	}) / 100
	if perEntry > 0.05 {
		t.Errorf("%g allocations for an entry", perEntry)
	}
}
