package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
)

// Handler answers one request. It may be called for hostile bytes.
type Handler func(ctx context.Context, request []byte) ([]byte, error)

// Serve is the child's side: it confines this process for good, says so, and
// answers requests from in on out until in ends. An error of the handler is the
// answer to one request; Serve itself fails when it cannot go on.
func Serve(in io.Reader, out io.Writer, h Handler) error {
	debug.SetMemoryLimit(softMemory)
	status := confine()
	hello, err := json.Marshal(status)
	if err != nil {
		return fmt.Errorf("saying hello: %w", err)
	}
	if err := writeFrame(out, kindHello, hello); err != nil {
		return fmt.Errorf("saying hello: %w", err)
	}
	for {
		request, _, err := readFrame(in, maxFrame)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a request: %w", err)
		}
		limitCPU(CPULimit)
		answer, herr := handle(h, request)
		if herr != nil {
			err = writeFrame(out, kindError, []byte(herr.Error()))
		} else if err = writeFrame(out, kindAnswer, answer); errors.Is(err, errFrame) {
			err = writeFrame(out, kindError, []byte("the answer is "+err.Error()))
		}
		if err != nil {
			return fmt.Errorf("answering: %w", err)
		}
		const much = 32 << 20
		if len(request)+len(answer) > much {
			request, answer = nil, nil
			debug.FreeOSMemory()
		}
	}
}

// handle keeps a panic of the handler from ending the child.
func handle(h Handler, request []byte) (answer []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), CPULimit)
	defer cancel()
	return h(ctx, request)
}
