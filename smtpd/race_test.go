//go:build race

package smtpd

// raceDetector is whether the tests run under it: it makes copies some ten times
// as slow.
const raceDetector = true
