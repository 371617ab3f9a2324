package eval

import (
	"strings"

	"foregate/mql/internal/check"
)

// maxSpell bounds how deep Spell descends: it names texts, not rules.
const maxSpell = 4

// Spell names what a node computes, in the words of rules, shortened.
func Spell(n *check.Node) string {
	var b strings.Builder
	spell(&b, n, 0)
	return b.String()
}

func spell(b *strings.Builder, n *check.Node, depth int) {
	if depth > maxSpell {
		b.WriteString("…")
		return
	}
	switch n.Op {
	case check.Const:
		b.WriteString(n.Const.Show(quoteBytes))
	case check.Root:
		b.WriteString("message")
	case check.Scope:
		b.WriteString(strings.Repeat(".", n.N))
	case check.Gate:
		spell(b, n.Args[0], depth)
	case check.Path, check.Extra:
		switch n.Args[0].Op {
		case check.Root:
		case check.Scope:
			b.WriteString(strings.Repeat(".", n.Args[0].N))
		default:
			spell(b, n.Args[0], depth+1)
			b.WriteByte('.')
		}
		b.WriteString(n.Name)
	case check.List:
		b.WriteString("$" + n.Name)
	case check.Index:
		spell(b, n.Args[0], depth+1)
		b.WriteByte('[')
		spell(b, n.Args[1], depth+1)
		b.WriteByte(']')
	case check.Call, check.Loop:
		b.WriteString(n.Func.Name + "(")
		for i, a := range n.Args {
			if i > 0 {
				b.WriteString(", ")
			}
			if i > 2 {
				b.WriteString("…")
				break
			}
			spell(b, a, depth+1)
		}
		b.WriteByte(')')
	default:
		b.WriteString("…")
	}
}
