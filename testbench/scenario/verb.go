package scenario

// verb is one command of the language.
type verb struct {
	name     string
	min, max int // arguments
	text     bool
	options  []string
	usage    string
	run      func(*play, Command) error
}

// many is the most nodes that one command names.
const many = 64

// verbs is the language. doc.go explains it.
func verbs() []verb {
	return []verb{
		{"world", 0, 0, false, []string{"seed", "region", "loss", "store", "burst"}, "world [seed=N] [region=R] [loss=30%] [store=SIZE] [burst=8s]", (*play).world},
		{"node", 1, many, false, []string{"region", "radio"}, "node NAME... [region=none] [radio=none]", (*play).node},
		{"line", 2, many, false, nil, "line A B C...", (*play).line},
		{"hear", 2, 2, false, nil, "hear A B", (*play).hear},
		{"cut", 2, 2, false, nil, "cut A B", (*play).cut},
		{"restore", 2, 2, false, nil, "restore A B", (*play).restore},
		{"loss", 1, 1, false, nil, "loss 30%", (*play).loss},
		{"wire", 2, 2, false, []string{"latency", "loss"}, "wire A B [latency=40ms] [loss=1%]", (*play).wire},
		{"unwire", 2, 2, false, nil, "unwire A B", (*play).unwire},
		{"stop", 1, many, false, nil, "stop NAME...", (*play).stop},
		{"start", 1, many, false, nil, "start NAME...", (*play).start},
		{"up", 1, 1, false, []string{"domain", "region"}, "up A [domain=NAME] [region=R]", (*play).up},
		{"invite", 1, 1, false, nil, "invite A", (*play).invite},
		{"join", 2, 2, false, []string{"by"}, "join B A [by=code|invite|wrong]", (*play).join},
		{"pair", 2, 2, false, []string{"by"}, "pair B A [by=code|invite]", (*play).pair},
		{"contact", 2, 2, false, nil, "contact B C", (*play).contact},
		{"send", 2, 2, true, []string{"file", "priority", "ttl"}, `send A B "text" or file=SIZE [priority=emergency|message|bulk] [ttl=10m]`, (*play).send},
		{"run", 1, 5, false, []string{"within"}, "run DURATION, or run until WHAT [within=1h]", (*play).run},
		{"status", 1, many, false, nil, "status NAME...", (*play).status},
		{"queue", 1, many, false, nil, "queue NAME...", (*play).queue},
		{"inbox", 1, many, false, nil, "inbox NAME...", (*play).inbox},
		{"airtime", 1, many, false, []string{"under"}, "airtime NAME... [under=30s]", (*play).airtime},
		{"fill", 1, 1, false, nil, "fill A", (*play).fill},
		{"room", 1, 1, false, nil, "room A", (*play).room},
		{"trace", 1, 1, false, nil, "trace on, or trace off", (*play).trace},
		{"check", 0, 0, false, nil, "check", (*play).check},
	}
}

func verbNamed(name string) (verb, bool) {
	for _, v := range verbs() {
		if v.name == name {
			return v, true
		}
	}
	return verb{}, false
}

func verbNames() []string {
	var names []string
	for _, v := range verbs() {
		names = append(names, v.name)
	}
	return names
}
