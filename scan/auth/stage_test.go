package auth_test

import (
	"testing"

	"foregate/scan"
	"foregate/scan/auth"
)

// TestIsStage keeps the stage fit for the engine.
func TestIsStage(t *testing.T) {
	var s scan.Stage = auth.Stage{Offline: true}
	if s.Name() != auth.Name {
		t.Errorf("name %q, want %q: gaps are told apart by it", s.Name(), auth.Name)
	}
}
