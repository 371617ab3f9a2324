package link

import (
	"fmt"
	"strings"

	"foregate/mail"
	"foregate/mail/weburl"
)

// isButton says whether a reference is something to click whose words do not
// say where it leads: "Verify now", or a picture.
func (j *judgement) isButton(r *ref) bool {
	if r.Kind != mail.MentionAnchor || r.Source != mail.InHTML || !r.Visible || r.Thread > j.thread {
		return false
	}
	if d := r.url.Domain; d == nil || !d.Valid || r.url.Scheme != "http" && r.url.Scheme != "https" {
		return r.url.IP != nil
	}
	_, named := weburl.FirstURL(r.Text)
	return !named
}

// maxRoots bounds the distinct domains that are compared: a page with more is
// a list of links.
const maxRoots = 16

// buttons judges where all that can be clicked leads. An organisation that
// writes to its customers leads them to itself; a page whose every button leads
// to a stranger's domain was made for that domain. Social media and services
// that count clicks stand for nobody.
func (j *judgement) buttons(refs []ref) {
	var first *ref
	var roots []string
	hidden := false // some target cannot be told
	for i := range refs {
		r := &refs[i]
		if !j.isButton(r) {
			continue
		}
		d := r.url.Domain
		root := host(&r.url)
		if d != nil {
			root = d.RootDomain
			switch {
			case unknownTarget(&r.url):
				return
			case j.ours(root) || j.sameName(d):
				return
			case isShortener(d) || isFreeHost(d):
				hidden = true
				root = d.Domain
			case isCommon(d) || isTracker(d) && !hasOddTracker(d):
				continue
			}
		}
		if first == nil {
			first = r
		}
		if !contains(roots, root) {
			if roots = append(roots, root); len(roots) > maxRoots {
				return
			}
		}
	}
	switch {
	case first == nil:
	case len(roots) == 1 && hidden:
		j.note(first, idButtonShort, lineageButton, "All there is to click leads to "+roots[0]+", which anyone can use and which is not the sender's.")
	case len(roots) == 1:
		j.note(first, idButtonOne, lineageButton, "All there is to click leads to "+roots[0]+", which is not the sender's domain.")
	default:
		j.note(first, idButtonAll, lineageButton, fmt.Sprintf("Nothing there is to click leads to the sender's domain, but to %s.", strings.Join(roots[:min(3, len(roots))], ", ")))
	}
}

// hasOddTracker says whether a host counts as a tracker only for the label in
// front of it, which anybody can choose.
func hasOddTracker(d *mail.Domain) bool {
	root := *d
	root.Subdomain = ""
	return !isTracker(&root)
}

// sameName says whether a domain has the sender's name under another suffix.
func (j *judgement) sameName(d *mail.Domain) bool {
	if len(d.SLD) < 4 {
		return false
	}
	for _, r := range j.roots {
		if name, _, _ := strings.Cut(r, "."); name == d.SLD {
			return true
		}
	}
	return false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// picture judges where a picture is kept.
func (j *judgement) picture(r *ref) {
	if r.Thread > j.thread || r.url.Scheme != "http" && r.url.Scheme != "https" {
		return
	}
	if ip := r.url.IP; ip != nil && public(ip) {
		j.note(r, idPictureIP, lineagePicture, "A picture comes from the bare address "+ip.IP+".")
		return
	}
	if d := r.url.Domain; d != nil && d.Valid && isPictureHost(d) && !j.ours(d.RootDomain) {
		j.note(r, idPictureHost, lineagePicture, "A picture comes from "+d.Domain+", where anyone can keep pictures.")
	}
}
