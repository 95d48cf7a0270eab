package store

// upload is a value that arrives in pieces. Its chunks are on disk and charged, and their buckets pinned, though
// no put names them yet. If none ever does, they die with their buckets.
type upload struct {
	size   int
	chunks []loc
}

// hold takes chunks over that have come to disk.
func (st *state) hold(u *upload, chunks []loc) {
	for _, l := range chunks {
		st.chargeAt(l, +1)
		st.bucketOf(l.seq).pins++
	}
	u.chunks = append(u.chunks, chunks...)
	if st.uploads == nil {
		st.uploads = map[*upload]struct{}{}
	}
	st.uploads[u] = struct{}{}
}

// letGo undoes hold: a put has the chunks, or nobody.
func (st *state) letGo(u *upload) {
	for _, l := range u.chunks {
		st.chargeAt(l, -1)
		st.bucketOf(l.seq).pins--
	}
	u.chunks = nil
	delete(st.uploads, u)
}
