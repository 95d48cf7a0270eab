package main

import (
	"slices"
	"strings"
)

// module is the path that every import of ours begins with.
const module = "packhorse"

// room is one line of the import table: which other rooms the packages of a room may
// import. A package belongs to the room with the longest name that begins its path.
type room struct {
	name string
	may  []string
	why  string
}

// rooms is the import table. Tests are freer: they may import any room but cmd and tools.
var rooms = []room{
	{"radio/phy", nil, "pure arithmetic and law that everything may build on"},
	{"radio", []string{"radio/phy"}, "drivers take ports, pins and streams; cmd joins them to a board"},
	{"board", []string{"radio/phy"}, "the computer knows no driver and no link"},
	{"link", []string{"radio/phy"}, "a state machine: no IO, no storage"},
	{"link/port", []string{"link", "radio", "radio/phy"}, "the only part of the link with goroutines and sockets"},
	{"store", nil, "keeps octets and knows nobody's types"},
	{"gateway", []string{"link", "store", "radio/phy"}, "state machines and codecs; the shell is gateway/node"},
	{"gateway/app", []string{"gateway", "store"}, "what programs import that are Awala apps; the gateway never does"},
	{"gateway/node", []string{"gateway", "link", "link/port", "store", "radio/phy"}, "the shell: owns core, store and transports; cmd hands it the radios"},
	{"gateway/inetnode", []string{"gateway", "store"}, "the shell of the Internet gateway role, on the store and with the secrets of gateway/node"},
	{"testbench", []string{"board", "radio", "radio/phy", "link", "link/port", "store", "gateway", "gateway/app", "gateway/node", "gateway/inetnode"}, "drives everything, cmd from outside"},
	{"cmd", []string{"board", "radio", "radio/phy", "link", "link/port", "store", "gateway", "gateway/app", "gateway/node", "gateway/inetnode", "testbench"}, "joins the rooms"},
	{"tools", nil, "build helpers; nothing imports them, and they need nothing"},
}

// pure lists the packages that are state machines or codecs: no IO, no clock, no
// goroutine, no random source of their own.
var pure = []string{"radio/phy", "link", "link/access", "link/wire", "link/cpace", "store/queue", "gateway", "gateway/ramf", "gateway/pki", "gateway/session",
	"gateway/endpoint", "gateway/domain", "gateway/route", "gateway/cms", "gateway/compact", "gateway/registration", "gateway/courier/bundle", "gateway/cargo", "gateway/uplink", "gateway/permit", "gateway/inet", "gateway/internal/asked", "board/card", "testbench/crashfs/fate", "cmd/packhorse/internal/appliance/plan", "cmd/packhorse/internal/hotspot"}

// impure are the packages of the standard library that a pure package may not import.
var impure = map[string]string{
	"os": "files and environment", "os/exec": "processes", "os/signal": "signals", "net": "sockets", "net/http": "sockets",
	"log": "logs", "log/slog": "logs", "syscall": "the system", "math/rand": "a global random source",
}

// clocks are the functions of package time that read or wait for the machine's clock.
var clocks = map[string]bool{"Now": true, "Since": true, "Until": true, "Sleep": true, "After": true, "AfterFunc": true,
	"Tick": true, "NewTimer": true, "NewTicker": true}

// templates are kept out of the binary: they look methods up by name, which switches off
// the linker's dead-code elimination and costs about 1.8 MB at once.
var templates = map[string]bool{"text/template": true, "html/template": true}

// templateFriends may import a template package because the linker drops the use of it;
// forbiddenSymbols proves that it does.
var templateFriends = map[string]string{"github.com/spf13/cobra": "only behind SetUsageTemplate and its like, which we never call"}

// forbiddenSymbols begin names that must not be in the linked binary.
var forbiddenSymbols = []string{"text/template.(*Template).Execute", "html/template.(*Template)."}

// tags are those that the project is built with: without grpcnotrace, google.golang.org/grpc serves a page of
// html/template.
const tags = "-tags=grpcnotrace"

// Words of the linker's list of dependencies (go tool link -dumpdep): the mark of a function that looks methods up
// by a name which the linker does not know, so that it has to keep all; and one that is always there.
const (
	keepsAllMethods = "<ReflectMethod>"
	anyDependency   = " -> "
)

// roomOf finds the room of an import path of ours; ok is false for others' packages.
func roomOf(path string) (r room, ok bool) {
	rest, ours := strings.CutPrefix(path, module+"/")
	if !ours {
		return room{}, false
	}
	for _, c := range rooms {
		if (rest == c.name || strings.HasPrefix(rest, c.name+"/")) && len(c.name) >= len(r.name) {
			r = c
		}
	}
	return r, true
}

func isPure(path string) bool { return slices.Contains(pure, strings.TrimPrefix(path, module+"/")) }
