package text

import (
	"unicode"
)

// profileRunes bounds how much of a text is read to tell its language.
const profileRunes = 600

// languageName names an ISO 639-1 code as rules do.
func languageName(code string) string {
	switch code {
	case "ar":
		return "arabic"
	case "de":
		return "german"
	case "en":
		return "english"
	case "es":
		return "spanish"
	case "fr":
		return "french"
	case "hy":
		return "armenian"
	case "it":
		return "italian"
	case "ja":
		return "japanese"
	case "ka":
		return "georgian"
	case "nl":
		return "dutch"
	case "pl":
		return "polish"
	case "pt":
		return "portuguese"
	case "ru":
		return "russian"
	case "tr":
		return "turkish"
	case "uk":
		return "ukrainian"
	case "zh":
		return "chinese"
	}
	return ""
}

// trigrams calls each with the hashed 3-grams of a text's words, at most
// profileRunes runes, and counts the letters of each script.
func trigrams(text string, each func(uint32)) scripts {
	var s scripts
	window, n := uint64('_'), 0
	for _, r := range text {
		if n++; n > profileRunes {
			break
		}
		if !isLetter(r) {
			if window != '_' {
				each(key((window<<16|'_')&0xffffffffffff, kindGram+1))
			}
			window = '_'
			continue
		}
		s.count(r)
		start := window == '_'
		window = (window<<16 | uint64(lower(r))&0xffff) & 0xffffffffffff
		if !start {
			each(key(window, kindGram+1))
		}
	}
	return s
}

// scripts counts letters.
type scripts struct {
	latin, cyrillic, han, kana, georgian, armenian, arabic int
}

func (s *scripts) count(r rune) {
	switch {
	case r < 0x250:
		s.latin++
	case r < 0x400:
	case r < 0x530:
		s.cyrillic++
	case r < 0x590:
		s.armenian++
	case r >= 0x600 && r < 0x700:
		s.arabic++
	case r >= 0x10a0 && r < 0x1100 || r >= 0x1c90 && r < 0x1cc0:
		s.georgian++
	case r >= 0x3040 && r < 0x3100:
		s.kana++
	case unicode.Is(unicode.Han, r):
		s.han++
	}
}

// candidates returns the languages that a script leaves open, nil for all of
// an unknown one.
func (s scripts) candidates() []string {
	// A sign of Han or kana stands for more than a letter.
	han, kana := 2*s.han, 2*s.kana
	most := max(s.latin, s.cyrillic, s.armenian, s.arabic, s.georgian, han+kana)
	switch {
	case most == 0:
		return nil
	case han+kana == most && 12*kana >= han:
		return []string{"ja"}
	case han+kana == most:
		return []string{"zh"}
	case s.georgian == most:
		return []string{"ka"}
	case s.armenian == most:
		return []string{"hy"}
	case s.arabic == most:
		return []string{"ar"}
	case s.cyrillic == most:
		return []string{"ru", "uk"}
	}
	return []string{"en", "de", "es", "fr", "it", "nl", "pl", "pt", "tr"}
}

// leastTrigrams is how many known 3-grams of a text must be seen before a
// language of several is named.
const leastTrigrams = 6

// language tells the language of a text, "" when it cannot.
func (m *Model) language(text string) string {
	sums := make([]int, len(m.langs))
	known := 0
	s := trigrams(text, func(k uint32) {
		at := int(m.gramOf.find(k))
		if at < 0 {
			return
		}
		known++
		for i, w := range m.profiles[at*len(sums):][:len(sums)] {
			sums[i] += int(w)
		}
	})
	open := s.candidates()
	if len(open) == 1 {
		return open[0]
	}
	if known < leastTrigrams {
		return ""
	}
	best, found := "", 0
	for i, l := range m.langs {
		for _, c := range open {
			if c == l && (best == "" || sums[i] > found) {
				best, found = l, sums[i]
			}
		}
	}
	return best
}
