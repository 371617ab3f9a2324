package main

// Everyday words of the generated organisation, all made up.
var (
	givenNames = []string{"Anna", "Ben", "Clara", "David", "Eva", "Felix", "Greta", "Henrik", "Ines", "Jonas", "Karla", "Luis", "Marta", "Nils", "Olga", "Paul", "Rita", "Sven", "Tara", "Uwe", "Vera", "Wim", "Yara", "Zeno"}
	surnames   = []string{
		"Adler", "Brandt", "Costa", "Dahl", "Eklund", "Fischer", "Garnier", "Holm", "Iversen", "Jansen", "Keller", "Lindner", "Moreau", "Novak", "Olsen", "Petit", "Quist", "Rossi", "Sauer", "Torres",
		"Ullman", "Vogel", "Weiss", "Young", "Zeller", "Bauer", "Conti", "Duval", "Engel", "Ferro", "Gruber", "Huber", "Ivanov", "Jensen", "Kovacs", "Lang", "Meyer", "Nowak", "Ortega", "Pavlov",
		"Ricci", "Schmid", "Thoma", "Urban", "Vidal", "Wagner", "Ziegler", "Berger", "Carlsen", "Dietz", "Ebner", "Frank", "Graf", "Haas", "Imhof", "Jung", "Kern", "Lutz", "Maier", "Neumann",
	}
	firms = []string{
		"northbridge", "silverpine", "bluecanyon", "oakfield", "riverstone", "brightwater", "greenharbor", "stonegate", "fairmont", "westlake", "highland", "maplewood", "clearview", "redwood", "goldcrest",
		"ironworks", "lakeside", "mountview", "newhaven", "oldtown", "pinehurst", "quartzline", "rosefield", "sunridge", "timberland", "unionpark", "valleyforge", "windmill", "yellowstone", "zenithline",
		"amberfield", "birchwood", "cedarpoint", "dunmore", "eastgate", "foxhollow", "glenview", "hollybrook", "inverness", "jadehill",
	}
	sites     = []string{"zoomer-meet.com", "sharebox.net", "docsend-it.com", "calendly-go.com", "newswire.org", "statbureau.eu", "parliament-watch.eu", "railways.net", "hotelbook.com", "surveyhub.com"}
	subjects  = []string{"Meeting on Thursday", "Draft of the report", "Travel plans", "Question on the agenda", "Minutes", "Visit next month", "Workshop programme", "Figures for March", "Comments on the text", "Lunch"}
	sentences = []string{
		"Thank you for the quick answer, that helps us a lot.", "Could we talk about it on Thursday afternoon after the committee?", "The second chapter still needs a paragraph on transport.",
		"I have asked our colleagues in the regional office for their view.", "The room is booked from ten to twelve, coffee is taken care of.", "We would prefer the shorter version with the map on page four.",
		"Please tell me who else should be invited to the workshop.", "The figures of last year are in the annex, they have not changed.", "I will be away on Friday, but Marta can answer for me.",
		"It would be good to have the text in both languages.", "The delegation arrives on Monday evening by train.", "Nothing urgent from our side, just to let you know.",
	}
	invoices = []string{
		"Please find the invoice; payment by bank transfer to our usual account.", "The invoice for the second part is attached, payable within thirty days by transfer.",
		"Enclosed is our invoice for the translation; the bank details are on it.", "Here is the invoice for the rooms. Payment by transfer, please.",
	}
)

// lures are loud: what they want is what filters know. URL stands for a link to
// a new place.
var lures = []struct{ subject, text, file string }{
	{"Your mailbox", "Your password will expire. Sign-in to verify your account: URL", ""},
	{"Shared file", "I have shared a file with you: URL", ""},
	{"Change of bank details", "Please use our new IBAN for the open invoice; payment by wire transfer before Friday.", ""},
	{"Document for you", "Please see the attached document and confirm today.", "document.zip"},
	{"Are you available?", "I am in a meeting and can't talk. I need some gift cards for a client today, I will pay you back. Tell me how fast you can get them.", ""},
	{"Overdue invoice", "Our records show an unpaid invoice. Transfer the amount today to avoid a late fee; the bank details are in the attached statement.", "statement.pdf"},
	{"Signature needed", "A contract waits for your electronic signature. Review and sign it here: URL", ""},
	{"Voice message", "You have a new voice message of 47 seconds. Listen to it: URL", ""},
	{"Change of my account", "I would like to change my direct deposit before the next payroll. What do you need from me?", ""},
	{"Storage almost full", "Your mailbox has used 98 % of its quota and will be suspended. Upgrade your storage: URL", ""},
	{"Quick task", "Can you make an urgent wire transfer for me today? I will send the bank details of the beneficiary when you confirm.", ""},
	{"Scan from the office", "You have received a scanned document. Open the attachment and sign-in to read it.", "scan.html"},
}
