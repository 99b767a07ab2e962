package dashboard

import (
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/navvy-go/navvy/queue/inspect"
)

// What is shown of a job that anybody has enqueued.
const (
	listData   = 16 << 10  // bytes of the data of each job of a list; more is left out
	jobData    = 256 << 10 // of one job's data or result
	deepMost   = 64        // levels of arrays and objects
	prettyMost = 512 << 10 // bytes of data laid out on lines; more stays on one
)

// bound leaves out of a job what is nested too deep to be shown, and hides what is masked.
func (d *Dashboard) bound(info *inspect.JobInfo) {
	for _, data := range []*json.RawMessage{&info.Data, &info.Result} {
		shown, left := d.boundData(*data)
		*data, info.LeftOut = shown, info.LeftOut+left
	}
}

// boundData returns what is shown of data, and how many bytes are left out.
func (d *Dashboard) boundData(data json.RawMessage) (shown json.RawMessage, left int64) {
	if depthOf(data) > deepMost {
		return nil, int64(len(data))
	}
	return d.mask.apply(data), 0
}

// depthOf is how deep JSON is nested.
func depthOf(data []byte) (deepest int) {
	depth := 0
	eachMark(data, func(mark byte) {
		switch mark {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		}
	})
	return deepest
}

// indentedSize is how long JSON is at the most once it is laid out on lines.
func indentedSize(data []byte) int {
	size, depth := len(data), 0
	eachMark(data, func(mark byte) {
		switch mark {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		size += 2 + 2*max(depth, 0)
	})
	return size
}

// eachMark calls do with each bracket, brace, comma and colon of JSON that is not in a string.
func eachMark(data []byte, do func(mark byte)) {
	inString := false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case !inString && (c == '[' || c == ']' || c == '{' || c == '}' || c == ',' || c == ':'):
			do(c)
		}
	}
}

// leftOut says that some of a job's data is not shown.
func leftOut(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s of data are not shown here: too much, or nested deeper than %d levels. "+
		"The command monitor job prints them.", bytesText(n), deepMost)
}

// sizeOf is how much memory a value takes, about: what is shared counts each time.
func sizeOf(value any) int { return sizeOfValue(reflect.ValueOf(value), deepMost) }

func sizeOfValue(v reflect.Value, depth int) int {
	if !v.IsValid() || depth == 0 {
		return 0
	}
	size := int(v.Type().Size())
	switch v.Kind() {
	case reflect.String:
		size += v.Len()
	case reflect.Pointer, reflect.Interface:
		size += sizeOfValue(v.Elem(), depth-1)
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Field(i)
			size += sizeOfValue(field, depth-1) - int(field.Type().Size())
		}
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice {
			size += v.Cap() * int(v.Type().Elem().Size())
		}
		if !isFlat(v.Type().Elem()) {
			for i := range v.Len() {
				size += sizeOfValue(v.Index(i), depth-1) - int(v.Type().Elem().Size())
			}
		}
	case reflect.Map:
		for at := v.MapRange(); at.Next(); {
			size += sizeOfValue(at.Key(), depth-1) + sizeOfValue(at.Value(), depth-1)
		}
	}
	return size
}

// isFlat reports whether values of a type refer to no other memory.
func isFlat(t reflect.Type) bool { return t.Kind() >= reflect.Bool && t.Kind() <= reflect.Complex128 }
