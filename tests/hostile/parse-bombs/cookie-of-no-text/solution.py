# coding: rot13
cevag(1)
