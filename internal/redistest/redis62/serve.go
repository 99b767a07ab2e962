package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// serve passes connections on to the server.
func serve(listener net.Listener, to string, known *newerThan) error {
	for {
		client, err := listener.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", to)
			if err != nil {
				return // as long as the server is not ready
			}
			defer server.Close()
			go func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			}()
			_ = requests(client, server, known)
		}()
	}
}

// requests passes requests on. Those that are newer it makes ones of a command that no server has, so that the server
// refuses them in their turn.
func requests(from io.Reader, to io.Writer, known *newerThan) error {
	in := bufio.NewReaderSize(from, 64<<10)
	out := bufio.NewWriterSize(to, 64<<10)
	for {
		words, raw, err := request(in)
		if err != nil {
			return err
		}
		if what := known.in(words); what != "" {
			raw = fmt.Appendf(nil, "*2\r\n$10\r\nnot-in-6.2\r\n$%d\r\n%s\r\n", len(what), what)
		}
		if _, err := out.Write(raw); err != nil {
			return err
		}
		if in.Buffered() > 0 {
			continue
		}
		if err := out.Flush(); err != nil {
			return err
		}
	}
}

// request reads one request, as a list of words and as it came. A line that is no list has no words.
func request(in *bufio.Reader) (words []string, raw []byte, err error) {
	line, err := in.ReadBytes('\n')
	if err != nil || line[0] != '*' {
		return nil, line, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(line[1:])))
	if err != nil {
		return nil, line, nil
	}
	raw = line
	for range n {
		if line, err = in.ReadBytes('\n'); err != nil {
			return nil, nil, err
		}
		raw = append(raw, line...)
		size, err := strconv.Atoi(strings.TrimSpace(string(bytes.TrimPrefix(line, []byte("$")))))
		if err != nil || size < 0 {
			return nil, nil, fmt.Errorf("%q is no length", line)
		}
		at := len(raw)
		raw = append(raw, make([]byte, size+2)...)
		if _, err := io.ReadFull(in, raw[at:]); err != nil {
			return nil, nil, err
		}
		words = append(words, string(raw[at:at+size]))
	}
	return words, raw, nil
}

// in finds in a request what is newer: "" if nothing is.
func (k *newerThan) in(words []string) string {
	if len(words) == 0 {
		return ""
	}
	name := strings.ToLower(words[0])
	if len(words) > 1 {
		sub := name + "|" + strings.ToLower(words[1])
		if k.Subcommands[sub] {
			return sub
		}
		if _, is := k.Options[sub]; is {
			name = sub
		}
	}
	newer := k.Options[name]
	for _, word := range words[1:] {
		if len(newer) > 0 && slices.Contains(newer, strings.ToLower(word)) {
			return name + " " + word
		}
	}
	return newerUse(name, words)
}

// newerUse finds what a newer server allows without another word.
func newerUse(name string, words []string) string {
	switch {
	case name == "xadd" && slices.ContainsFunc(words, func(id string) bool { return partOfID.MatchString(id) }):
		return "xadd with a part of an ID"
	case name == "set" && slices.ContainsFunc(words, isWord("nx")) && slices.ContainsFunc(words, isWord("get")):
		return "set nx get"
	case name == "config" && len(words) > 3 && strings.EqualFold(words[1], "get"),
		name == "config" && len(words) > 4 && strings.EqualFold(words[1], "set"):
		return "config of several settings"
	}
	return ""
}

var partOfID = regexp.MustCompile(`^\d+-\*$`)

func isWord(word string) func(string) bool {
	return func(s string) bool { return strings.EqualFold(s, word) }
}
