package main

import (
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
)

type configCmd struct {
	Check     configCheckCmd     `cmd:"" help:"Say whether a configuration is right, and what to change if not."`
	Show      configShowCmd      `cmd:"" help:"Print the configuration in force, defaults included."`
	Reference configReferenceCmd `cmd:"" help:"Print every key with its default and meaning (Markdown)."`
}

type configCheckCmd struct {
	File string `arg:"" optional:"" type:"path" help:"The file; without it that of -c."`
}

// Run loads and checks the file.
func (c configCheckCmd) Run(w *world, g *cli) error {
	path := c.File
	if path == "" {
		path = g.Config
	}
	conf, err := loadConfig(path, g.DB)
	if err != nil {
		return err
	}
	if _, err := newLoadedEngine(conf, w.stderr); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w.stdout, "the configuration is right")
	return err
}

type configShowCmd struct{}

// Run prints the configuration as YAML.
func (configShowCmd) Run(w *world, g *cli) error {
	conf, err := loadConfig(g.Config, g.DB)
	if err != nil {
		return err
	}
	out, err := yaml.Marshal(conf)
	if err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	_, err = w.stdout.Write(out)
	return err
}

type configReferenceCmd struct{}

// Run prints the reference page.
func (configReferenceCmd) Run(w *world) error {
	page, err := configReference()
	if err != nil {
		return err
	}
	_, err = io.WriteString(w.stdout, page)
	return err
}
