package link

import (
	"strings"

	"foregate/mail"
)

// The lists of this file are facts that anyone can check by opening the
// services' sites: what they offer under whose name. They are short on
// purpose; operators add their own lists through rules.

// isShortener says whether a host hides targets behind short names that
// anyone can make.
func isShortener(d *mail.Domain) bool {
	switch d.Domain {
	case "bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "v.gd", "buff.ly", "rebrand.ly", "cutt.ly",
		"rb.gy", "t.ly", "shorturl.at", "tiny.cc", "bl.ink", "s.id", "qrco.de", "linktr.ee", "lnkd.in", "soo.gd",
		"short.gy", "tny.im", "shrtco.de", "u.to", "clck.ru", "vk.cc", "urlz.fr", "n9.cl", "acortar.link", "bitly.ws",
		"t2m.io", "adf.ly", "shorte.st", "x.co", "me2.do", "dik.si", "kutt.it", "tr.ee", "2u.pw", "snip.ly",
		"zpr.io", "is.gd", "app.goo.gl", "urly.fi", "lmy.de", "geni.us", "tinu.be", "zurl.ws", "hubs.ly", "bom.so", "short.gd",
		"lihi.cc", "lihi2.cc", "lihi3.cc", "share.google", "search.app", "goo.su", "clk.li", "1url.cz", "zws.im", "ay.live", "grabify.link",
		"l.ead.me", "qr.link", "surl.li", "encurtador.com.br", "ln.run", "lihi1.com", "reurl.cc", "ppt.cc", "p.asia":
		return true
	}
	return strings.HasSuffix(d.Domain, ".app.goo.gl") || d.RootDomain == "page.link" || d.RootDomain == "app.link" || d.RootDomain == "onelink.me"
}

// isFreeHost says whether anyone can publish under the host without owning a
// name: site builders, object stores, form builders, development previews.
func isFreeHost(d *mail.Domain) bool {
	if d.TLD == d.Domain || d.RootDomain == "" {
		return false
	}
	switch d.TLD { // suffixes of the list's private section
	case "github.io", "gitlab.io", "pages.dev", "workers.dev", "r2.dev", "web.app", "firebaseapp.com", "netlify.app",
		"vercel.app", "herokuapp.com", "onrender.com", "fly.dev", "glitch.me", "repl.co", "replit.app", "surge.sh",
		"weebly.com", "weeblysite.com", "wixsite.com", "webflow.io", "blogspot.com", "square.site", "myshopify.com",
		"azurewebsites.net", "blob.core.windows.net", "web.core.windows.net", "cloudapp.net", "azurestaticapps.net",
		"run.app", "appspot.com", "cloudfunctions.net", "000webhostapp.com", "framer.app", "framer.website", "notion.site",
		"translate.goog", "jelastic.dogado.eu", "cloudlets.zone", "b-cdn.net", "giize.com", "dynu.net", "ooguy.com", "gleeze.com", "mywire.org",
		"theworkpc.com", "kozow.com", "loseyourip.com", "webredirect.org", "accesscam.org", "camdvr.org", "casacam.net", "freeddns.org", "serveftp.com",
		"sytes.net", "zapto.org", "myftp.biz", "servehttp.com", "digitaloceanspaces.com", "linodeobjects.com", "cloudfront.net", "azurefd.net",
		"azureedge.net", "trafficmanager.net", "core.windows.net", "vultrobjects.com", "wasabisys.com", "r.worldssl.net", "pythonanywhere.com",
		"streamlit.app", "codesandbox.io", "stackblitz.io", "gitbook.io", "mailchimpsites.com", "canva.site", "my.canva.site", "start.page",
		"trycloudflare.com", "ngrok.io", "ngrok.app", "ngrok-free.app", "duckdns.org", "no-ip.org", "ddns.net",
		"hopto.org", "serveo.net", "backblazeb2.com", "netlify.com", "deno.dev", "edgeone.app", "lovable.app", "bubbleapps.io":
		return true
	}
	switch d.RootDomain {
	case "storage.googleapis.com", "firebasestorage.googleapis.com", "wordpress.com", "godaddysites.com", "jimdosite.com", "jimdofree.com",
		"strikingly.com", "yolasite.com", "webnode.com", "mystrikingly.com", "carrd.co", "typeform.com", "jotform.com", "tumblr.com",
		"formstack.com", "wufoo.com", "cognitoforms.com", "surveymonkey.com", "livejournal.com", "angelfire.com", "tripod.com":
		return true
	}
	switch d.Domain {
	case "sites.google.com", "forms.gle", "docs.google.com", "forms.office.com", "s3.amazonaws.com", "ipfs.io", "dweb.link",
		"cloudflare-ipfs.com", "storage.cloud.google.com", "forms.yandex.com", "forms.yandex.ru", "drive.google.com", "script.google.com", "1drv.ms", "telegra.ph", "gateway.pinata.cloud":
		return true
	}
	return strings.HasSuffix(d.Domain, ".amazonaws.com") && strings.Contains(d.Domain, ".s3")
}

// isTracker says whether a host counts clicks for senders: it is a mailing
// service's, or is named as senders name the host that they give to one.
func isTracker(d *mail.Domain) bool {
	switch d.RootDomain {
	case "list-manage.com", "mailchimp.com", "sendgrid.net", "mandrillapp.com", "mailgun.org", "mjt.lu", "sparkpostmail.com",
		"exacttarget.com", "exct.net", "rs6.net", "constantcontact.com", "cmail19.com", "cmail20.com", "createsend.com",
		"hubspotlinks.com", "hubspotlinksstarter.com", "hs-sites.com", "marketo.com", "mkt.com", "pardot.com", "eloqua.com",
		"en25.com", "responsys.net", "bronto.com", "klclick.com", "klclick1.com", "klaviyomail.com", "awstrack.me",
		"sendinblue.com", "sendibm1.com", "brevo.com", "mailerlite.com", "getresponse.com", "aweber.com", "icontact.com",
		"infusionsoft.com", "customeriomail.com", "postmarkapp.com", "pstmrk.it", "mktomail.com", "salesforce.com",
		"cheetahmail.com", "doubleclick.net", "google.com", "feedburner.com", "dynamics.com", "emlnk.com", "activehosted.com",
		"convertkit-mail.com", "convertkit-mail2.com", "beehiiv.com", "substack.com", "iterable.com", "braze.com", "appboy.com":
		return true
	}
	first, _, _ := strings.Cut(d.Subdomain, ".")
	switch first {
	case "click", "clicks", "link", "links", "track", "tracking", "trk", "email", "e", "em", "t", "go", "ct", "url", "r", "l", "elink", "clk", "lnk", "news", "newsletter":
		return true
	}
	return false
}

// isPictureHost says whether anyone can put pictures under the host to show
// them elsewhere: a company shows its logo from a server of its own.
func isPictureHost(d *mail.Domain) bool {
	switch d.RootDomain {
	case "imgur.com", "zupimages.net", "twimg.com", "gyazo.com", "imgbox.com", "ibb.co", "imgbb.com", "postimg.cc", "postimg.org",
		"postimages.org", "imgchest.com", "imageshack.com", "photobucket.com", "tinypic.com", "imageban.ru", "radikal.ru", "fastpic.org",
		"fbcdn.net", "pinimg.com", "discordapp.com", "discordapp.net", "wikimedia.org", "casimages.com", "hizliresim.com", "imgsupload.com",
		"freeimage.host", "lensdump.com", "prnt.sc", "prntscr.com", "flickr.com", "staticflickr.com", "giphy.com", "tenor.com",
		"seeklogo.com", "1000logos.net", "logos-world.net", "logowik.com", "cryptologos.cc", "freepnglogos.com", "cleanpng.com",
		"pngimg.com", "toppng.com", "brandslogos.com", "vectorlogo.zone", "worldvectorlogo.com", "logodownload.org", "logosmarcas.net":
		return true
	}
	switch d.Domain {
	case "blogger.googleusercontent.com", "lh3.googleusercontent.com", "encrypted-tbn0.gstatic.com", "graph.facebook.com", "firebasestorage.googleapis.com":
		return true
	}
	return false
}

// isMessenger says whether a host opens a talk with a stranger on a messenger.
func isMessenger(d *mail.Domain) bool {
	switch d.RootDomain {
	case "t.me", "telegram.me", "telegram.dog", "wa.me", "wa.link", "m.me", "line.me", "signal.me":
		return true
	}
	return d.Domain == "api.whatsapp.com" || d.Domain == "chat.whatsapp.com"
}

// isCommon says whether everybody's messages lead there for a reason of no
// weight: social media, shops of programs, services of the message's own maker.
func isCommon(d *mail.Domain) bool {
	switch d.RootDomain {
	case "facebook.com", "twitter.com", "x.com", "instagram.com", "linkedin.com", "youtube.com", "youtu.be", "pinterest.com", "tiktok.com",
		"apple.com", "play.google.com", "w3.org", "threads.net", "snapchat.com", "reddit.com", "xing.com", "vimeo.com", "spotify.com":
		return true
	}
	return d.Domain == "play.google.com" || d.Domain == "maps.google.com" || d.Domain == "g.page"
}

// isExecutablePath says whether a path ends in a file that runs on a click.
func isExecutablePath(path string) bool {
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 || len(path)-dot > 6 {
		return false
	}
	switch strings.ToLower(path[dot+1:]) {
	case "exe", "scr", "msi", "bat", "cmd", "js", "jse", "vbs", "vbe", "wsf", "hta", "lnk", "iso", "img", "vhd", "pif",
		"cpl", "apk", "appx", "msix", "ps1", "jar", "rar", "7z", "zip", "cab", "ace", "one", "xll", "iqy", "settingcontent-ms":
		return true
	}
	return false
}
