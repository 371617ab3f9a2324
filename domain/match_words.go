package domain

import "strings"

// wordSet splits a list of words.
func wordSet(list string) map[string]struct{} {
	set := make(map[string]struct{})
	for w := range strings.FieldsSeq(list) {
		set[w] = struct{}{}
	}
	return set
}

// maxLure is the length of the longest lure word.
const maxLure = 16

// lureWords are what imitators put beside a name: what a person is asked to
// do, the service that asks, and the countries it says to be for. Words of one
// or two letters fill gaps but lure nobody by themselves.
const lureWords = `
login logon signin signon signup log sign auth oauth sso mfa otp token authenticate authentication authorize
authorise authorization register registration enroll session access account accounts acct profile user users
member members client clients customer customers my mein meine mon mio mia moj minha tu your our
secure secured security safe safety protect protection verify verified verification verifying validate validation
confirm confirmation identity identification kyc check checking review update updates updated updating upgrade
renew renewal restore recovery recover reset unlock unlocked unblock reactivate reactivation activate activation
activated suspended suspension locked limited blocked expired alert alerts notice notification notifications notify
warning urgent important message messages inbox mail email webmail mailbox support help helpdesk helpcenter service
services servicing center centre desk team care contact info information online web website site page pages portal
app apps application mobile android ios pc desktop download downloads install setup cloud drive file files
document documents docs doc share shared sharing storage backup sync meeting meetings call chat group groups channel
pay payment payments payer paid paying bill billing bills invoice invoices receipt refund refunds rebate claim claims
cash money bank banking banks netbanking ebanking ebank card cards credit debit loan loans transfer transaction
transactions deposit withdraw withdrawal wallet wallets coin coins tokens crypto airdrop airdrops swap stake
staking nft mint exchange trade trading invest investment bonus reward rewards gift gifts giftcard promo promotion
promotions offer offers deal deals win winner prize lucky free vip pro plus premium prime gold event events campaign
delivery deliver delivering redelivery parcel parcels package packages pack shipment shipping ship track tracking
tracker express post postal mailing courier customs logistics order orders purchase shop shopping store stores market
sale sales tax taxes fine fines toll tolls ticket tickets fee fees gov govt government official officials global
international world worldwide usa america europe asia business corp corporate company inc ltd group hq admin
administrator staff employee employees hr payroll office manage manager management panel dashboard console system
network net com org home link links url redirect go get new news now today real true original direct start connect
connection connected integration bot support24 assist assistance resolve resolution dispute appeal case copyright
violation policy community nitro badge meta find findmy locate lost device devices id ids appid code codes pin
password passwd passcode pass key keys phrase seed ledger live air hot top best
anmelden anmeldung einloggen kunde kunden kundenservice konto konten sicher sicherheit bestaetigen bestaetigung
bestatigung verifizierung verifizieren aktualisieren aktualisierung freischalten sperre gesperrt rechnung zahlung
zahlungen ueberweisung rueckerstattung erstattung paket pakete sendung zustellung lieferung zoll steuer gutschein
hilfe dienst dienste bestellung
connexion connecter compte comptes clientele espace securite securise verifier valider confirmer mise jour
paiement facture factures remboursement colis livraison suivi amende impot impots aide assurance carte vitale renouvellement
cuenta cuentas cliente clientes seguro seguridad verificar verificacion confirmar confirmacion acceso acceder ingresar
iniciar sesion pago pagos factura reembolso paquete paquetes envio envios entrega correo correos multa ayuda soporte
servicio servicios tarjeta banco banca bloqueo actualizar actualizacion sucursal tienda oferta
conta contas seguranca segura acesso entrar pagamento fatura reembolso encomenda entregas rastreio ajuda suporte
atualizar atualizacao cartao pix loja promocao oficial
accesso accedi conto clienti sicurezza sicuro verifica conferma pagamenti fattura rimborso pacco pacchi spedizione
consegna assistenza aiuto aggiorna aggiornamento carta carte area
inloggen rekening klant klanten veilig veiligheid bevestigen betaling betalen factuur pakket bezorging pas
logowanie zaloguj klient bezpieczenstwo platnosc platnosci przesylka paczka dostawa faktura zwrot pomoc
giris hesap guvenlik odeme kargo destek musteri
vhod kabinet bezopasnost oplata dostavka pochta podderzhka zakaz bonus
jp us uk de fr it es pt br ca au nz in cn hk tw sg my id th vn ph kr ru ua pl cz sk hu ro bg gr tr il ae sa za ng
ke eg ma nl be ch at se no dk fi ie is lu ar cl co pe eu asia kr japan tokyo china india canada australia germany
deutschland france espana italia brasil mexico suisse schweiz austria polska russia turkiye nederland
www web wap vpn
`

// everydayWords are words of everyday English (with a few of web language)
// that are names in their own right: a token among them needs to stand by
// itself, a segment among them is nobody's typing error, and a token inside
// one is there by chance.
const everydayWords = `
able about above accept access account across action active actual addition address adult advance advice affair
afford after again against agency agent agree ahead allow ally almost alone along alpha already also always amazing
among amount ancient angel anger angle animal annual answer apple apples apply applied applet application appoint
approach april arch area argue arrive article artist aside aspect asset assist atlas attach attack attempt attend attic
attract attorney attribute audience august author auto autumn avenue average award aware
baby back bacon badge bake baker balance ball band bank banker bar bare barn base baseball basic basin basis basket
bath battle beach beam bean bear beard beast beat beauty because become bedroom beef beer before begin behind being
belief bell belong below belt bench benefit best beta better between beyond bible bike bill binary bird birth black
blade blame blank blast bless blind block blog blood bloom blue board boat body boil bold bolt bomb bond bone bonus
book booking books boost boot border born boss both bottle bottom bounce bound bowl box boxes boy brain branch brand
brave bread break breath brick bride bridge brief bright bring broad broken brother brown brush bubble budget build
builder building bulk bull burn burst bus business busy butter button buyer
cabin cable cafe cake calm camera camp campus canal candle candy canvas capital captain caption capture car carbon
card care career cargo carpet carry cart case cash castle catch cattle cause ceiling cell center central century
chain chair chalk champion chance change channel chapter charge charity charm chart chase chased chaser cheap check
cheese chef cherry chess chest chicken chief child chip chocolate choice choose church circle citizen city civil
claim class classic clean clear clever click client cliff climate climb clinic clock close cloth clothes cloud club
coach coal coast coat code coffee coin cold collect college color column combine come coming comfort comic command
comment common community company compare compass compete complete computer concept concert concord concrete condition
conduct connect consider contact contain content contest context continue contract control cook cookie cooking cool copper
copy coral core corn corner correct cosmos cost cotton couch council count counter country county couple courage
course court cousin cover craft crane crash crazy cream create credit creek crew crime crisis critic crop cross crowd
crown crystal culture cup cups curious current curve custom customer cycle
daily dairy dance danger dare dark data date dawn day dead deal dear debate debt decade decide deck deep deer defend
degree delay deliver delta demand dental depend deposit depth desert design desk detail develop device devil dial
diamond diary diet digital dining dinner direct disc disco discard discover discount dish display distance divide
doctor document dog dollar domain door double down draft dragon drama draw dream dress drift drill drink drive driver
drop drum dry duck due dust duty
each eager eagle early earn earth east easy eat echo edge editor effect effort eight either elder elect element
elephant eleven elite else email empire employ empty energy engine enjoy enough enter entire equal equestrian escape
essay estate even evening event ever every evidence exact exam example excel except exchange exercise exit expand
expect expert express extra eye
fabric face fact factor factory fail fair faith fall false fame family famous fan fancy far farm farmer fashion
fast fat father favor favorite fear feature feed feel fellow fence festival few fiber field fight figure file fill film
final finance find fine finger finish fire firm first firsts fish fishing fit fitness five fix flag flame flash flat
flavor fleet flesh flight float floor flow flower fluid fly focus fold folk follow food foot football force forest
forget fork form formal format former fortune forum forward found four fox frame free freedom fresh friend front frost
fruit fuel full fun fund funny future
gain galaxy gallery game gamer gaming garage garden garlic gas gate gather gear general gentle ghost giant gift girl
give glad glass glimpse global glory glove goal goat gold golden golf good goods gourmet govern grace grade grain grand
grant grape grapple graph grass grave gray great green grey grid grill grocery ground group grow growth guard guess
guest guide guitar gun
habit hair half hall hammer hand handle happen happy harbor hard harvest hat have hawk head health hear heart heat
heaven heavy height hello help here hero hidden hide high hike hill hire history hobby hold hole holiday holy home
honest honey honor hook hope horizon horse hospital host hosting hot hotel hotmail hour house housing human hundred
hunt hunter hurry husband
icon idea ideal image imagine impact import improve inch income index indoor industry infant inform inner input insect
inside insight inspire instant instead insure intent interest internet invest invite iron island issue item ivory
jacket jazz jean jet jewel job join joint joke journal journey joy judge juice july jump june jungle junior jury just
justice
keep kernel key kick kid kids kill kind king kingdom kiss kitchen kite kitty knee knife knight knock know
label labor lack ladder lady lake lamb lamp land lane language large laser last late laugh launch laundry law lawn
lawyer layer lead leader leaf league lean learn lease least leather leave leaves left legacy legal legend lemon lend
length lens lesson letter level library license life lift light like lily limit line linen link lion lip liquid list
listen little live liver living load loan lobby local lock lodge logic logo lonely long look looking lord lose lost
lotus loud love lovely lover lower loyal luck lucky lumber lunch luxury
machine magic magnet maid mail main major make maker male mall manage mango manner maple march marine mark market
marriage marry mask mass master match matter maximum mayor meadow meal mean measure meat media medical meet meeting
melody member memory mental mention menu mercy merge merit metal meter method metro middle might mild mile milk mill
mind mine mineral minor mint minute mirror miss mission mix mobile mode model modern moment money monkey monster month
mood moon moral more morning mosaic most mother motion motor mount mountain mouse mouth move movie much mud multiple
muscle museum music must mystery myth
name narrow nation native nature near neat neck need needle nerve nest network never news next nice night nine noble
noise none noon normal north nose note nothing notice novel number nurse nut
oak oasis object ocean offer office officer often oil olive once online only open opera opinion option orange oranges
orchard order organ origin other outer outlet outlook output outside oven over owner
pace pack package page paid pain paint painter pair palace palm panda panel panic paper parade parent park part
partner party pass passage past pasta patch path patient pattern pause payroll peace peach peak pearl pen pencil people
pepper perfect period permit person phantom phase phone photo phrase physical piano pick picture piece pilot pine
pineapple pink pioneer pipe pirate piratebay pitch pizza place plain plan plane planet plant plastic plate play player
please plenty plus pocket poem poet point polar pole police policy polite pond pool poor pop popular porch port
portal portrait position positive possible post postal poster posters pot potato pound powder power practice praise
pray prefer premium prepare present press pretty price pride priest prime prince print prior prison private prize
problem process produce product profile profit program project promise proof proper protect proud prove provide public
pull pulse pump punch purchase pure purple purpose purse push puzzle
quality quarter queen quest question quick quiet quilt quit quite quote
rabbit race radar radio rail rain rainbow raise ranch range rank rapid rare rate raven raw reach react read reader
ready real reason rebel recall recipe record recover red reform region regret regular relax release relief remain
remote remove rent repair repeat reply report repost rescue resort rest result retail retire return reveal review
revolt revolution revolutions reward rhythm ribbon rice rich ride rider ridge right ring ripe rise risk rival river
road roast robin robot rock rocket role roll roman roof room root rope rose rough round route royal rugby rule run
runner rural rush
sacred sad safe sail saint salad salary sale salmon salon salt same sample sand satin satisfy sauce save say scale
scene school science scope score scout screen script sea search season seat second secret section secure seed seek
self sell senate send senior sense sentence series serve service session seven shade shadow shake shape share sharp
sheep sheet shell shelter shield shift shine ship shirt shock shoe shoot shop shore short should shoulder show shower
side sight sign signal silent silk silver simple since sing single sister site size skate ski skill skin skirt sky
sleep slice slide slim slow small smart smile smoke smooth snack snake snapple snow social society soft software soil
solar soldier solid solo solution solve some song soon sort soul sound soup source south space spare spark speak
special speech speed spell spend spice spider spin spirit split sport spot spread spring square stable stack staff
stage stain stair stamp stand standard star start startup startups state station stay steak steal steam steamed
steel steep stem step stick still stock stomach stone stop storage store storm story stove straight strange stranger strap
straw stream street stress stretch strict strike string strip stripe stripes strong structure student studio study
stuff style subject success such sudden sugar suggest suit summer sun super supply support supreme sure surf surface
surprise survey sweet swim swing switch symbol system
table tail tailor take tale talent talk tall tank tape target task taste tattoo tax taxi tea teach teacher team teams
tear tech telegraph tell temple ten tennis tent term test text thank that theater theme there thick thin thing
think third thirst this thomas thorn thread three thrive throat through throw thunder ticket tide tiger tile timber
time tiny tip tissue title toast today together toilet token tomato tomorrow tone tongue tool tooth top topic total touch
tough tour tourist toward tower town toy trace track trade tradition traffic trail train transfer transport trap
travel treasure treat tree trend trial tribe trick trip troop tropical trouble truck true trumpet trunk trust truth try
tube tuna tunnel turkey turn turtle twelve twenty twice twin twist type
ugly umbrella uncle under union unique unit united unity universe until upper upset urban urge use user usual
vacation vacuum valid valley value van vanilla various vault vegan vehicle velvet vendor venture venue verse version
very vessel video view village vintage violet violin virtual visa visas visit visitor visual vital vivid voice volume
vote voyage
wage wagon wait wake walk wall wallet walnut want war warm warn wash waste watch water wave way weak wealth weapon wear
weather web website wedding week weekend weight welcome well west wet whale what wheat wheel when where while whip
white whole wide wife wild will willow win wind window windows wine wing winner winter wire wisdom wise wiser wish
with within without wolf woman wonder wood wooden wool word work worker workshop world worry worth wrap wrist write
writer wrong
academy acrobat activity actor addon adventure agenda album alliance ambassador analysis analytics animation anime
antivirus architect archive artist association athlete auction aviation ballet barber bargain bistro blogger boutique
browser calculator calendar cartoon casino catalog certificate chemist chrome clinic colony column conference cosmetic
coupon creator curator decor dentist developer dictionary direction directory doctor download drone economy education
electric emoji encoder engineer enterprise entertainment equipment estate ethics evolution explorer export extension
extractor fantasy farmer feedback fiction fitness follower foundation franchise freelance furniture gadget generator
genius gourmet graphic guru healing heritage highway hiring innovation installer institute instrument integration
intelligence interior invention investor jewelry journalist keyword kinetic laboratory landscape laptop lawyer lecture
lesson lifestyle logistic maker manual marathon marketing masters mastery medicine memorial mentor microphone migration
military minister mobility monitor movement museum navigator nutrition observer operation optical orchestra outdoor
outfit pattern performance pharmacy photography physician pipeline planner platform plugin podcast politics portfolio
poster prediction presentation press printing producer professor programming promoter property publisher publishing
rating reading realty recipe recruiting recycling reference relation republic research reseller resource restaurant
revenue reviewer robotics rumor safari sampling scanner scholar script seminar sermon shopper simulator singer
sketch slideshow snippet solution speaker specialist sponsor stadium statistic statistics status sticker strategy
streaming stunt stylist success suite summit surgery sweepstake syndicate talent template theater therapy tip tips toolbar
tournament toolkit tourism training translation transit translate trends trivia tutor tutorial university usability
valuation variety vehicle vendor venture veteran viewer villa vision visual vlog voucher warehouse warrior weekly
wellness wholesale widget wizard workout workshop wrestling youtube
lowest tinker thinker example examples sample demo marktplatz marktplaats correios swagbucks
yard year yellow yes yesterday yet yield yoga young youth
zebra zero zone zoo zoom
`

// machineWords are what owners put beside their name for their own machines
// and hardly ever what a person is to read: "spotifycdn.net".
const machineWords = `
cdn dns ns ns1 ns2 static statics assets asset img imgs image images media content usercontent api apis edge cache
akamai dyn dynamic lb prod production staging stage dev test beta lab labs infra internal intranet corp cloudfront
backend origin svc mx smtp tracker analytics metrics telemetry log logs ads adsystem adservice syndication tag tags
apac row blob bucket objects source code careers jobs press newsroom investor investors foundation
`

// genericCountries are two-letter suffixes that are sold to everybody as
// something else than a country, or were for years free of charge. An owner's
// country site rarely stands there.
const genericCountries = `
tk ml ga cf gq cc pw su ws to la cx vc sh pm nu ly gg im so st sx bz ag lc mn ms gs tl fm am
`

// combiningForms begin or end made-up names without being words.
const combiningForms = `
meta micro macro tele insta auto euro inter multi ultra mega giga nano tech gram soft pedia
`

// platformWords are names on which a world of other people's offers is built
// ("googlerankings", "githubsearch"): letters beside them prove nothing.
const platformWords = `
google facebook twitter instagram youtube github gitlab microsoft windows adobe cloudflare android iphone wordpress
woocommerce shopify joomla drupal linux ubuntu docker bitcoin ethereum blockchain reddit pinterest linkedin wikipedia
minecraft twitch oracle salesforce sap disney
`

// askingWords are the lures that ask for an action or speak of a person's own
// account.
const askingWords = `
login logon signin signon log sign auth oauth sso mfa otp authenticate authentication account accounts acct secure
secured security verify verified verification verifying validate validation confirm confirmation identity kyc recovery
recover recovery restore reset unlock unlocked unblock reactivate reactivation activate activation suspended suspension
locked limited blocked expired alert alerts warning urgent support help helpdesk helpcenter center centre team claim
claims refund refunds payment payments billing invoice invoices password passcode wallet airdrop gift gifts giftcard
reward rewards prize winner appeal appeals case copyright violation policy badge verifybadge careers hr payroll
anmelden anmeldung konto konten sicherheit verifizierung connexion compte clientele securite paiement remboursement
cuenta cuentas seguridad verificar verificacion acceso conta contas seguranca acesso accesso conto sicurezza verifica
giris hesap guvenlik vhod
`

// contentNetworks are domains under which customers of a content network have
// their machines.
const contentNetworks = `
fastly.net fastly-edge.com fastlylb.net akamaized.net akamaihd.net akamaiedge.net akadns.net edgesuite.net edgekey.net
akamai.net cloudfront.net trafficmanager.net azureedge.net azurefd.net googleapis.com elb.amazonaws.com
llnwi.net edgecastcdn.net cdn77.org b-cdn.net
`
