package weburl

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foregate/mail"
)

// b64 encodes without padding in the URL alphabet.
func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// deflated is what Mailgun puts into its paths.
func deflated(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}

// The target of every example.
const page = "https://www.example.test/login?a=1&b=2"

func TestUnwrap(t *testing.T) {
	esc := url.QueryEscape(page)
	for _, tc := range []struct{ name, in, want string }{
		{"azure_safelink", "https://eur01.safelinks.protection.outlook.com/?url=" + esc + "&data=05%7C02&sdata=x&reserved=0", page},
		{"azure_safelink", "https://nam02.safelinks.protection.outlook.com/ap/t-1/?url=" + esc, page},
		{"microsoft", "https://statics.teams.cdn.office.net/evergreen-assets/safelinks/1/atp-safelinks.html?url=" + esc + "&locale=en-us", page},
		{"proofpoint", "https://urldefense.proofpoint.com/v1/url?u=" + esc + "&k=x%0A", page},
		{"proofpoint", "https://urldefense.proofpoint.com/v2/url?u=https-3A__www.example.test_login-3Fa-3D1-26b-3D2&d=DwMFaQ&c=x&r=y", page},
		{"proofpoint", "https://urldefense.com/v3/__https://www.example.test/login?a=1&b=2__;!!AbC!xyz$", page},
		{"proofpoint", "https://urldefense.com/v3/__https:/www.example.test/a*b__;Iw!!AbC!x$ ", "https://www.example.test/a#b"},
		{"proofpoint", "https://urldefense.us/v3/__https://www.example.test/a**Bc*__;" + b64("üöäé") + "!!AbC!x$", "https://www.example.test/aüöäcé"},
		{"barracuda", "https://linkprotect.cudasvc.com/url?a=" + esc + "&c=E,1,x&typo=1", page},
		{"cisco", "https://secure-web.cisco.com/1AbC-def_123/" + url.PathEscape(page), page},
		{"sophos", "https://eu-west-1.protection.sophos.com/?d=example.test&u=" + base64.StdEncoding.EncodeToString([]byte(page)) + "&i=x&t=y", page},
		{"trend_micro", "https://imsva91-ctp.trendmicro.com:443/wis/clicktime/v1/query?url=" + esc + "&umid=x", page},
		{"fireeye", "https://protect2.fireeye.com/v1/url?k=1-2&q=1&e=2&u=" + esc, page},
		{"checkpoint", "https://protect.checkpoint.com/v2/___" + page + "___.YXA0OmE6bw", page},
		{"checkpoint", "https://protect.checkpoint.com/v2/r01/___https:/www.example.test/login?a=1&b=2___.YXA0OmE6bw", page},
		{"edgepilot", "https://link.edgepilot.com/s/1a2b/x_y-z?u=" + esc, page},
		{"esvalabs", "https://urlsand.esvalabs.com/?u=" + esc + "&e=1a2b&h=3c4d&f=y&p=y", page},
		{"fortimail", "https://mx.gate.example.org/fmlurlsvc/?fewReq=:B:x&url=" + esc, page},
		{"titanhq", "https://linklock.titanhq.com/analyse?url=" + esc + "&data=x", page},
		{"deref_mail", "https://deref-gmx.net/mail/client/a-b/dereferrer/?redirectUrl=" + esc, page},
		{"adobe", "https://t-info.mail.adobe.com/r/?id=h1,2,3&p1=" + esc, page},
		{"aws_ses", "https://a1.r.eu-west-1.awstrack.me/L0/" + strings.ReplaceAll(esc, "+", "%20") + "/1/0100-x/y=1", page},
		{"convertkit", "https://click.convertkit-mail2.com/abc/def/" + b64(page), page},
		{"exactag", "https://m.exactag.com/cl.aspx?tc=1&url=" + esc, page},
		{"go_acoustic", "https://links.news.example.org/ctt?m=1&r=2&kx=1&kd=" + esc, page},
		{"mailgun", "https://email.news.example.org/c/" + deflated(t, "h=abc&l="+esc+"&r=x"), page},
		{"mailjet", "https://x1.mjt.lu/lnk/AAA/BBB/1/CCC/" + b64(page), page},
		{"mandrill", "https://mandrillapp.com/track/click/123/www.example.test?p=" + b64(`{"s":"x","v":1,"p":"{\"u\":1,\"v\":1,\"url\":\"https:\\\/\\\/www.example.test\\\/login?a=1&b=2\"}"}`), page},
		{"microsoft_dynamics", "https://public-eur.mkt.dynamics.com/api/orgs/1/r/2?target=" + url.QueryEscape(`{"TargetUrl":"`+esc+`","RedirectOptions":{}}`), page},
		{"monday_tracker", "https://trackingservice.monday.com/tracker/link?token=x." + b64(`{"originalUrl":"`+page+`"}`) + ".y", page},
		{"postmark", "https://click.pstmrk.it/3s/www.example.com%2Flogin%3Fa=1/aBc/dEf/gHi", "https://www.example.com/login?a=1"},
		{"squarespace", "https://engage.squarespace-mail.com/r?m=1&u=" + esc + "&w=2", page},
		{"bing_open_redirect", "https://www.bing.com/ck/a?!&&p=1&u=a1" + b64(page) + "&ntb=1", page},
		{"branch_io", "https://x1.app.link/?$fallback_url=" + esc, page},
		{"doubleclick", "https://adclick.g.doubleclick.net/pcs/click?x=1&adurl=" + esc, page},
		{"facebook", "https://l.facebook.com/l.php?u=" + esc + "&h=x", page},
		{"google_adservices", "https://www.googleadservices.com/pagead/aclk?sa=L&ai=x&adurl=" + esc, page},
		{"google_amp", "https://www.google.co.uk/amp/s/www.example.test/login?a=1&b=2", page},
		{"google_amp_project", "https://www-example-test.cdn.ampproject.org/c/s/www.example.test/login?a=1&b=2", page},
		{"google_meet_redirect", "https://meet.google.com/linkredirect?authuser=0&dest=" + esc, page},
		{"google_tag_manager", "https://www.googletagmanager.com/debug/clearcookies?url=" + esc, page},
		{"google_user_content", "https://ci3.googleusercontent.com/proxy/abc=s0-d-e1-ft#" + page, page},
		{"google_travel_redirect", "https://www.google.com/travel/clk?pc=x&pcurl=" + esc, page},
		{"google_translate_open_redirect", "https://translate.google.com/translate?sl=auto&tl=en&u=" + esc, page},
		{"google_translate_open_redirect", "https://my--shop-example-com.translate.goog/login?_x_tr_sl=auto", "https://my-shop.example.com/login"},
		{"google_open_redirect", "https://www.google.de/url?sa=t&q=" + esc, page},
		{"google_open_redirect", "https://maps.google.com/url?url=" + esc, page},
		{"href_li", "https://href.li/?" + page, page},
		{"indeed_open_redirect", "https://t.indeed.com/r/x?target=" + esc, page},
		{"instagram", "https://l.instagram.com/?u=" + esc + "&e=x", page},
		{"yahoo", "https://r.search.yahoo.com/_ylt=x/RV=2/RE=1/RO=10/RU=" + url.PathEscape(page) + "/RK=2/RS=x", page},
		{"youtube_set_sid", "https://accounts.youtube.com/accounts/SetSID?ssdc=1&continue=" + esc, page},
		{"appspot", "https://x1.uc.r.appspot.com/r?to=" + esc, page},
		{"exclaimer", "https://click.exclaimer.net/x?y=1&to=" + esc, page},
		{"generic_desturl", "https://shop.example.org/track?DestURL=" + esc, page},
		{"generic_logout_redirect", "https://sso.example.org/oidc/logout?returnTo=" + esc, page},
	} {
		u, ok := Parse(tc.in)
		if !ok {
			t.Errorf("%s: %q does not parse", tc.name, tc.in)
			continue
		}
		got := Unwrap(u)
		want := &mail.Rewrite{Original: u.URL, Encoders: []string{tc.name}}
		if diff := cmp.Diff(want, got.Rewrite); diff != "" || got.URL != tc.want {
			t.Errorf("%s: %q\n gives %q, want %q (-want +got):\n%s", tc.name, tc.in, got.URL, tc.want, diff)
		}
	}
}

// TestUnwrapOpaque: rewriters that keep their target are named, and the link
// stays.
func TestUnwrapOpaque(t *testing.T) {
	for in, name := range map[string]string{
		"https://shared.outlook.inky.com/link?domain=www.example.test&t=h.eJx":                                 "inky",
		"https://linkprotect.cudasvc.com/url?a=gone":                                                           "barracuda",
		"https://protect.checkpoint.com/v2/r01/___myyux://yjxy___.x":                                           "checkpoint",
		"https://notifications.google.com/g/p/ABC":                                                             "google_notifications",
		"https://public-eur.mkt.dynamics.com/api/orgs/1/r/2":                                                   "microsoft_dynamics",
		"https://login.microsoftonline.com/common/oauth2/v2.0/authorize?redirect_uri=" + url.QueryEscape(page): "microsoft_oauth_redirect",
	} {
		u, _ := Parse(in)
		got := Unwrap(u)
		if got.URL != u.URL || got.Rewrite == nil || !slices.Equal(got.Rewrite.Encoders, []string{name}) {
			t.Errorf("Unwrap(%q) = %q %+v, want itself by %s", in, got.URL, got.Rewrite, name)
		}
	}
}

// TestUnwrapNot: links that only look a little like rewriters'.
func TestUnwrapNot(t *testing.T) {
	for _, in := range []string{
		page, "https://notsafelinks.protection.outlook.com.example.org/?url=https%3A%2F%2Fx.example.com",
		"https://google.example.org/url?q=https%3A%2F%2Fx.example.com", "https://www.google.com/search?q=https%3A%2F%2Fx.example.com",
		"https://email.example.org/c/eJust-a-path", "https://www.indeed.com/jobs?q=go", "https://example.org/logout", "mailto:a@example.com",
		"http://192.0.2.1/url?q=https%3A%2F%2Fx.example.com",
	} {
		u, _ := Parse(in)
		if got := Unwrap(u); got.Rewrite != nil || got.URL != u.URL {
			t.Errorf("Unwrap(%q) = %q %+v, want it unchanged", in, got.URL, got.Rewrite)
		}
	}
}

func TestUnwrapNested(t *testing.T) {
	in := "https://www.google.com/url?q=" + url.QueryEscape(page)
	in = "https://linkprotect.cudasvc.com/url?a=" + url.QueryEscape(in)
	in = "https://eur01.safelinks.protection.outlook.com/?url=" + url.QueryEscape(in)
	u, _ := Parse(in)
	got := Unwrap(u)
	want := mail.Rewrite{Original: u.URL, Encoders: []string{"azure_safelink", "barracuda", "google_open_redirect"}}
	if diff := cmp.Diff(&want, got.Rewrite); diff != "" || got.URL != page {
		t.Errorf("nested rewriters give %q (-want +got):\n%s", got.URL, diff)
	}
	deep := page
	for range 3 * maxUnwrap {
		deep = "https://href.li/?" + deep
	}
	u, _ = Parse(deep)
	if got := Unwrap(u); len(got.Rewrite.Encoders) != maxUnwrap {
		t.Errorf("%d rewriters undone, want the bound of %d", len(got.Rewrite.Encoders), maxUnwrap)
	}
}

func TestHint(t *testing.T) {
	for in, want := range map[string][2]string{
		"https://protect-eu.mimecast.com/s/AbC123?domain=www.example.com":       {"mimecast", "www.example.com"},
		"https://url.uk.m.mimecastprotect.com/s/AbC?domain=example.org":         {"mimecast", "example.org"},
		"https://protect-us.mimecast.com/r/AbC123":                              {"mimecast", ""},
		"https://shared.outlook.inky.com/link?domain=example.com&t=x":           {"inky", "example.com"},
		"https://url.emailprotection.link/?bAbC":                                {"proofpoint_essentials", ""},
		"https://clicktime.symantec.com/abc?u=https%3A%2F%2Fwww.example.com%2F": {"symantec", "www.example.com"},
		"https://www.mimecast.com/products?domain=example.com":                  {"", ""},
		"https://example.com/?domain=example.org":                               {"", ""},
	} {
		u, _ := Parse(in)
		if name, d := Hint(u); name != want[0] || d != want[1] {
			t.Errorf("Hint(%q) = %q, %q, want %q", in, name, d, want)
		}
	}
}

// published are the names that the Message Data Model has for rewriters.
const published = "adobe,appspot,aws_ses,azurecomm,azure_safelink,barracuda,bing_open_redirect,branch_io,checkpoint,cisco,cloudflare,convertkit,deref_mail,doubleclick,edgepilot,esvalabs,exactag,exclaimer,facebook,fireeye,fortimail,generic_desturl,generic_logout_redirect,go_acoustic,google_amp,google_amp_project,google_adservices,google_meet_redirect,google_notifications,google_open_redirect,google_tag_manager,google_travel_redirect,google_translate_open_redirect,google_user_content,href_li,indeed_open_redirect,inky,instagram,mailgun,mailjet,mandrill,messagegears,microsoft,microsoft_dynamics,microsoft_oauth_redirect,monday_tracker,postmark,ppcprotect,proofpoint,pylonlinks,securence,sophos,sqclick,squarespace,sublime,titanhq,topsec,trend_micro,vtiger,wix,yahoo,youtube_set_sid"

// TestRewriterNames: every rewriter has a published name and every published
// name but one a rewriter.
func TestRewriterNames(t *testing.T) {
	names := strings.Split(published, ",")
	seen := map[string]bool{}
	for _, r := range rewriters() {
		if !slices.Contains(names, r.name) {
			t.Errorf("%q is not a published name", r.name)
		}
		seen[r.name] = true
	}
	for _, n := range names {
		if !seen[n] && n != "cloudflare" { // its links are not documented
			t.Errorf("nothing undoes %q", n)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	for _, s := range []string{
		"https://urldefense.com/v3/__https://a.example/**A*__;Iw!!x!y$", "https://urldefense.proofpoint.com/v2/url?u=https-3A__a.example_",
		"https://x.mjt.lu/lnk/a/b/" + b64(page), "https://email.example.org/c/" + deflated(f, "l="+page),
		"https://mandrillapp.com/track/click/1/a?p=" + b64(`{"p":"{}"}`), "https://href.li/?https://href.li/?https://href.li/?",
		"https://a--b-c.translate.goog/", "https://www.google.com/amp/s/a", "https://r.search.yahoo.com/RU=https%3a%2f%2fa.example/",
		"https://a.b.cdn.ampproject.org/c/s", "https://secure-web.cisco.com/x/https%3A%2F%2Fa.example",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u, _ := Parse(s)
		got := Unwrap(u)
		if got.Rewrite != nil && (len(got.Rewrite.Encoders) == 0 || len(got.Rewrite.Encoders) > maxUnwrap || got.Rewrite.Original != u.URL) {
			t.Errorf("Unwrap(%q) has a bad trace: %+v", s, got.Rewrite)
		}
		Hint(u)
	})
}

func BenchmarkUnwrap(b *testing.B) {
	for name, s := range map[string]string{"none": page, "safelink": "https://eur01.safelinks.protection.outlook.com/?url=" + url.QueryEscape(page) + "&data=x"} {
		u, _ := Parse(s)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Unwrap(u)
			}
		})
	}
}
