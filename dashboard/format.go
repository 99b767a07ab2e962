package dashboard

import (
	"errors"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/navvy-go/navvy/queue/inspect"
)

// count writes a number with thin spaces between thousands.
func count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "\u202f" + digits[at:]
	}
	return sign + digits
}

// bytesText writes an amount of memory with three digits: 40 B, 1.21 MiB.
func bytesText(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	value, unit := float64(n), ""
	for _, unit = range []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"} {
		if value /= 1024; value < 1000 {
			break
		}
	}
	return strconv.FormatFloat(value, 'g', 3, 64) + " " + unit
}

// short cuts a text to its first line, and that to 120 characters.
func short(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	if runes := []rune(line); len(runes) > 120 {
		return string(runes[:119]) + "…"
	}
	return line
}

// span writes a duration with two digits that matter: 40 ms, 1.2 s, 3 min 20 s, 5 h 10 min, 2 d 3 h.
func span(d time.Duration) string {
	switch {
	case d == math.MinInt64: // a difference that is longer, of which there is no opposite
		return span(d + 1)
	case d < 0:
		return "−" + span(-d)
	case d == 0:
		return "0"
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Microseconds())
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d d %d h", int(d.Hours())/24, int(d.Hours())%24)
	}
}

// ago writes a time as seen from now, with the exact time as a tooltip. The script keeps it current.
func ago(t, now time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	text := span(now.Sub(t)) + " ago"
	if t.After(now) {
		text = "in " + span(t.Sub(now))
	}
	exact := t.UTC().Format(time.RFC3339)
	tag := fmt.Sprintf(`<time datetime="%s" title="%s" data-ago>%s</time>`, exact, exact, text)
	return template.HTML(tag) //nolint:gosec // digits only
}

// percent writes part of whole.
func percent(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	return strconv.FormatFloat(100*float64(part)/float64(whole), 'f', 1, 64) + " %"
}

// errorShare is how many of the runs of a step failed.
func errorShare(s inspect.Stat) string { return percent(s.Failed, s.Done+s.Failed) }

// dict lets a template give a part more than one value: names and values in turn.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, errors.New("dict wants names and values in turn")
	}
	made := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, errors.New("dict wants a name before each value")
		}
		made[name] = pairs[i+1]
	}
	return made, nil
}
