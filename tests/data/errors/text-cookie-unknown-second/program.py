#!/usr/bin/python
# coding: no-such-encoding
x = 1
