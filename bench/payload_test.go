package main

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestPayloadsDiffer(t *testing.T) {
	t.Parallel()
	for _, size := range []int{leastSize, 100, 1024} {
		p := newPayloads(size)
		for n := range 3 {
			data, err := json.Marshal(p.args(n))
			if err != nil {
				t.Fatal(err)
			}
			if len(data) != size || p.size() != size || !bytes.Equal(data, p.json(n)) {
				t.Errorf("job %d of %d bytes is %s and %s", n, size, data, p.json(n))
			}
			if p.args(n).number() != n || numberInJSON(string(data)) != n {
				t.Errorf("job %d says it is %d and %d", n, p.args(n).number(), numberInJSON(string(data)))
			}
			if bytes.Equal(data, p.json(n+1)) {
				t.Errorf("jobs %d and %d are equal", n, n+1)
			}
		}
	}
	if numberIn("short") != -1 || numberInJSON("{}") != -1 {
		t.Error("a number was found where there is none")
	}
}
