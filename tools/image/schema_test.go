package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"packhorse/board/card"
)

// fitsSchema holds what -json prints against docs/schema.
func fitsSchema(s summary) error {
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	schema, err := c.Compile(filepath.Join("..", "..", "docs", "schema", "image.json"))
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return err
	}
	return schema.Validate(v)
}

func TestSummaryFitsItsSchema(t *testing.T) {
	release := card.Release{Version: "0.7.0", Build: "ab", Board: card.BoardPi, Created: "2026-11-22T00:00:00Z"}
	b := builder{options: options{out: t.TempDir()}, steps: newSteps(t.Output()), release: release}
	if err := b.do("a step", func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	s, err := b.summarise()
	if err != nil {
		t.Fatal(err)
	}
	s.Files = []artefact{{"card.img", 1, "00"}}
	if err := fitsSchema(s); err != nil {
		t.Error(err)
	}
	s.Schema = ""
	if fitsSchema(s) == nil {
		t.Error("an answer of another schema fits")
	}
}
