package shape

import (
	"slices"
	"strings"
)

// labels are the names that the classifier that ships can give, sorted, by the
// list of its answer that has them.
var labels = map[string][]string{
	"intents": {
		"advance_fee", "bec", "benign", "callback_scam", "cred_theft", "extortion", "job_scam", "steal_pii",
	},
	"tags": {
		"account_threat", "attack", "crypto", "dating", "fake_delivery", "giveaway", "invoice", "payment",
		"pharmacy", "purchase_order", "spam",
	},
	"entities": {
		"disclaimer", "financial", "greeting", "org", "recipient", "request", "salutation", "sender", "urgency",
	},
	"topics": {
		"Advertising and Promotions", "B2B Cold Outreach", "Benefit Enrollment",
		"Bounce Back and Delivery Failure Notifications", "Charity and Non-Profit",
		"Customer Service and Support", "E-Signature", "Educational and Research", "Entertainment and Sports",
		"Events and Webinars", "File Sharing and Cloud Services", "Financial Communications",
		"Government Services", "Health and Wellness", "Legal and Compliance", "News and Current Events",
		"Newsletters and Digests", "Order Confirmations", "Out of Band Pivot", "Payment Information",
		"Political Mail", "Professional and Career Development", "Purchase Orders",
		"Reminders and Notifications", "Request to View Invoice", "Romance", "Secure Message",
		"Security and Authentication", "Sexually Explicit Messages", "Shipping and Package",
		"Software and App Updates", "Travel and Transportation", "Voicemail Call and Missed Call Notifications",
	},
}

// TextLabel tells whether ml.nlu_classifier can give a name in a list of its
// answer: intents, topics, entities or tags, regardless of case. A rule that asks for another is
// indeterminate where that decides.
func TextLabel(list, name string) bool {
	return slices.ContainsFunc(labels[list], func(l string) bool { return strings.EqualFold(l, name) })
}

// TextLabels returns the names that a list of the answer of ml.nlu_classifier can
// have, sorted.
func TextLabels(list string) []string { return slices.Clone(labels[list]) }
