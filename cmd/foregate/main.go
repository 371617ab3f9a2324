// Command foregate is the gate in front of an organisation's inboxes: it judges
// each message, says why in words, holds what is dangerous and delivers the
// rest unchanged.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// Exit statuses of every command.
const (
	exitOK     = 0 // done, nothing held
	exitHeld   = 1 // scan: something would be held or refused; rules: something is wrong
	exitFailed = 2 // could not do it, could not look, or wrong usage
)

// errHeld, errFound and errGap end a command with their exit status, without a
// message.
var (
	errHeld  = errors.New("something was held")
	errFound = errors.New("something was found to be wrong") // checks and tests of rules
	errGap   = errors.New("something could not be looked at")
)

// world is what a command may touch of the process around it.
type world struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
}

// cli is the command line. Its help texts are the source of the man pages.
type cli struct {
	Config string `short:"c" type:"path" placeholder:"FILE" help:"Configuration file (YAML). Without it the built-in defaults are used; see 'foregate config reference'." env:"FOREGATE_CONFIG"`
	DB     string `name:"db" placeholder:"DB" help:"Database: a SQLite path; overrides the configuration." env:"FOREGATE_DB"`

	Serve      serveCmd          `cmd:"" help:"Run the gate: judge mail between a mail server and its next hop."`
	Demo       demoCmd           `cmd:"" help:"Run a gate on loopback, send sample mail through it and show the verdicts."`
	Scan       scanCmd           `cmd:"" help:"Judge messages from files, folders, mboxes, Maildirs or standard input."`
	Explode    explodeCmd        `cmd:"" help:"Show what is inside a file, without running it."`
	Parse      parseCmd          `cmd:"" help:"Print a message in the Message Data Model as JSON."`
	Quarantine quarantineCmd     `cmd:"" help:"Look after held messages."`
	Rules      rulesCmd          `cmd:"" help:"Write, check, test and measure detection rules."`
	Hunt       huntCmd           `cmd:"" help:"Look for messages by a query in the rule language."`
	Intel      intelCmd          `cmd:"" help:"Know the attacker: take in intelligence, connect it, weigh who is behind a case."`
	Attribute  intelAttributeCmd `cmd:"" help:"Weigh the rival hypotheses of a case file."`
	Names      namesCmd          `cmd:"" help:"Find imitations of protected names among host names."`
	Eval       evalCmd           `cmd:"" help:"Measure detection and cost on a labelled corpus."`
	Calibrate  calibrateCmd      `cmd:"" help:"Measure the weight of each kind of evidence on a labelled corpus."`
	Train      trainCmd          `cmd:"" help:"Make the model of the text classifier."`
	Conf       configCmd         `cmd:"" name:"config" help:"Check, show or explain the configuration."`
	Docs       docsCmd           `cmd:"" hidden:"" help:"Write generated reference pages."`
	FileWorker fileWorkerCmd     `cmd:"" name:"file-worker" hidden:"" help:"Open untrusted files for another process."`
	Version    versionCmd        `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	w := world{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv}
	status := run(w, os.Args[1:])
	stop()
	os.Exit(status)
}

// run is the whole program but for the process: it returns the exit status.
func run(w world, args []string) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("foregate"),
		kong.Description("A gate in front of an organisation's inboxes that judges each message and says why in words."),
		kong.Writers(w.stdout, w.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.UsageOnError(),
		helpVars(),
	)
	if err != nil {
		fmt.Fprintf(w.stderr, "foregate: %v\n", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(w.stderr, "foregate: %v\nTry '%s --help'.\n", err, commandOf(err))
		return exitFailed
	}
	kctx.Bind(&w, &c)
	switch err := kctx.Run(); {
	case err == nil:
		return exitOK
	case errors.Is(err, errHeld), errors.Is(err, errFound):
		return exitHeld
	case errors.Is(err, errGap):
		return exitFailed
	case errors.Is(err, context.Canceled) && w.ctx.Err() != nil:
		fmt.Fprintln(w.stderr, "foregate: stopped before the end")
		return exitFailed
	default:
		fmt.Fprintf(w.stderr, "foregate: %v\n", err)
		return exitFailed
	}
}

// commandOf is the command that a usage error is about, as it is called.
func commandOf(err error) string {
	var usage *kong.ParseError
	words := []string{"foregate"}
	if errors.As(err, &usage) && usage.Context != nil {
		for _, p := range usage.Context.Path {
			if p.Command != nil {
				words = append(words, p.Command.Name)
			}
		}
	}
	return strings.Join(words, " ")
}

// helpVars are the values that help texts name.
func helpVars() kong.Vars {
	return kong.Vars{"corpus": defaultCorpus, "least": strconv.Itoa(calibrateMin), "leastRule": strconv.Itoa(ruleMin)}
}

type versionCmd struct{}

// Run prints the module version and the revision it was built from.
func (versionCmd) Run(w *world) error {
	version, rev := "devel", ""
	if bi, ok := debug.ReadBuildInfo(); ok {
		if v := bi.Main.Version; v != "" && v != "(devel)" {
			version = v
		}
		for _, s := range bi.Settings {
			if s.Key == "vcs.revision" {
				rev = " " + s.Value
			}
		}
	}
	_, err := fmt.Fprintf(w.stdout, "foregate %s%s\n", version, rev)
	return err
}
