package weburl

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"

	"foregate/mail"
)

// rewriters lists the known rewriters, gateways first. The names are the
// published ones of rewrite.encoders, all but "cloudflare", whose links aren't
// documented; the formats are what the operators document or what their links
// plainly show.
func rewriters() []rewriter { return rewriterTable[:] }

// rewriterTable is never written to.
var rewriterTable = [...]rewriter{
	// Mail security gateways.
	{name: "azure_safelink", hosts: []string{"safelinks.protection.outlook.com", "safelinks.protection.office365.us", "safelinks.protection.outlook.de", "safelinks.protection.partner.outlook.cn"}, target: param("url"), certain: true},
	{name: "microsoft", hosts: []string{"statics.teams.cdn.office.net", "teams.cdn.office.net", "statics.teams.microsoft.com"}, path: "/evergreen-assets/safelinks/", target: param("url"), certain: true},
	{name: "proofpoint", hosts: []string{"urldefense.com", "urldefense.proofpoint.com", "urldefense.us", "urldefense.net"}, target: proofpoint, certain: true},
	{name: "barracuda", hosts: []string{"linkprotect.cudasvc.com"}, target: param("a"), certain: true},
	{name: "cisco", hosts: []string{"secure-web.cisco.com"}, target: cisco, certain: true},
	{name: "sophos", hosts: []string{"protection.sophos.com"}, target: sophos, certain: true},
	{name: "trend_micro", hosts: []string{"trendmicro.com"}, path: "/wis/clicktime/", target: param("url"), certain: true},
	{name: "fireeye", hosts: []string{"protect.fireeye.com", "protect2.fireeye.com", "us.fireeye.com"}, target: param("u"), certain: true},
	{name: "checkpoint", hosts: []string{"protect.checkpoint.com", "url.avanan.click"}, target: checkpoint, certain: true},
	{name: "inky", hosts: []string{"shared.outlook.inky.com"}, target: param("url", "u"), certain: true},
	{name: "edgepilot", hosts: []string{"link.edgepilot.com"}, target: param("u", "url"), certain: true},
	{name: "esvalabs", hosts: []string{"esvalabs.com"}, target: param("u", "url"), certain: true},
	{name: "fortimail", path: "/fmlurlsvc/", target: param("url")},
	{name: "titanhq", hosts: []string{"titanhq.com"}, target: param("url", "u")},
	{name: "deref_mail", hosts: []string{"deref-mail.com", "deref-gmx.net", "deref-gmx.com", "deref-web.de", "deref-1und1.de"}, target: param("redirectUrl"), certain: true},

	// Trackers of list managers and mailing services.
	{name: "adobe", hosts: []string{"mail.adobe.com", "demdex.net", "campaign.adobe.com", "adobe-campaign.com"}, target: param("p1", "url", "d_url")},
	{name: "aws_ses", hosts: []string{"awstrack.me"}, path: "/L0/", target: segmentAfter("L0"), certain: true},
	{name: "azurecomm", hosts: []string{"azurecomm.net"}, target: anyParam, certain: true},
	{name: "convertkit", hosts: []string{"convertkit-mail.com", "convertkit-mail2.com", "convertkit-mail3.com", "convertkit-mail4.com", "kit-mail2.com", "kit-mail3.com", "kit-mail4.com"}, target: lastSegment, certain: true},
	{name: "exactag", hosts: []string{"exactag.com"}, target: param("url"), certain: true},
	{name: "go_acoustic", path: "/ctt", target: param("kd")},
	{name: "mailgun", path: "/c/eJ", target: mailgun},
	{name: "mailjet", hosts: []string{"mjt.lu"}, path: "/lnk/", target: lastSegment, certain: true},
	{name: "mandrill", hosts: []string{"mandrillapp.com"}, path: "/track/click", target: mandrill, certain: true},
	{name: "microsoft_dynamics", hosts: []string{"mkt.dynamics.com", "svc.dynamics.com"}, target: jsonParam("target"), certain: true},
	{name: "monday_tracker", hosts: []string{"trackingservice.monday.com"}, target: tokenParam("token"), certain: true},
	{name: "postmark", hosts: []string{"pstmrk.it"}, target: postmark, certain: true},
	{name: "squarespace", hosts: []string{"squarespace-mail.com", "squarespace.com"}, path: "/r", target: param("u", "url")},

	// Redirects of search engines, social networks and advertisers.
	{name: "bing_open_redirect", hosts: []string{"bing.com"}, path: "/ck/a", target: bing, certain: true},
	{name: "branch_io", hosts: []string{"app.link", "bnc.lt"}, target: param("$fallback_url", "$desktop_url", "$original_url", "$android_url", "$ios_url"), certain: true},
	{name: "doubleclick", hosts: []string{"doubleclick.net"}, target: doubleclick},
	{name: "facebook", hosts: []string{"l.facebook.com", "lm.facebook.com", "facebook.com"}, path: "/l.php", target: param("u"), certain: true},
	{name: "google_adservices", hosts: []string{"googleadservices.com"}, target: param("adurl", "ds_dest_url"), certain: true},
	{name: "google_amp_project", hosts: []string{"cdn.ampproject.org"}, target: ampProject, certain: true},
	{name: "google_meet_redirect", hosts: []string{"meet.google.com"}, path: "/linkredirect", target: param("dest"), certain: true},
	{name: "google_notifications", hosts: []string{"notifications.google.com", "notifications.googleapis.com"}, target: anyParam, certain: true},
	{name: "google_tag_manager", hosts: []string{"googletagmanager.com"}, path: "/debug/", target: param("url"), certain: true},
	{name: "google_user_content", hosts: []string{"googleusercontent.com"}, target: fragmentURL},
	{name: "google_amp", target: googleAMP},
	{name: "google_travel_redirect", path: "/travel/clk", target: onGoogle(param("pcurl"))},
	{name: "google_translate_open_redirect", hosts: []string{"translate.google.com", "translate.googleusercontent.com"}, path: "/translate", target: param("u")},
	{name: "google_translate_open_redirect", hosts: []string{"translate.goog"}, target: translateHost},
	{name: "google_open_redirect", path: "/url", target: onGoogle(param("q", "url"))},
	{name: "href_li", hosts: []string{"href.li"}, target: wholeQuery, certain: true},
	{name: "indeed_open_redirect", hosts: []string{"indeed.com"}, target: anyParam},
	{name: "instagram", hosts: []string{"l.instagram.com"}, target: param("u"), certain: true},
	{name: "yahoo", hosts: []string{"r.search.yahoo.com"}, target: yahoo, certain: true},
	{name: "youtube_set_sid", hosts: []string{"accounts.youtube.com"}, path: "/accounts/SetSID", target: param("continue"), certain: true},
	{name: "appspot", hosts: []string{"appspot.com"}, target: anyParam},

	// Operators that document no format: on their own hosts, a parameter that
	// holds a URL is the target, and without one nothing is claimed.
	{name: "securence", hosts: []string{"securence.com"}, target: anyParam},
	{name: "topsec", hosts: []string{"topsec.com"}, target: anyParam},
	{name: "exclaimer", hosts: []string{"exclaimer.net", "exclaimer.com"}, target: anyParam},
	{name: "sublime", hosts: []string{"sublimesecurity.com"}, target: anyParam},
	{name: "messagegears", hosts: []string{"messagegears.net"}, target: anyParam},
	{name: "ppcprotect", hosts: []string{"ppcprotect.com"}, target: anyParam},
	{name: "pylonlinks", hosts: []string{"pylonlinks.com"}, target: anyParam},
	{name: "sqclick", hosts: []string{"sqclick.com"}, target: anyParam},
	{name: "vtiger", hosts: []string{"vtiger.com"}, target: anyParam},
	{name: "wix", hosts: []string{"shoutout.wix.com", "wixapps.net", "wixemails.com"}, target: anyParam},

	// The sign-in page itself is shown first, so the link leads to Microsoft:
	// it is named, and the target is left alone.
	{name: "microsoft_oauth_redirect", hosts: []string{"login.microsoftonline.com", "login.live.com", "login.windows.net"}, target: opaqueIf(param("redirect_uri", "post_logout_redirect_uri", "wreply"))},

	// Any host.
	{name: "generic_desturl", target: param("desturl", "destinationurl")},
	{name: "generic_logout_redirect", target: logout},
}

// proofpoint undoes URL Defense versions 1 to 3.
func proofpoint(u *mail.URL) string {
	switch {
	case strings.HasPrefix(u.Path, "/v1/"):
		return param("u")(u)
	case strings.HasPrefix(u.Path, "/v2/"):
		for _, v := range u.QueryParamsDecoded["u"] {
			v = strings.NewReplacer("-", "%", "_", "/").Replace(v)
			if t := absolute(unescape(v)); t != "" {
				return t
			}
		}
	case strings.HasPrefix(u.Path, "/v3/__"):
		return proofpointV3(strings.TrimPrefix(u.Path+tail(*u), "/v3/__"))
	}
	return ""
}

// proofpointV3 undoes version 3: "URL__;SAVED!!…". In the URL each "*" stands
// for the next of the saved characters (base64), and "**" with a letter for a
// run of them, A being two long.
func proofpointV3(s string) string {
	const lengths = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	body, rest, found := strings.Cut(s, "__;")
	if !found {
		return ""
	}
	saved, _, _ := strings.Cut(rest, "!")
	raw := decodeBase64(saved)
	chars := []rune(string(raw))
	var b strings.Builder
	for i := 0; i < len(body); i++ {
		if body[i] != '*' {
			b.WriteByte(body[i])
			continue
		}
		n := 1
		if i+2 < len(body) && body[i+1] == '*' {
			if k := strings.IndexByte(lengths, body[i+2]); k >= 0 {
				n, i = k+2, i+2
			}
		}
		n = min(n, len(chars))
		b.WriteString(string(chars[:n]))
		chars = chars[n:]
	}
	t := b.String()
	// Some relays merge the two slashes after the scheme.
	if scheme, after, ok := splitScheme(t); ok && !strings.HasPrefix(after, "//") {
		t = scheme + "://" + strings.TrimLeft(after, "/")
	}
	return absolute(t)
}

// cisco: the target is the last path segment, percent-encoded.
func cisco(u *mail.URL) string {
	for i, seg := range segments(u.Path) {
		if i == 0 {
			continue
		}
		if t := absolute(unescape(seg)); t != "" {
			return t
		}
	}
	return ""
}

// sophos: "u" is the target in base64; "d" its domain.
func sophos(u *mail.URL) string {
	for _, v := range u.QueryParamsDecoded["u"] {
		if t := base64URL(v); t != "" {
			return t
		}
	}
	return ""
}

// checkpoint: the target stands between "___" marks in the path.
func checkpoint(u *mail.URL) string {
	_, after, found := strings.Cut(u.Path+tail(*u), "___")
	if !found {
		return param("url", "u")(u)
	}
	target, _, _ := strings.Cut(after, "___")
	return absolute(unescape(target))
}

// mailgun: the path holds zlib-deflated parameters, one of them the target.
func mailgun(u *mail.URL) string {
	const maxInflated = 64 << 10 // the parameters of one link; more is an attack on the reader
	raw := decodeBase64(strings.TrimPrefix(u.Path, "/c/"))
	z, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		return ""
	}
	defer z.Close()
	text, err := io.ReadAll(io.LimitReader(z, maxInflated))
	if err != nil && len(text) == 0 {
		return ""
	}
	for pair := range strings.SplitSeq(string(text), "&") {
		if _, v, found := strings.Cut(pair, "="); found {
			if t := absolute(unescape(v)); t != "" {
				return t
			}
		}
	}
	return embeddedURL(string(text))
}

// mandrill: "p" is base64 of JSON with another JSON text in its member "p",
// whose "url" is the target.
func mandrill(u *mail.URL) string {
	for _, v := range u.QueryParamsDecoded["p"] {
		var outer struct {
			P string `json:"p"`
		}
		var inner struct {
			URL string `json:"url"`
		}
		if json.Unmarshal(decodeBase64(v), &outer) == nil && json.Unmarshal([]byte(outer.P), &inner) == nil {
			if t := absolute(inner.URL); t != "" {
				return t
			}
		}
	}
	return ""
}

// jsonParam: the target is the first URL in a parameter's JSON text.
func jsonParam(name string) func(u *mail.URL) string {
	return func(u *mail.URL) string {
		for _, v := range u.QueryParamsDecoded[name] {
			if t := embeddedURL(unescape(v)); t != "" {
				return t
			}
		}
		return ""
	}
}

// tokenParam: the target is the first URL in the claims of a JSON Web Token.
func tokenParam(name string) func(u *mail.URL) string {
	return func(u *mail.URL) string {
		for _, v := range u.QueryParamsDecoded[name] {
			parts := strings.Split(v, ".")
			if len(parts) < 2 {
				continue
			}
			if t := embeddedURL(string(decodeBase64(parts[1]))); t != "" {
				return t
			}
		}
		return ""
	}
}

// postmark: "/3s/<host and path, percent-encoded>/…".
func postmark(u *mail.URL) string {
	seg := segments(u.Path)
	if len(seg) < 2 {
		return ""
	}
	return hostURL(unescape(seg[1]))
}

// segmentAfter: the segment after a mark is the target, percent-encoded.
func segmentAfter(mark string) func(u *mail.URL) string {
	return func(u *mail.URL) string {
		seg := segments(u.Path)
		for i := range seg {
			if seg[i] == mark && i+1 < len(seg) {
				return absolute(unescape(seg[i+1]))
			}
		}
		return ""
	}
}

// lastSegment: the last path segment is the target in base64.
func lastSegment(u *mail.URL) string {
	seg := segments(u.Path)
	if len(seg) == 0 {
		return ""
	}
	return base64URL(unescape(seg[len(seg)-1]))
}

// bing: "u" is "a1" and the target in base64.
func bing(u *mail.URL) string {
	for _, v := range u.QueryParamsDecoded["u"] {
		if t := base64URL(strings.TrimPrefix(v, "a1")); t != "" {
			return t
		}
	}
	return ""
}

// doubleclick: adurl, or everything after a question mark that is a URL.
func doubleclick(u *mail.URL) string {
	if t := param("adurl", "ds_dest_url", "url")(u); t != "" {
		return t
	}
	if t := absolute(u.QueryParams); t != "" {
		return t
	}
	return embeddedURL(u.Path)
}

// ampProject: "/c/s/example.test/page"; "s" is for https.
func ampProject(u *mail.URL) string {
	seg := segments(u.Path)
	if len(seg) < 2 {
		return ""
	}
	seg = seg[1:]
	scheme := "http://"
	if seg[0] == "s" {
		scheme, seg = "https://", seg[1:]
	}
	if len(seg) == 0 {
		return ""
	}
	return absolute(scheme + strings.Join(seg, "/") + tail(*u))
}

// googleAMP: "www.google.com/amp/s/example.test/page".
func googleAMP(u *mail.URL) string {
	if !strings.HasPrefix(u.Path, "/amp/") || !isGoogle(u) {
		return ""
	}
	rest, https := strings.CutPrefix(strings.TrimPrefix(u.Path, "/amp/"), "s/")
	scheme := "http://"
	if https {
		scheme = "https://"
	}
	return absolute(scheme + rest + tail(*u))
}

// onGoogle limits a target to the search engine's own hosts.
func onGoogle(target func(u *mail.URL) string) func(u *mail.URL) string {
	return func(u *mail.URL) string {
		if !isGoogle(u) {
			return ""
		}
		return target(u)
	}
}

// isGoogle says whether the host is google.<suffix> or its www, maps, images
// or other service name.
func isGoogle(u *mail.URL) bool { return u.Domain.SLD == "google" }

// translateHost: "a-b--c-test.translate.goog" is a.b-c.test.
func translateHost(u *mail.URL) string {
	label, _, _ := strings.Cut(u.Domain.Domain, ".")
	host := strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(label, "--", "\x00"), "-", "."), "\x00", "-")
	if !mail.NewDomain(host).Valid {
		return ""
	}
	return "https://" + host + u.Path
}

// fragmentURL: the image proxy keeps the target after the number sign.
func fragmentURL(u *mail.URL) string { return absolute(u.Fragment) }

// wholeQuery: the query is the target.
func wholeQuery(u *mail.URL) string { return absolute(unescape(u.QueryParams + fragmentTail(u))) }

func fragmentTail(u *mail.URL) string {
	if u.Fragment == "" {
		return ""
	}
	return "#" + u.Fragment
}

// yahoo: a path segment "RU=<target, percent-encoded>".
func yahoo(u *mail.URL) string {
	for _, seg := range segments(u.Path) {
		if v, found := strings.CutPrefix(seg, "RU="); found {
			return absolute(unescape(v))
		}
	}
	return ""
}

// logout: a sign-out page that sends on to wherever it is told.
func logout(u *mail.URL) string {
	p := strings.ToLower(u.Path)
	if !strings.Contains(p, "logout") && !strings.Contains(p, "signout") && !strings.Contains(p, "logoff") {
		return ""
	}
	return param("redirect", "redirect_uri", "redirect_url", "redirecturl", "returnto", "return_to", "returnurl", "return_url", "continue", "next", "url", "post_logout_redirect_uri", "target", "goto")(u)
}

// opaqueIf names a rewriter when there is a target, without following it: the
// result of the look-up is not a URL, so the link stays as it is.
func opaqueIf(target func(u *mail.URL) string) func(u *mail.URL) string {
	return func(u *mail.URL) string {
		if target(u) == "" {
			return ""
		}
		return u.URL
	}
}

// base64URL decodes base64 text that holds an absolute URL.
func base64URL(s string) string {
	if len(s) < 12 {
		return ""
	}
	return absolute(string(decodeBase64(s)))
}

// decodeBase64 decodes both alphabets, with or without padding; nil when it is
// neither.
func decodeBase64(s string) []byte {
	s = strings.TrimRight(s, "=")
	s = strings.NewReplacer("-", "+", "_", "/", " ", "+").Replace(s)
	raw, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return raw
}

// embeddedURL cuts the first http or https URL out of a text, up to a quote,
// a space or an ampersand between parameters.
func embeddedURL(s string) string {
	i := strings.Index(s, "http")
	if i < 0 {
		return ""
	}
	s = s[i:]
	if j := strings.IndexAny(s, "\"' \\<>\x00\r\n"); j >= 0 {
		s = s[:j]
	}
	return absolute(s)
}
