package main

import (
	"strings"
	"testing"
)

// modules reads back what drawQR has drawn.
func modules(t *testing.T, drawn string) (rows [][]bool) {
	t.Helper()
	for line := range strings.Lines(drawn) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), noColour)
		if line == "" {
			continue
		}
		var upper, lower []bool
		for _, c := range strings.TrimPrefix(line, qrColour) {
			upper, lower = append(upper, c == '█' || c == '▀'), append(lower, c == '█' || c == '▄')
		}
		rows = append(rows, upper, lower)
	}
	return rows
}

// What is drawn has the form of a QR code: three squares within squares in its corners, and light all around.
func TestTheQRCodeIsOne(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := drawQR(&out, "otpauth://totp/navvy:alice?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"); err != nil {
		t.Fatal(err)
	}
	rows := modules(t, out.String())
	side := len(rows[0]) - 2*qrMargin
	if (side-17)%4 != 0 || len(rows) != side+2*qrMargin+1 { // two rows a line
		t.Fatalf("%d modules in %d rows", side, len(rows))
	}
	for y, row := range rows {
		for x, dark := range row {
			inside := x >= qrMargin && y >= qrMargin && x < side+qrMargin && y < side+qrMargin
			if dark && !inside {
				t.Errorf("dark at %d, %d", x, y)
			}
		}
	}
	for _, corner := range [][2]int{{0, 0}, {side - 7, 0}, {0, side - 7}} {
		for y := range 7 {
			for x := range 7 {
				ring := max(x-3, 3-x, y-3, 3-y) // 3 is the outer one
				if got := rows[qrMargin+corner[1]+y][qrMargin+corner[0]+x]; got != (ring != 2) {
					t.Errorf("corner %v, %d, %d: dark is %t", corner, x, y, got)
				}
			}
		}
	}
}
