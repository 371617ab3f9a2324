// Package mail turns the bytes of a message into the Message Data Model.
//
// Parse is total: broken mail is a finding (Message.Defects), never an error.
// Where mail clients would read a message differently, the parts of every
// reading are listed, because an attacker aims at the one client that shows
// what the filter did not see.
package mail
