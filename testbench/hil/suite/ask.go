package suite

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"packhorse/gateway/admin"
	"packhorse/testbench/hil"
)

// ask runs a command with --json that must succeed, and reads its last answer.
func ask[T any](ctx context.Context, p *Peer, args ...string) (v T, err error) {
	r, err := p.Run(ctx, append(args, "--json")...)
	if err != nil {
		return v, err
	}
	return answer[T](p, r, args)
}

func answer[T any](p *Peer, r hil.Result, args []string) (v T, err error) {
	line := lastJSON(r.Output)
	if r.Exit != 0 {
		return v, p.wrong(args, failure(line, r))
	}
	if line == "" {
		return v, p.wrong(args, fmt.Sprintf("no answer in JSON: %q", cut(r.Output)))
	}
	if err := json.Unmarshal([]byte(line), &v); err != nil {
		return v, p.wrong(args, fmt.Sprintf("%v in %q", err, cut(line)))
	}
	return v, nil
}

func (p *Peer) wrong(args []string, what string) error {
	return fmt.Errorf("node %s: packhorse %s: %s", p.Name(), cut(strings.Join(args, " ")), what)
}

// failure is what a command that failed has said.
func failure(line string, r hil.Result) string {
	var reply admin.ErrorReply
	if json.Unmarshal([]byte(line), &reply) == nil && reply.Error != nil {
		return fmt.Sprintf("exit %d: %s (%s)", r.Exit, reply.Error.Message, reply.Error.Fix)
	}
	return fmt.Sprintf("exit %d: %s", r.Exit, cut(r.Output))
}

// lastJSON is the last line that is an object: consoles and stderr have other lines between.
func lastJSON(text string) (found string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "{") && json.Valid([]byte(line)) {
			found = line
		}
	}
	return found
}

// cut keeps messages short.
func cut(text string) string {
	const most = 400
	if len(text) > most {
		return text[:most] + "..."
	}
	return strings.TrimSpace(text)
}
