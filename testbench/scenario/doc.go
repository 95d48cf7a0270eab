// Package scenario runs short plays of gateways from text files: whole gateways with stores on
// disk, in virtual time, on simulated radios and wires (testbench/world). A file is both the play and
// what is expected of it:
//
//	# why this case exists
//	world seed=7 region=NZ915
//	node a b
//	up a domain=ridge
//	  a: in domain ridge
//	pair b a
//	  b: joined ridge through a
//	send a b "hello"
//	  p1 from a to b: saved at a
//	run until delivered within=2m
//
// A line that begins with # is a comment, an indented one is output of the command above it. Words
// are separated by spaces; options are key=value; a text stands in double quotes, as in Go. Parcels are
// named p1, p2, ... in the order in which they were sent.
//
//	world [seed=N] [region=R] [loss=30%] [store=SIZE] [burst=8s]   first; all optional
//	node NAME... [region=none] [radio=none]     start gateways; without a region their radio stays shut
//	line A B C...          of these, each hears only its neighbours
//	hear A B               these two hear each other
//	cut A B, restore A B   the radio path between two
//	loss 30%               of LoRa packets from now on
//	wire A B [latency=40ms] [loss=1%], unwire A B   a datagram connection
//	stop A..., start A...  as a kill -9 leaves it; the modem goes on with what it holds
//	up A [domain=NAME] [region=R]
//	invite A               open a pairing
//	join B A [by=code|invite|wrong]   answer it, also after it was closed; wrong is another code
//	pair B A [by=code|invite]   both, and wait until either can write to the other
//	contact B C            B may write to C: card, export, add
//	send A B "text" or file=20kB [priority=emergency|message|bulk] [ttl=10m]
//	run 30s
//	run until delivered|settled [within=1h]   all parcels; settled: delivered, expired or refused
//	run until p1 STATE [at A]       saved carried delivered expired refused
//	run until p1 at A               A has taken custody of it
//	run until p1 half from A        half of its symbols are at the next hop, and more to come
//	run until A hears B, run until A lost B      a session with a neighbour, and its end
//	run until A reaches B                        there is a way, over others or not
//	run until A knows B                          A may write to B
//	run until A waits WHY                        some parcel at A does, and that is why
//	status A..., queue A..., inbox A...
//	airtime A... [under=30s]        silent or not since the last time of asking
//	fill A, room A         leave no room in the store of A, and make it again
//	trace on, trace off    custody, letters, peers and notices as they come
//	check                  every parcel: one durable delivery of what was sent, or still kept
//
// # What output may say
//
// RSA keys and signatures differ from run to run (crypto/rsa takes no seeded source), so
// parcels differ in octets and by a few octets in size, and times by some frames. Output
// therefore never shows times, ids, sizes on the air or airtime, only what must be so in every run; bounds
// are given by within= and under=. A file's expectations hold for its own seed. Under other
// seeds only the bounds and the checks do.
package scenario
