s = 'äöü€𝄞' + undefined
