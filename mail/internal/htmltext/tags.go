package htmltext

// tag identifies an element that the renderer treats in a way of its own.
type tag uint8

const (
	tagOther tag = iota
	tagA
	tagAddress
	tagApplet
	tagArea
	tagArticle
	tagAside
	tagAudio
	tagB
	tagBase
	tagBig
	tagBlockquote
	tagBody
	tagBr
	tagButton
	tagCaption
	tagCenter
	tagCode
	tagCol
	tagColgroup
	tagDatalist
	tagDd
	tagDetails
	tagDialog
	tagDir
	tagDiv
	tagDl
	tagDt
	tagEm
	tagEmbed
	tagFieldset
	tagFigcaption
	tagFigure
	tagFont
	tagFooter
	tagForm
	tagFrame
	tagFrameset
	tagH1
	tagH2
	tagH3
	tagH4
	tagH5
	tagH6
	tagHead
	tagHeader
	tagHr
	tagHtml
	tagI
	tagIframe
	tagImage
	tagImg
	tagInput
	tagLegend
	tagLi
	tagLink
	tagListing
	tagMain
	tagMarquee
	tagMath
	tagMenu
	tagMeta
	tagNav
	tagNobr
	tagNoembed
	tagNoframes
	tagNoscript
	tagObject
	tagOl
	tagOptgroup
	tagOption
	tagP
	tagParam
	tagPlaintext
	tagPre
	tagRp
	tagS
	tagScript
	tagSection
	tagSelect
	tagSmall
	tagSource
	tagSpan
	tagStrike
	tagStrong
	tagStyle
	tagSummary
	tagSvg
	tagTable
	tagTbody
	tagTd
	tagTemplate
	tagTextarea
	tagTfoot
	tagTh
	tagThead
	tagTitle
	tagTr
	tagTrack
	tagTt
	tagU
	tagUl
	tagUse
	tagVideo
	tagWbr
	tagXmp
	numTags
)

// trait is what the parsing rules of WHATWG HTML section 13.2.6 ask about an
// element.
type trait uint16

const (
	isVoid       trait = 1 << iota // has no content and no end tag
	isBlock                        // starts and ends a line
	isPara                         // a block with a margin: a blank line around it
	isFormatting                   // survives misnesting (the adoption agency)
	isSpecial                      // ends the search for the start of an inline element
	isScope                        // end tags do not reach beyond it
	closesP                        // its start tag ends an open paragraph
	isTablePart                    // stands directly inside of a table
	isRaw                          // its content is not markup
	isUnseen                       // its content is not displayed
)

// tagEntry is one row of the element table.
type tagEntry struct {
	name  string
	trait trait
}

const blockTraits = isBlock | isSpecial | closesP

// elements gives each element its name and traits.
//
//nolint:gochecknoglobals // a constant table; Go has no constant arrays
var elements = [numTags]tagEntry{
	tagOther:      {"", 0},
	tagA:          {"a", isFormatting},
	tagAddress:    {"address", blockTraits},
	tagApplet:     {"applet", isSpecial | isScope},
	tagArea:       {"area", isVoid},
	tagArticle:    {"article", blockTraits},
	tagAside:      {"aside", blockTraits},
	tagAudio:      {"audio", 0},
	tagB:          {"b", isFormatting},
	tagBase:       {"base", isVoid},
	tagBig:        {"big", isFormatting},
	tagBlockquote: {"blockquote", blockTraits | isPara},
	tagBody:       {"body", isBlock | isSpecial},
	tagBr:         {"br", isVoid},
	tagButton:     {"button", isSpecial},
	tagCaption:    {"caption", isBlock | isSpecial | isScope | isTablePart},
	tagCenter:     {"center", blockTraits},
	tagCode:       {"code", isFormatting},
	tagCol:        {"col", isVoid | isTablePart},
	tagColgroup:   {"colgroup", isSpecial | isTablePart},
	tagDatalist:   {"datalist", isUnseen},
	tagDd:         {"dd", blockTraits},
	tagDetails:    {"details", blockTraits},
	tagDialog:     {"dialog", blockTraits},
	tagDir:        {"dir", blockTraits},
	tagDiv:        {"div", blockTraits},
	tagDl:         {"dl", blockTraits | isPara},
	tagDt:         {"dt", blockTraits},
	tagEm:         {"em", isFormatting},
	tagEmbed:      {"embed", isVoid},
	tagFieldset:   {"fieldset", blockTraits},
	tagFigcaption: {"figcaption", blockTraits},
	tagFigure:     {"figure", blockTraits},
	tagFont:       {"font", isFormatting},
	tagFooter:     {"footer", blockTraits},
	tagForm:       {"form", blockTraits},
	tagFrame:      {"frame", isVoid},
	tagFrameset:   {"frameset", isSpecial},
	tagH1:         {"h1", blockTraits | isPara},
	tagH2:         {"h2", blockTraits | isPara},
	tagH3:         {"h3", blockTraits | isPara},
	tagH4:         {"h4", blockTraits | isPara},
	tagH5:         {"h5", blockTraits | isPara},
	tagH6:         {"h6", blockTraits | isPara},
	tagHead:       {"head", isSpecial},
	tagHeader:     {"header", blockTraits},
	tagHr:         {"hr", isVoid | isBlock | closesP},
	tagHtml:       {"html", isBlock | isSpecial | isScope},
	tagI:          {"i", isFormatting},
	tagIframe:     {"iframe", isRaw},
	tagImage:      {"image", isVoid},
	tagImg:        {"img", isVoid},
	tagInput:      {"input", isVoid},
	tagLegend:     {"legend", isBlock},
	tagLi:         {"li", blockTraits},
	tagLink:       {"link", isVoid},
	tagListing:    {"listing", blockTraits | isPara},
	tagMain:       {"main", blockTraits},
	tagMarquee:    {"marquee", isSpecial | isScope},
	tagMath:       {"math", 0},
	tagMenu:       {"menu", blockTraits},
	tagMeta:       {"meta", isVoid},
	tagNav:        {"nav", blockTraits},
	tagNobr:       {"nobr", isFormatting},
	tagNoembed:    {"noembed", isRaw | isUnseen},
	tagNoframes:   {"noframes", isRaw | isUnseen},
	tagNoscript:   {"noscript", 0}, // mail programs run no scripts, so its content is markup
	tagObject:     {"object", isSpecial | isScope},
	tagOl:         {"ol", blockTraits},
	tagOptgroup:   {"optgroup", isBlock},
	tagOption:     {"option", isBlock},
	tagP:          {"p", blockTraits | isPara},
	tagParam:      {"param", isVoid},
	tagPlaintext:  {"plaintext", blockTraits | isRaw},
	tagPre:        {"pre", blockTraits | isPara},
	tagRp:         {"rp", isUnseen},
	tagS:          {"s", isFormatting},
	tagScript:     {"script", isRaw | isUnseen},
	tagSection:    {"section", blockTraits},
	tagSelect:     {"select", isSpecial},
	tagSmall:      {"small", isFormatting},
	tagSource:     {"source", isVoid},
	tagSpan:       {"span", 0},
	tagStrike:     {"strike", isFormatting},
	tagStrong:     {"strong", isFormatting},
	tagStyle:      {"style", isRaw | isUnseen},
	tagSummary:    {"summary", blockTraits},
	tagSvg:        {"svg", 0},
	tagTable:      {"table", isBlock | isSpecial | isScope},
	tagTbody:      {"tbody", isBlock | isSpecial | isTablePart},
	tagTd:         {"td", isSpecial | isScope | isTablePart},
	tagTemplate:   {"template", isSpecial | isScope | isUnseen},
	tagTextarea:   {"textarea", isRaw},
	tagTfoot:      {"tfoot", isBlock | isSpecial | isTablePart},
	tagTh:         {"th", isSpecial | isScope | isTablePart},
	tagThead:      {"thead", isBlock | isSpecial | isTablePart},
	tagTitle:      {"title", isRaw | isUnseen},
	tagTr:         {"tr", isBlock | isSpecial | isTablePart},
	tagTrack:      {"track", isVoid},
	tagTt:         {"tt", isFormatting},
	tagU:          {"u", isFormatting},
	tagUl:         {"ul", blockTraits},
	tagUse:        {"use", 0},
	tagVideo:      {"video", 0},
	tagWbr:        {"wbr", isVoid},
	tagXmp:        {"xmp", blockTraits | isPara | isRaw},
}

func (t tag) is(x trait) bool { return elements[t].trait&x != 0 }

// attrID identifies an attribute that the renderer reads.
type attrID uint8

const (
	attrAction attrID = iota
	attrAlt
	attrAriaLabel
	attrBackground
	attrBgcolor
	attrClass
	attrColor
	attrContent
	attrData
	attrFormaction
	attrHeight
	attrHidden
	attrHref
	attrHTTPEquiv
	attrIDName
	attrLowsrc
	attrMethod
	attrName
	attrOpen
	attrPlaceholder
	attrPoster
	attrRel
	attrSize
	attrSrc
	attrSrcset
	attrStyle
	attrText
	attrType
	attrValue
	attrWidth
	attrXlinkHref
	numAttrs
	attrNone = numAttrs
)

// attrOf returns the attribute of a lower-case name.
func attrOf(name []byte) attrID {
	switch string(name) {
	case "style":
		return attrStyle
	case "class":
		return attrClass
	case "href":
		return attrHref
	case "src":
		return attrSrc
	case "width":
		return attrWidth
	case "height":
		return attrHeight
	case "alt":
		return attrAlt
	case "bgcolor":
		return attrBgcolor
	case "color":
		return attrColor
	case "size":
		return attrSize
	case "id":
		return attrIDName
	case "action":
		return attrAction
	case "aria-label":
		return attrAriaLabel
	case "background":
		return attrBackground
	case "content":
		return attrContent
	case "data":
		return attrData
	case "formaction":
		return attrFormaction
	case "hidden":
		return attrHidden
	case "http-equiv":
		return attrHTTPEquiv
	case "lowsrc":
		return attrLowsrc
	case "method":
		return attrMethod
	case "name":
		return attrName
	case "open":
		return attrOpen
	case "placeholder":
		return attrPlaceholder
	case "poster":
		return attrPoster
	case "rel":
		return attrRel
	case "srcset":
		return attrSrcset
	case "text":
		return attrText
	case "type":
		return attrType
	case "value":
		return attrValue
	case "xlink:href":
		return attrXlinkHref
	}
	return attrNone
}

// tagOf returns the element of a lower-case name by a perfect-enough hash: the
// table is small, so one string comparison decides.
func tagOf(name []byte) tag {
	if len(name) == 0 || len(name) > 10 {
		return tagOther
	}
	h := tagHash(name)
	for t := tagIndex.first[h]; t != tagOther; t = tagIndex.next[t] {
		if elements[t].name == string(name) {
			return t
		}
	}
	return tagOther
}

// tagHashes chains the elements of equal hash.
type tagHashes struct {
	first [256]tag
	next  [numTags]tag
}

func tagHash(name []byte) uint8 {
	return uint8(len(name))*31 + name[0]*7 + name[len(name)-1]*13 + name[len(name)/2]
}

var tagIndex = func() (x tagHashes) {
	for t := tagOther + 1; t < numTags; t++ {
		h := tagHash([]byte(elements[t].name))
		x.next[t] = x.first[h]
		x.first[h] = t
	}
	return x
}()
