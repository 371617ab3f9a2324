package domain

import "strings"

// owners lists, a line for each owner of names that are imitated a lot, other
// domains of the same owner that carry the name, from the owners' own public
// pages, documentation and certificates. A star stands for the suffixes of
// countries; "sparkasse-*.de" names members of a federation. The first domain is
// the one that a watch list usually gives. Who protects one domain of a line
// protects all.
const owners = `
google.com gmail.com googlemail.com googleapis.com googleusercontent.com googlevideo.com googleblog.com googlesource.com googletagmanager.com googletagservices.com googlesyndication.com googleadservices.com google-analytics.com googlegroups.com googlecode.com googledrive.com googledomains.com googlefiber.net googlebot.com googleweblight.com googleoptimize.com googlecommerce.com googlezip.net withgoogle.com thinkwithgoogle.com googleplay.com googleearth.com googlemaps.com googlehosted.com googlecloud.com google.org google.net google.dev google.cat google.ml google.ga google.cf google.tk google.ws google.to google.la google.sh google.nu google.gg google.im google.so google.st google.mn google.ms google.tl google.fm google.am googlesciencefair.com google.* googleapis.cn googleblog.* googlechrome.com googleartproject.com googlelabs.com googlepages.com googlestore.com googleworkspace.com googlevoice.com
microsoft.com microsoftonline.com microsoftonline-p.com onmicrosoft.com microsoftstore.com microsoftteams.com microsoftedge.com microsoftstream.com microsofttranslator.com microsoftazuread-sso.com microsoftstart.com microsoft365.com office.com office365.com office.net outlook.com outlookmobile.com hotmail.com live.com onedrive.com sharepoint.com sharepointonline.com s-microsoft.com microsoftusercontent.com skype.com azure.com msn.com windows.com microsoft.net microsoft.us microsoftazure.us microsoftcrmportals.com microsoftedgeinsider.com microsoftvirtualacademy.com microsoftemail.com microsoftcloudapp.com microsoftonline.us microsoftcloud.com
apple.com icloud.com icloud-content.com appleid.com applemusic.com apple-cloudkit.com apple-dns.net apple-mapkit.com apple-livephotoskit.com applemediaservices.com apple.news itunes.com me.com
amazon.com amazon.co.jp amazonaws.com amazonaws.com.cn amazonaws.cn amazon-adsystem.com amazonses.com amazoncognito.com amazonvideo.com amazonpay.com amazonpay.in amazontrust.com amazonwebservices.com amazonservices.com ssl-images-amazon.com media-amazon.com images-amazon.com payments-amazon.com assoc-amazon.com amazonalexa.com amazongames.com amazonworkspaces.com amazonworkdocs.com amazonworkmail.com amazonbrowserapp.com amazoncrl.com amazonlogistics.com amazonsupply.com amazonlocal.com amazonsellerservices.com amazonappstream.com amazonsilk.com amazonlinux.com amazon-dss.com aboutamazon.com amazon.jobs amazoncareerchoice.com amazonbusiness.com amazonstudios.com amazonfresh.com amazonmusic.com amazonprime.com amazondelivers.jobs amazonforum.com
facebook.com facebookmail.com facebook.net thefacebook.com facebookbrand.com facebookcareers.com meta.com messenger.com facebookdevelopers.com facebookstories.com facebook-studio.com facebookblueprint.com facebookrecruiting.com facebook-hardware.com
instagram.com cdninstagram.com instagram-brand.com
whatsapp.com whatsapp.net whatsappbrand.com whatsapp.biz
paypal.com paypalobjects.com paypal-community.com paypal-media.com paypal-corp.com paypal-prepaid.com paypal-knowledge.com paypal-marketing.com paypal-dynamic.com paypalinc.com paypalcorp.com paypal-customerfeedback.com
netflix.com netflixstudios.com netflixinvestor.com netflix.net
steampowered.com steamcommunity.com steamstatic.com steamcontent.com steamusercontent.com steamgames.com steamserver.net steamchina.com steam-chat.com steam-api.com steamdeck.com steam.tv
discord.com discordapp.com discordapp.net discord.gg discord.media discordstatus.com discordmerch.com discordsays.com discord.dev discord.new
telegram.org telegram.me telegram.dog telegram-cdn.org cdn-telegram.org
tiktok.com tiktokcdn.com tiktokcdn-us.com tiktokcdn-eu.com tiktokv.com tiktokv.us tiktokv.eu tiktokw.us tiktokw.eu tiktok-row.net tiktok-row.org tiktok-us.net tiktokshop.com tiktokglobalshop.com tiktokmusic.com tiktokeu-cdn.com tiktokcdn-row.com tiktokv-eu.com tiktokglobalshopv.com tiktokglobalshopv.us tiktokpangle-b.us tiktokpangle.us tiktokminis.us tiktokglobalselling.com tiktokinc.com tiktokpangle.com
rakuten.co.jp rakuten.com rakuten.ne.jp rakuten-static.com rakutenmarketing.com rakutenadvertising.com rakuten-bank.co.jp rakuten-it.com rakuten.net rakuten.tv rakuten-sec.net rakuten-drive.com rakuten-wallet.co.jp rakutenkobo.com rakutentv.com rakutenviki.com
adobe.com adobe.io adobe.net adobelogin.com adobedtm.com adobess.com adobecc.com adobeconnect.com adobesign.com adobedc.net adobe-campaign.com adobe-identity.com adobeexchange.com adobestock.com adobeaemcloud.com adobecqms.net adobejanus.com adobeprojectm.com adobespark.com adobesc.com adobedemo.com adobepass.com adobeoobe.com adobegov.com adobeku.com adobe-aemassets.com adobegenuine.com adobemc.com adobepress.com adobeawards.com
disneyplus.com disney.com disney-plus.net disneystore.com disneystore.* shopdisney.com disneystreaming.com disneyworld.com disneyland.com disneylandparis.com disneynow.com disneychannel.* disneylatino.com disneymovieinsiders.com disneymoviesanywhere.com rundisney.com disneyrewards.com disneyjunior.com disneybaby.com disneyinternational.com disneytermsofuse.com disneyprivacycenter.com disneycruise.com disneyparks.com thewaltdisneycompany.com disneyadvertising.com disneydining.com disneytravelagents.com shanghaidisneyresort.com.cn shanghaidisneyresort.com
walmart.com walmartimages.com walmartstores.com walmartone.com walmartlabs.com walmartmoneycard.com walmartcontacts.com walmartbenefits.com walmartethics.com walmart.org walmartconnect.com walmartapis.com walmartphotos.com walmartfinancialservices.ca walmartchecks.com walmartgiftcards.com walmartmexico.com walmartrewardsmc.ca walmartcanada.ca
twitter.com x.com twitterflightschool.com twittercommunity.com twitterinc.com
cloudflare.com cloudflare.net cloudflare-dns.com cloudflareinsights.com cloudflareaccess.com cloudflarestream.com cloudflareclient.com cloudflareworkers.com cloudflare-ipfs.com cloudflaressl.com cloudflarestatus.com cloudflareportal.com cloudflareapps.com cloudflarestorage.com cloudflare-gateway.com cloudflare-quic.com cloudflareresolve.com cloudflarepreview.com cloudflare.tv cloudflare.dev
yahoo.com yahoo.net yahooapis.com yahoodns.net yahoomail.com yahooinc.com yahoo-inc.com yahoosandbox.com yahoosmallbusiness.com
ebay.com ebayimg.com ebaystatic.com ebayinc.com ebaydesc.com ebaymainstreet.com ebaypartnernetwork.com ebaycdn.net ebay-kleinanzeigen.de ebay-us.com
spotify.com spotifycdn.com spotifycdn.net byspotify.com spotifyforbrands.com spotifyforvendors.com spotifyjobs.com spotifycodes.com spotifycharts.com spotify.net spotifyartists.com
dropbox.com dropboxusercontent.com dropboxstatic.com dropboxapi.com dropboxforum.com dropboxmail.com getdropbox.com dropboxbusiness.com dropboxpartners.com dropbox-dns.com dropbox.tech dropboxinsiders.com
docusign.com docusign.net
github.com github.io githubusercontent.com githubassets.com github.dev githubapp.com githubstatus.com github.blog github.community githubcopilot.com
linkedin.com linkedin-ei.com linkedin.cn linkedinmobileapp.com linkedin-event.com
airbnb.com withairbnb.com airbnbmail.com airbnbcitizen.com airbnb-aws.com
booking.com bookingholdings.com booking.cn
zoom.us zoom.com zoomgov.com zoom.com.cn
verizon.com verizonwireless.com verizonenterprise.com verizonbusiness.com verizonmedia.com verizonconnect.com verizon.net
santander.com santanderbank.com santanderrio.com.ar santandertrade.com gruposantander.com gruposantander.es santanderconsumer.com santanderconsumer.de santandertotta.pt santanderempresarial.com.br santanderfinanciamentos.com.br santandernetibe.com.br santandercdi.com santandermailing.com santander.de
bbva.com bbvanet.* bbvaresearch.com bbvaopenmind.com bbvausa.com bbvacompass.com bbvanetoffice.com
citi.com citibank.* citibankonline.com citigroup.com citicards.com citidirect.com citivelocity.com citiprivatebank.com
unicredit.it unicreditgroup.eu unicreditbank.* unicreditbulbank.bg unicreditgroup.* unicreditbanking.*
raiffeisen.ch raiffeisenbank.* raiffeisendirect.ch raiffeisen-*.ch raiffeisen-*.at raiffeisen-*.de
sparkasse.de sparkasse-*.de
hsbc.com hsbcnet.com hsbcprivatebank.com hsbcinnovationbanking.com
ing.com ing.nl ing.de ingbank.* ingdirect.* ingbusiness.*
lloydsbank.com lloydsbankinggroup.com lloydsbankbusiness.com lloydsbankcommercial.com lloydstsb.com lloydsbank.co.uk
barclays.co.uk barclays.com barclaysus.com barclayscorporate.com barclaycard.co.uk
visa.com visaeurope.com verifiedbyvisa.com visacheckout.com visaonline.com
wellsfargo.com wellsfargoadvisors.com wellsfargojobs.com wellsfargomedia.com
capitalone.com capitalone360.com capitaloneshopping.com capitalonebank.com capitaloneoffers.com capitalonecareers.com capitalonecardservice.ca capitalonetravel.com
americanexpress.com amex.com amexgiftcard.com amexgbt.com amexglobalbusinesstravel.com americanexpressindia.co.in americanexpressfhr.com
dhl.com dhl.de dhl-usa.com dhlparcel.* dhlglobalmail.com dhlecommerce.* dhlecs.com
fedex.com fedexsameday.com fedexcares.com
ups.com theupsstore.com upsers.com ups-scs.com upsfreight.com
usps.com uspsinformeddelivery.com
gls-group.com gls-group.eu gls-italy.com gls-pakete.de gls-us.com gls-czech.com gls-poland.com gls-spain.es
binance.com binance.us binance.org binance.info binance.vision
vodafone.com vodafoneidea.com myvodafone.* vodafoneziggo.nl vodafoneinnovus.com vodafone-*.de
orange.fr orange.com orange-business.com orangebank.fr
docomo.ne.jp nttdocomo.co.jp nttdocomo.com docomo-cycle.jp mydocomo.com
smbc-card.com smbc.co.jp smbcgroup.com smbcnikko.co.jp
t-mobile.com telekom.com t-mobilebankowe.pl
itau.com.br itau.com itaucard.com.br bancoitau.com.br itauseguros.com.br itautrade.com.br itauunibanco.com.br itauinvestnet.com.br itaubba.com itauprivatebank.com
bradesco.com.br bradescoseguros.com.br bradescocartoes.com.br bradescoprevidencia.com.br bradescopessoajuridica.com.br bradescopromotora.com.br bradescoimoveis.com.br bradescopj.com.br bradescofinanciamentos.com.br bradescosaude.com.br
allegro.pl allegroimg.com allegrostatic.com allegrolokalnie.pl allegrosandbox.pl allegrodev.com
roblox.com robloxlabs.com
royalmail.com royalmailgroup.com
natwest.com natwestgroup.com natwestinternational.com
bnpparibas.com bnpparibas.fr bnpparibasfortis.be bnpparibascardif.com mabanque.bnpparibas bnpparibasfortis.com bnpparibas-am.com
mercari.com mercari.jp mercari-shops.com
aeon.co.jp aeon.com aeon.info aeonbank.co.jp aeoncinema.com aeoncredit.com aeonmall.com
softbank.jp softbankhawks.co.jp softbank.co.jp
jcb.co.jp jcb.jp jcb-card.jp
intesasanpaolo.com bancaintesa.rs bancaintesa.ru
rabobank.nl rabobank.com rabobankamerica.com
att.com att.net att-mail.com
saisoncard.co.jp saison-am.co.jp saisoncard-international.com
jpmorgan.com jpmorganchase.com chase.com
xfinity.com comcast.net xfinityhome.com xfinitytv.com
opensea.io
mastercard.com mastercard.us gomastercard.com.au
bybit.com bybitglobal.com bybit-aws.com
mercadolivre.com.br mercadolibre.* mercadolivre.com mercadopago.*
westpac.com.au westpac.co.nz westpacgroup.com.au
barclaysstockbrokers.co.uk barclays.co.uk
credit-agricole.fr credit-agricole.com credit-agricole.it credit-agricole.pl ca-*.fr
deutsche-bank.de db.com deutsche-bank.* deutschebank.*
postbank.de postbank.*
commerzbank.de commerzbanking.de
intesasanpaolo.com intesasanpaolo.*
verizon.com verizoninsider.com
openai.com chatgpt.com
shopify.com myshopify.com shopifycdn.com
atlassian.com atlassian.net
salesforce.com salesforceliveagent.com
oracle.com oraclecloud.com
samsung.com samsungcloud.com samsungapps.com samsungelectronics.com
huawei.com huaweicloud.com
alibaba.com alibabacloud.com alibabagroup.com alibaba-inc.com
mailchimp.com mailchimpapp.net mailchimpapp.com
sendgrid.com sendgrid.net
klarna.com klarnacdn.net klarnaservices.com
revolut.com revolut.me
stripe.com stripe.network stripecdn.com stripeassets.com
squarespace.com squarespace-mail.com
wordpress.com wordpress.org
linode.com linodeobjects.com
digitalocean.com digitaloceanspaces.com
fastly.com fastly.net fastlylb.net
akamai.com akamai.net akamaized.net akamaihd.net akamaiedge.net akamaitechnologies.com
`

// member is a pattern of a federation's domains: prefix, anything, suffix.
type member struct{ prefix, suffix string }

// namesakes are names of other well-known houses that resemble a name people
// imitate: a company, paper or product of its own, not a typing error.
const namesakes = `
deutschebahn telegraaf telegraf telegraph citic citicbank icici icicibank banesco tesco dfinity
stripo yousign indrive opendrive overdrive odrive voipfone metabase swisscows telerama combank cimbbank corpbank bitbank
citilink citylink postman podbank documo airtel linktree linkin instapaper instacart facetune faceit openstreetmap
revolution microstrategy micron microchip macromedia chasse barclay barnes githost bithub binary finance finances
amazonia amazonas wisely wiseman appleton applebee applebees orangetheory orangeburg stripes steamboat steampunk
allegra allegria krakow ledgers phantoms coinbene coingecko coindesk coinmarketcap uniswapper ebates embay
netbanx paypoint payplug payhip payoneer paysafe mastercam masterchef ameritas amelia camelia melia adidas abode
booklog bookings boeing bing king ping sling ring uber ubereats opera operator samsonite lenovo nokia nikon nike
vodacom vimeo viber line fiverr fedora skype sky
`

// ownerLines indexes the lines of owners by the domains on them.
func ownerLines() map[string][]string {
	index := make(map[string][]string)
	for line := range strings.Lines(owners) {
		for d := range strings.FieldsSeq(line) {
			index[d] = append(index[d], line)
		}
	}
	return index
}
