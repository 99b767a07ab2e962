package inspect

import "strings"

// textMost bounds the other texts of a job that is shown without what is large.
const textMost = 16 << 10

// WithoutLarge returns the job without data and a result of more bytes than most, and with its other texts cut, so that
// a list of jobs has a bound. LeftOut says how many bytes are missing.
func (j JobInfo) WithoutLarge(most int) JobInfo {
	if len(j.Data) > most {
		j.LeftOut, j.Data = j.LeftOut+int64(len(j.Data)), nil
	}
	if len(j.Result) > most {
		j.LeftOut, j.Result = j.LeftOut+int64(len(j.Result)), nil
	}
	for _, text := range []*string{
		&j.Kind, &j.Error, &j.Reason, &j.UniqueKey, &j.UniqueUntil, &j.Trace, &j.RequestID, &j.Worker,
	} {
		*text = cutText(*text, textMost)
	}
	j.source.Data, j.body = nil, ""
	return j
}

// cutText is the beginning of a text, in memory of its own if it was cut.
func cutText(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.Clone(strings.ToValidUTF8(text[:most], ""))
}
