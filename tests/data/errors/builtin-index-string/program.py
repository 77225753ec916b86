word = "abc"
last = word[3]
