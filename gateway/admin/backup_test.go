package admin

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"testing"
)

func TestBackupIsStreamedAndItsFailureShows(t *testing.T) {
	f := &fake{}
	c, ctx := dial(t, f), testContext(t)
	var out bytes.Buffer
	if err := c.Backup(ctx, &out); err != nil || out.String() != "stream" {
		t.Errorf("got %q, %v", out.String(), err)
	}
	f.fail(nil, errors.New("the disk failed"))
	if err := c.Backup(ctx, &out); err == nil {
		t.Error("a backup that broke off looks whole")
	}
	f.fail(&Error{Code: CodeQuota, Message: "not now"}, nil)
	var e *Error
	if err := c.Backup(ctx, &out); !errors.As(err, &e) || e.Code != CodeQuota {
		t.Errorf("got %v, want the gateway's error", err)
	}
}

func TestBackupIsForTheGatewaysUserOnly(t *testing.T) {
	f := &fake{}
	w := httptest.NewRecorder() // nobody knows who asks
	NewHandler(f).ServeHTTP(w, httptest.NewRequest("GET", "/v1/backup", nil))
	if w.Code != 403 || len(f.asked) != 0 || !bytes.Contains(w.Body.Bytes(), []byte("run it as root")) {
		t.Errorf("got %d %s, asked %v, want a refusal", w.Code, w.Body, f.asked)
	}
}
