// What goes over the wire: counted, cut, and asked for what the server has forgotten.
package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"syscall"
)

const firstBytes = 4096 // of a watch: enough for the Status in it

type wire struct {
	sync.Mutex
	next    http.RoundTripper
	lists   map[string]int // by resource
	streams map[string]int // watches that begin with all there is
	marks   map[string]int // bookmarks that say where the beginning ends
	is410   map[string]bool
	closed  map[string]bool // no new watch gets through
	stale   map[string]bool // the next one asks for the first revision
	young   bool            // the server may still know it
	open    map[string][]*stream
}

func newWire() *wire {
	return &wire{lists: map[string]int{}, streams: map[string]int{}, marks: map[string]int{}, is410: map[string]bool{},
		closed: map[string]bool{}, stale: map[string]bool{}, open: map[string][]*stream{}}
}

func (w *wire) wrap(next http.RoundTripper) http.RoundTripper {
	w.next = next
	return w
}

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	parts := strings.Split(request.URL.Path, "/")
	resource, query := parts[len(parts)-1], request.URL.Query()
	if request.Method != http.MethodGet || query.Get("labelSelector") != "" {
		return w.next.RoundTrip(request)
	}
	if query.Get("watch") == "" {
		w.Lock()
		if query.Get("resourceVersion") != "" || query.Get("limit") != "" {
			w.lists[resource]++ // the test itself asks for neither
		}
		w.Unlock()
		return w.next.RoundTrip(request)
	}
	w.Lock()
	if w.closed[resource] {
		w.Unlock()
		return nil, syscall.ECONNREFUSED
	}
	if query.Get("sendInitialEvents") == "true" {
		w.streams[resource]++
	} else if w.stale[resource] {
		w.stale[resource] = false
		query.Set("resourceVersion", "1")
		request = request.Clone(request.Context())
		request.URL.RawQuery = query.Encode()
		if w.young && w.knows(request) {
			w.is410[resource] = true
			w.Unlock()
			return expired(request), nil
		}
	}
	w.Unlock()
	answer, err := w.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	w.Lock()
	defer w.Unlock()
	if answer.StatusCode == http.StatusGone {
		w.is410[resource] = true
	}
	body := &stream{ReadCloser: answer.Body, wire: w, resource: resource}
	w.open[resource] = append(w.open[resource], body)
	answer.Body = body
	return answer, nil
}

// knows says whether the server still has what the watch asks for: one that has just started has forgotten nothing.
func (w *wire) knows(request *http.Request) bool {
	probe := request.Clone(request.Context())
	query := probe.URL.Query()
	query.Set("timeoutSeconds", "1")
	probe.URL.RawQuery = query.Encode()
	answer, err := w.next.RoundTrip(probe)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	told, _ := io.ReadAll(answer.Body)
	return answer.StatusCode == http.StatusOK && !bytes.Contains(told, []byte(`"code":410`))
}

// expired is said in the server's place, in its words.
func expired(request *http.Request) *http.Response {
	said := `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (2)","reason":"Expired","code":410}`
	return &http.Response{Status: "410 Gone", StatusCode: http.StatusGone, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(said)), Request: request}
}

// shut ends the watches of a resource and lets no other through until it is opened again.
func (w *wire) shut(resource string, closed bool) {
	w.Lock()
	defer w.Unlock()
	w.closed[resource] = closed
	if !closed {
		return
	}
	for _, one := range w.open[resource] {
		one.cut = true
		one.ReadCloser.Close()
	}
	w.open[resource] = nil
}

func (w *wire) old(resource string) { w.Lock(); defer w.Unlock(); w.stale[resource] = true }

func (w *wire) gone(resource string) bool { w.Lock(); defer w.Unlock(); return w.is410[resource] }

func (w *wire) begun(resource string) int {
	w.Lock()
	defer w.Unlock()
	return w.lists[resource] + w.streams[resource]
}

// begins says whether all was read as the environment wants it: streamed and marked, or listed.
func (w *wire) begins(resource string) bool {
	w.Lock()
	defer w.Unlock()
	if os.Getenv("KUBE_FEATURE_WatchListClient") == "false" {
		return w.lists[resource] == 1 && w.streams[resource] == 0
	}
	return w.streams[resource] == 1 && w.marks[resource] == 1 && w.lists[resource] == 0
}

// stream looks at what a watch brings.
type stream struct {
	io.ReadCloser
	wire     *wire
	resource string
	seen     []byte
	marked   bool
	cut      bool
}

func (s *stream) Read(out []byte) (int, error) {
	count, err := s.ReadCloser.Read(out)
	s.wire.Lock()
	defer s.wire.Unlock()
	if err != nil && s.cut {
		err = io.EOF // as when the server itself had ended it
	}
	if s.marked {
		return count, err
	}
	s.seen = append(s.seen, out[:count]...)
	if bytes.Contains(s.seen, []byte(`"k8s.io/initial-events-end":"true"`)) {
		s.wire.marks[s.resource]++
		s.marked = true
	}
	if bytes.Contains(s.seen, []byte(`"ERROR"`)) && bytes.Contains(s.seen, []byte(`"code":410`)) {
		s.wire.is410[s.resource] = true
	}
	if len(s.seen) > 16*firstBytes {
		s.seen = s.seen[len(s.seen)-firstBytes:]
	}
	return count, err
}
