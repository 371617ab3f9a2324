package htmltext

import "strings"

// rgba is a colour, 8 bits per channel: 0xRRGGBBAA.
type rgba uint32

const (
	black       rgba = 0x000000FF
	white       rgba = 0xFFFFFFFF
	linkBlue    rgba = 0x0000EEFF
	transparent rgba = 0
)

func (c rgba) channels() (r, g, b, a int) {
	return int(c >> 24), int(c >> 16 & 255), int(c >> 8 & 255), int(c & 255)
}

// over composites c over an opaque background.
func (c rgba) over(bg rgba) rgba {
	r, g, b, a := c.channels()
	if a == 255 {
		return c
	}
	r2, g2, b2, _ := bg.channels()
	mix := func(x, y int) rgba { return rgba((x*a + y*(255-a)) / 255) }
	return mix(r, r2)<<24 | mix(g, g2)<<16 | mix(b, b2)<<8 | 255
}

// maxAlikeDistance is the largest difference of a channel between colours that
// count as one: pale grey on white (#f0f0f0, 15 steps) is hardly legible,
// the common grey of footers on grey (#999 on #eee) is.
const maxAlikeDistance = 16

// alike reports whether text of colour c cannot be read on the opaque bg.
func (c rgba) alike(bg rgba) bool {
	r, g, b, _ := c.over(bg).channels()
	r2, g2, b2, _ := bg.channels()
	return near(r, r2) && near(g, g2) && near(b, b2)
}

func near(x, y int) bool { return x-y <= maxAlikeDistance && y-x <= maxAlikeDistance }

// parseColor reads a CSS colour. Unknown forms, inherit and currentColor are
// not ok.
func parseColor(s string) (c rgba, ok bool) {
	s = trimSpace(s)
	if s == "" {
		return 0, false
	}
	if s[0] == '#' {
		return parseHex(s[1:])
	}
	if i := strings.IndexByte(s, '('); i > 0 {
		end := strings.IndexByte(s, ')')
		if end < i {
			end = len(s)
		}
		return parseColorFunc(s[:i], s[i+1:end])
	}
	return namedColor(s)
}

func parseHex(s string) (rgba, bool) {
	var v rgba
	for i := 0; i < len(s) && i < 9; i++ {
		d := hexDigit(s[i])
		if d < 0 {
			return 0, false
		}
		v = v<<4 | rgba(d)
	}
	spread := func(v rgba) rgba { // #rgba to #rrggbbaa
		v = v&0xF000<<12 | v&0xF00<<8 | v&0xF0<<4 | v&0xF
		return v | v<<4
	}
	switch len(s) {
	case 3:
		return spread(v<<4 | 0xF), true
	case 4:
		return spread(v), true
	case 6:
		return v<<8 | 0xFF, true
	case 8:
		return v, true
	}
	return 0, false
}

// parseColorFunc reads rgb(), rgba(), hsl() and hsla() with their arguments.
func parseColorFunc(name, args string) (rgba, bool) {
	var v [4]float64
	var pct [4]bool
	v[3] = 1
	n := 0
	for i := 0; i < len(args) && n < 4; {
		if c := args[i]; !isDigit(c) && c != '.' && c != '-' && c != '+' {
			i++
			continue
		}
		x, unit, end := parseNumber(args, i)
		if end == i {
			i++
			continue
		}
		v[n], pct[n] = x, unit == "%"
		n++
		i = end
	}
	if n < 3 {
		return 0, false
	}
	if pct[3] {
		v[3] /= 100
	}
	alpha := clampByte(v[3] * 255)
	switch {
	case foldHas(name, "rgb"), foldHas(name, "rgba"):
		for i := range 3 {
			if pct[i] {
				v[i] = v[i] * 255 / 100
			}
		}
		return clampByte(v[0])<<24 | clampByte(v[1])<<16 | clampByte(v[2])<<8 | alpha, true
	case foldHas(name, "hsl"), foldHas(name, "hsla"):
		r, g, b := hslToRGB(v[0], v[1]/100, v[2]/100)
		return clampByte(r*255)<<24 | clampByte(g*255)<<16 | clampByte(b*255)<<8 | alpha, true
	}
	return 0, false
}

func clampByte(x float64) rgba {
	switch {
	case x <= 0:
		return 0
	case x >= 255:
		return 255
	}
	return rgba(x + 0.5)
}

// hslToRGB converts as CSS Color 4 section 7.1 has it; results are 0 to 1.
func hslToRGB(h, s, l float64) (r, g, b float64) {
	f := func(n float64) float64 {
		k := n + h/30
		k -= 12 * float64(int(k/12))
		if k < 0 {
			k += 12
		}
		a := s * min(l, 1-l)
		return l - a*max(-1, min(k-3, 9-k, 1))
	}
	return f(0), f(8), f(4)
}

// legacyColor reads the colour of a bgcolor, text or <font color> attribute
// (WHATWG HTML section 2.4.6, "rules for parsing a legacy color value").
func legacyColor(s string) (rgba, bool) {
	s = trimSpace(s)
	if s == "" || foldHas(s, "transparent") {
		return 0, false
	}
	if c, ok := namedColor(s); ok {
		return c, true
	}
	if len(s) == 4 && s[0] == '#' {
		if c, ok := parseHex(s[1:]); ok {
			return c, true
		}
	}
	if len(s) > 128 {
		s = s[:128]
	}
	s = strings.TrimPrefix(s, "#")
	var buf [132]byte
	d := buf[:0]
	for i := 0; i < len(s); i++ {
		if hexDigit(s[i]) >= 0 {
			d = append(d, s[i])
		} else {
			d = append(d, '0')
		}
	}
	for len(d) == 0 || len(d)%3 != 0 {
		d = append(d, '0')
	}
	return legacyChannels(d), true
}

// legacyChannels splits digits into three channels and keeps the two leading
// significant digits of each.
func legacyChannels(d []byte) rgba {
	n := len(d) / 3
	ch := [3][]byte{d[:n], d[n : 2*n], d[2*n:]}
	if n > 8 {
		for i := range ch {
			ch[i] = ch[i][n-8:]
		}
		n = 8
	}
	for n > 2 && ch[0][0] == '0' && ch[1][0] == '0' && ch[2][0] == '0' {
		for i := range ch {
			ch[i] = ch[i][1:]
		}
		n--
	}
	var c rgba
	for i := range ch {
		x := hexDigit(ch[i][0])
		if n > 1 {
			x = x<<4 | hexDigit(ch[i][1])
		}
		c = c<<8 | rgba(x)
	}
	return c<<8 | 0xFF
}

// namedColor reads a CSS colour name.
func namedColor(s string) (rgba, bool) {
	var buf [24]byte
	if len(s) > len(buf) {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		buf[i] = lower(s[i])
	}
	switch string(buf[:len(s)]) {
	case "white":
		return white, true
	case "black":
		return black, true
	case "transparent":
		return transparent, true
	}
	v, ok := colorNames[string(buf[:len(s)])]
	return rgba(v)<<8 | 0xFF, ok
}

// colorNames are the named colours of CSS Color 4 section 6.1.
var colorNames = map[string]uint32{
	"aliceblue": 0xf0f8ff, "antiquewhite": 0xfaebd7, "aqua": 0x00ffff, "aquamarine": 0x7fffd4,
	"azure": 0xf0ffff, "beige": 0xf5f5dc, "bisque": 0xffe4c4, "black": 0x000000,
	"blanchedalmond": 0xffebcd, "blue": 0x0000ff, "blueviolet": 0x8a2be2, "brown": 0xa52a2a,
	"burlywood": 0xdeb887, "cadetblue": 0x5f9ea0, "chartreuse": 0x7fff00, "chocolate": 0xd2691e,
	"coral": 0xff7f50, "cornflowerblue": 0x6495ed, "cornsilk": 0xfff8dc, "crimson": 0xdc143c,
	"cyan": 0x00ffff, "darkblue": 0x00008b, "darkcyan": 0x008b8b, "darkgoldenrod": 0xb8860b,
	"darkgray": 0xa9a9a9, "darkgreen": 0x006400, "darkgrey": 0xa9a9a9, "darkkhaki": 0xbdb76b,
	"darkmagenta": 0x8b008b, "darkolivegreen": 0x556b2f, "darkorange": 0xff8c00, "darkorchid": 0x9932cc,
	"darkred": 0x8b0000, "darksalmon": 0xe9967a, "darkseagreen": 0x8fbc8f, "darkslateblue": 0x483d8b,
	"darkslategray": 0x2f4f4f, "darkslategrey": 0x2f4f4f, "darkturquoise": 0x00ced1, "darkviolet": 0x9400d3,
	"deeppink": 0xff1493, "deepskyblue": 0x00bfff, "dimgray": 0x696969, "dimgrey": 0x696969,
	"dodgerblue": 0x1e90ff, "firebrick": 0xb22222, "floralwhite": 0xfffaf0, "forestgreen": 0x228b22,
	"fuchsia": 0xff00ff, "gainsboro": 0xdcdcdc, "ghostwhite": 0xf8f8ff, "gold": 0xffd700,
	"goldenrod": 0xdaa520, "gray": 0x808080, "green": 0x008000, "greenyellow": 0xadff2f,
	"grey": 0x808080, "honeydew": 0xf0fff0, "hotpink": 0xff69b4, "indianred": 0xcd5c5c,
	"indigo": 0x4b0082, "ivory": 0xfffff0, "khaki": 0xf0e68c, "lavender": 0xe6e6fa,
	"lavenderblush": 0xfff0f5, "lawngreen": 0x7cfc00, "lemonchiffon": 0xfffacd, "lightblue": 0xadd8e6,
	"lightcoral": 0xf08080, "lightcyan": 0xe0ffff, "lightgoldenrodyellow": 0xfafad2, "lightgray": 0xd3d3d3,
	"lightgreen": 0x90ee90, "lightgrey": 0xd3d3d3, "lightpink": 0xffb6c1, "lightsalmon": 0xffa07a,
	"lightseagreen": 0x20b2aa, "lightskyblue": 0x87cefa, "lightslategray": 0x778899, "lightslategrey": 0x778899,
	"lightsteelblue": 0xb0c4de, "lightyellow": 0xffffe0, "lime": 0x00ff00, "limegreen": 0x32cd32,
	"linen": 0xfaf0e6, "magenta": 0xff00ff, "maroon": 0x800000, "mediumaquamarine": 0x66cdaa,
	"mediumblue": 0x0000cd, "mediumorchid": 0xba55d3, "mediumpurple": 0x9370db, "mediumseagreen": 0x3cb371,
	"mediumslateblue": 0x7b68ee, "mediumspringgreen": 0x00fa9a, "mediumturquoise": 0x48d1cc, "mediumvioletred": 0xc71585,
	"midnightblue": 0x191970, "mintcream": 0xf5fffa, "mistyrose": 0xffe4e1, "moccasin": 0xffe4b5,
	"navajowhite": 0xffdead, "navy": 0x000080, "oldlace": 0xfdf5e6, "olive": 0x808000,
	"olivedrab": 0x6b8e23, "orange": 0xffa500, "orangered": 0xff4500, "orchid": 0xda70d6,
	"palegoldenrod": 0xeee8aa, "palegreen": 0x98fb98, "paleturquoise": 0xafeeee, "palevioletred": 0xdb7093,
	"papayawhip": 0xffefd5, "peachpuff": 0xffdab9, "peru": 0xcd853f, "pink": 0xffc0cb,
	"plum": 0xdda0dd, "powderblue": 0xb0e0e6, "purple": 0x800080, "rebeccapurple": 0x663399,
	"red": 0xff0000, "rosybrown": 0xbc8f8f, "royalblue": 0x4169e1, "saddlebrown": 0x8b4513,
	"salmon": 0xfa8072, "sandybrown": 0xf4a460, "seagreen": 0x2e8b57, "seashell": 0xfff5ee,
	"sienna": 0xa0522d, "silver": 0xc0c0c0, "skyblue": 0x87ceeb, "slateblue": 0x6a5acd,
	"slategray": 0x708090, "slategrey": 0x708090, "snow": 0xfffafa, "springgreen": 0x00ff7f,
	"steelblue": 0x4682b4, "tan": 0xd2b48c, "teal": 0x008080, "thistle": 0xd8bfd8,
	"tomato": 0xff6347, "turquoise": 0x40e0d0, "violet": 0xee82ee, "wheat": 0xf5deb3,
	"white": 0xffffff, "whitesmoke": 0xf5f5f5, "yellow": 0xffff00, "yellowgreen": 0x9acd32,
}
